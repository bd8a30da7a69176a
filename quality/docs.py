"""Data Docs: the last run of every suite as a static site, rendered by Great Expectations from masked results.

GE never sees the data again here: its result objects are built from CheckResults, so the site can show no more than
those. GE's pages load scripts and styles from six hosts on the internet; they are taken out, and our own sheet put in.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingestion.settings import Settings
from quality.build import Facts, Planned, plan
from quality.engine import great_expectations, new_context
from quality.results import CheckResult, Run, read_runs, summary
from quality.suites import Check, Suites, load_suites

_EXTERNAL = re.compile(
    r"""<script\b[^>]*\bsrc=["']https?:[^>]*>\s*</script>|<link\b[^>]*\bhref=["']https?:[^>]*>"""
    r"""|<img\b[^>]*\bsrc=["']https?:[^>]*>""",
    re.IGNORECASE | re.DOTALL,
)
_FOOTER = re.compile(r"<footer>.*?</footer>", re.DOTALL)  # an advertisement
_REMOTE_STYLE = re.compile(r"""url\(["']?https?:[^)]*\)""", re.IGNORECASE)
_STYLE = Path(__file__).resolve().parent / "docs.css"


def write_data_docs(settings: Settings, suites: Suites | None = None) -> Path:
    """Write the site of all last runs to `settings.data_docs_dir`, whole or not at all; returns its index.html."""
    great_expectations()
    target = settings.data_docs_dir
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{uuid4().hex}"
    draft.mkdir(mode=0o755)
    try:
        context = new_context(
            data_docs_sites={
                "local": {
                    "class_name": "SiteBuilder",
                    "show_how_to_buttons": False,
                    "store_backend": {
                        "class_name": "TupleFilesystemStoreBackend",
                        "base_directory": str(draft),
                    },
                    "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
                }
            }
        )
        runs = read_runs(settings)
        for (name, table), run in runs.items():
            _add(context, f"{name}.{table}", run, suites or load_suites(), settings)
        context.build_data_docs()
        (draft / "index.html").write_text(_index(draft, runs, suites or load_suites()), encoding="utf-8")
        _localise(draft)
        _swap(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target / "index.html"


def _add(context: Any, name: str, run: Run, suites: Suites, settings: Settings) -> None:
    """Put one table's suite and its last result into GE's stores."""
    from great_expectations.core import (
        ExpectationSuite,
        ExpectationSuiteValidationResult,
        RunIdentifier,
    )
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    checks = _checks(run, suites)
    planned = _planned(checks, run, settings)
    pairs = [(r, planned.get(r.check)) for r in run.results]
    context.suites.add(
        ExpectationSuite(
            name=name,
            expectations=[p.expectation for p in planned.values() if p.expectation],
            meta={"notes": {"format": "markdown", "content": [f"{len(checks)} checks"]}},
        )
    )
    results = [_result(r, p) for r, p in pairs]
    passed = sum(r.status == "passed" for r in run.results)
    identifier = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name),
        run_id=RunIdentifier(run_name=run.as_of.isoformat(), run_time=run.finished_at),
        batch_identifier=name,
    )
    context.validation_results_store.set(
        identifier,
        ExpectationSuiteValidationResult(
            results=results,
            success=passed == len(results),
            suite_name=name,
            statistics={
                "evaluated_expectations": len(results),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(results) - passed,
                "success_percent": 100 * passed / len(results) if results else None,
            },
            meta={
                "run_id": identifier.run_id,
                "great_expectations_version": great_expectations().__version__,
                "active_batch_definition": {"data_asset_name": run.results[0].table},
            },
        ),
    )


def _checks(run: Run, suites: Suites) -> tuple[Check, ...]:
    """The checks of the suite the run belongs to, as the suite says today."""
    result = run.results[0]
    if result.suite.startswith("contract_"):
        contract = suites.contracts.get(result.suite.removeprefix("contract_"))
        return contract.checks_of(result.table) if contract else ()
    mart = suites.marts.get(result.table)
    return mart.checks if mart else ()


def _planned(checks: Iterable[Check], run: Run, settings: Settings) -> dict[str, Planned]:
    from ingestion.registry import all_specs

    spec = next(
        (s.table(run.results[0].table) for s in all_specs() if s.name == run.results[0].source),
        None,
    )
    planned: dict[str, Planned] = {}
    for check in checks:
        if check.expectation == "columns_match_spec" and spec is None:
            continue
        planned[check.id] = plan([check], Facts(run.as_of, spec=spec))[0]
    return planned


def _result(result: CheckResult, planned: Planned | None) -> Any:
    """GE's view of a CheckResult: what was observed, and at most its masked failing rows."""
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    gx = great_expectations()
    if planned and planned.expectation:
        configuration = planned.expectation.configuration
    else:  # passed without running, or the suite crashed: shown as a check on the table
        configuration = gx.expectations.ExpectTableRowCountToBeBetween(min_value=0).configuration
    reason = planned.check.reason if planned else "the suite could not run"
    configuration = ExpectationConfiguration(
        type=configuration.type,
        kwargs=dict(configuration.kwargs),
        meta={"notes": {"format": "string", "content": [_caption(result), reason]}, "check": result.check},
    )
    shown: dict[str, Any] = {"observed_value": result.observed}
    if result.status == "passed" and result.n_failing == 0:
        shown["unexpected_percent"] = 0.0  # GE words some checks by it
    if result.n_failing:
        shown |= {
            "unexpected_count": result.n_failing,
            "partial_unexpected_list": [_line(row) for row in result.failing_rows],
        }
    crashed = result.status == "error"
    return ExpectationValidationResult(
        success=result.status == "passed",
        expectation_config=configuration,
        result=shown,
        exception_info={
            "raised_exception": crashed,
            "exception_message": result.observed if crashed else None,
            "exception_traceback": "not kept: it may quote data",
        },
    )


def _caption(result: CheckResult) -> str:
    source = f", source {result.source}" if result.source else ""
    return (
        f"{result.check} ({result.severity}{source}): {result.status}; {result.observed}; expected: {result.expected}"
    )


def _line(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={'null' if v is None else v}" for k, v in row.items())


def _index(site: Path, runs: Mapping[tuple[str, str], Run], suites: Suites) -> str:
    """The front page: what did not pass, with reason and rows, then every table. GE's own needs scripts to show any."""
    bad: list[str] = []
    tables: list[str] = []
    for (name, table), run in runs.items():
        checks = {c.id: c for c in _checks(run, suites)}
        counts = summary(run.results)
        good = counts["passed"] == len(run.results)
        # the newest page of this table; folders are named by time
        pages = sorted((site / "validations" / name / table).rglob("*.html"))
        link = pages[-1].relative_to(site).as_posix() if pages else ""
        mark = '<i class="fa-check-circle"></i>' if good else '<i class="fa-times"></i>'
        tables.append(
            _row(
                f"{mark} <a href='{escape(link)}'>{escape(table)}</a>" if link else f"{mark} {escape(table)}",
                escape(name),
                run.as_of,
                counts["passed"],
                counts["failed"],
                counts["errors"],
            )
        )
        for r in (r for r in run.results if r.status != "passed"):
            reason = checks[r.check].reason if r.check in checks else ""
            rows = "".join(f"<li>{escape(_line(row))}</li>" for row in r.failing_rows)
            bad.append(
                _row(
                    escape(f"{table}: {r.check}"),
                    f"{r.status} ({r.severity})",
                    escape(r.source or ""),
                    escape(r.observed),
                    escape(r.expected),
                    escape(reason) + (f"<details><summary>rows</summary><ul>{rows}</ul></details>" if rows else ""),
                )
            )
    failing = _table(("check", "status", "source", "observed", "expected", "why it matters"), bad)
    every = _table(("table", "run", "as of", "passed", "failed", "errors"), tables)
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Data Docs</title></head><body>"
        f"<h1>Data Docs</h1><h2>Not passed</h2>{failing if bad else '<p>All checks of the last runs passed.</p>'}"
        f"<h2>Tables</h2>{every if tables else '<p>No checks have run yet.</p>'}</body></html>"
    )


def _row(*cells: object) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    titles = "".join(f"<th>{h}</th>" for h in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _localise(site: Path) -> None:
    """Take out what a page would fetch from the internet, and give it our own sheet."""
    sheet = f"<style>\n{_STYLE.read_text(encoding='utf-8')}\n</style>"
    for page in site.rglob("*.html"):
        text = _EXTERNAL.sub("", _FOOTER.sub("", page.read_text(encoding="utf-8")))
        text = text.replace("</head>", f"{sheet}\n</head>", 1)
        if page.parent != site:  # GE's own way back needs scripts
            home = "../" * (len(page.relative_to(site).parts) - 1) + "index.html"
            link = f'<p class="home"><a href="{home}">Data Docs</a></p>'
            text = re.sub(r"(<body[^>]*>)", rf"\1{link}", text, count=1)
        page.write_text(_REMOTE_STYLE.sub("none", text), encoding="utf-8")
    for style in site.rglob("*.css"):
        style.write_text(_REMOTE_STYLE.sub("none", style.read_text(encoding="utf-8")), encoding="utf-8")


def _swap(draft: Path, target: Path) -> None:
    """Put the new site in place of the old one; two renames, so a reader may miss it for a moment but never sees half."""
    old = target.parent / f".{target.name}.{uuid4().hex}.old"
    if target.exists():
        target.replace(old)
    draft.replace(target)
    shutil.rmtree(old, ignore_errors=True)
