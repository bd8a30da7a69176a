"""Runs suites: the contract on a load package, the marts before publishing. A crash is an error, never a verdict."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingestion.privacy import error_text, mask
from ingestion.settings import Settings
from ingestion.spec import SourceSpec
from quality.build import Facts, Planned, plan
from quality.engine import Session, session
from quality.results import CheckResult, keep, read_accepted, shown, summary
from quality.suites import Check, MartSuite, Suites, load_suites

__all__ = ["CheckResult", "run_contract", "run_marts", "summary"]

SHOWN_ROWS = 20
WHOLE_SUITE = "suite"  # the check's name where the suite itself could not run
Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Batch:
    """One table under check: its address, how a failing row is named, what is personal, whose table it is."""

    suite: str
    table: str
    schema: str | None
    key: tuple[str, ...]
    personal: frozenset[str] = frozenset()
    known: frozenset[str] | None = None  # None: every column may be shown
    source: str | None = None

    @property
    def address(self) -> str:
        return f'"{self.schema}"."{self.table}"' if self.schema else f'"{self.table}"'


def run_contract(
    spec: SourceSpec,
    package: Mapping[str, Sequence[Path]],
    settings: Settings,
    as_of: date,
    suites: Suites | None = None,
) -> list[CheckResult]:
    """Check a load package (table -> parquet files) against the contract of the source's kind. Never raises.

    Tables without files have no checks. A source kind without a contract gives one critical error.
    """
    scratch = settings.scratch_dir / f"contract_{spec.name}_{uuid4().hex}"
    suite_name = f"contract_{spec.kind}"
    tables: Mapping[str, Sequence[Path]] = package
    try:
        tables = _tables(spec, package)
        contract = (suites or load_suites()).contracts.get(spec.kind)
        if contract is None:
            raise LookupError(f"no quality/suites/{suite_name}.yml for source kind {spec.kind}")
        scratch.mkdir(parents=True, exist_ok=True)
        results: list[CheckResult] = []
        with _quiet(), session(None, _views(spec, tables, scratch)) as db:
            for name in tables:
                table = spec.table(name)
                batch = _Batch(
                    suite_name,
                    name,
                    None,
                    contract.key,
                    table.personal,
                    frozenset(c.name for c in table.columns),
                    spec.name,
                )
                results += _run_batch(db, batch, contract.checks_of(name), Facts(as_of, spec=table))
    except Exception as error:  # noqa: BLE001 - a crash of the checks is an outcome of its own
        results = [_crash(_Batch(suite_name, t, None, (), source=spec.name), error) for t in tables]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    keep(settings, f"contract_{spec.name}", as_of, results, datetime.now(UTC))
    return results


def _tables(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> dict[str, list[Path]]:
    """The files with rows of the source's own tables. A file that only says which rows to delete brings none."""
    from pyarrow.parquet import read_schema

    tables: dict[str, list[Path]] = {}
    for table in spec.tables:
        marks = {c.name for c in table.columns if c.hard_delete} | set(table.merge_key)
        for file in package.get(table.name, ()):
            if not set(read_schema(file).names) <= marks:
                tables.setdefault(table.name, []).append(file)
    return tables


def _views(spec: SourceSpec, tables: Mapping[str, Sequence[Path]], scratch: Path) -> list[str]:
    """Statements that make each table of the package a view of the rows that will reach raw."""

    def quoted(path: Path) -> str:
        return "'" + str(path).replace("'", "''") + "'"

    views = [f"set temp_directory = {quoted(scratch)}"]
    for name, files in tables.items():
        rows = f"read_parquet([{', '.join(quoted(f) for f in files)}], union_by_name = true)"
        table = spec.table(name)
        if table.kept_as_files:  # its files leave out columns that hold nothing
            columns = ", ".join(f'null::{c.duckdb_type()} as "{c.name}"' for c in table.columns)
            rows = f"(select * from {rows} union all by name select {columns} where false)"
        marks = [c.name for c in table.columns if c.hard_delete]
        # an empty relation with the marks gives files without them a null to be compared with
        typed = ", ".join(f'null::boolean as "{m}"' for m in marks)
        if marks:
            rows = f"(select * from {rows} union all by name select {typed} where false)"
        kept = " and ".join(f'"{m}" is not true' for m in marks) or "true"
        exclude = f"exclude ({', '.join(marks)})" if marks else ""
        views.append(f'create view "{name}" as select * {exclude} from {rows} where {kept}')
    return views


def run_marts(
    settings: Settings,
    as_of: date,
    progress: Progress | None = None,
    suites: Suites | None = None,
) -> list[CheckResult]:
    """Check every mart of warehouse.duckdb before it is published.

    Never raises; the warehouse is opened read-only. `write_data_docs` shows the results afterwards.
    """
    say = progress or (lambda message: None)
    marts = (suites or load_suites()).marts
    results: list[CheckResult] = []
    attach = [f"attach '{settings.ops_file}' as raw_ops (read_only)"] if settings.ops_file.exists() else []
    try:
        with _quiet(), session(settings.warehouse_file, attach) as db:
            history = _history(db, as_of, read_accepted(settings)) if attach else {}
            for suite in marts.values():
                batch = _mart_batch(suite)
                found = _run_batch(db, batch, suite.checks, Facts(as_of, history=history.get(suite.table, ())))
                results += found
                say(f"{suite.table}: {_said(found)}")
    except Exception as error:  # noqa: BLE001 - a crash of the checks is an outcome of its own
        done = {r.suite for r in results}
        results += [_crash(_mart_batch(s), error) for s in marts.values() if s.suite not in done]
    keep(settings, "marts", as_of, results, datetime.now(UTC), whole=True)
    return results


def _mart_batch(suite: MartSuite) -> _Batch:
    return _Batch(suite.suite, suite.table, suite.relation.split(".")[0], suite.key)


def _said(results: Sequence[CheckResult]) -> str:
    bad = [f"{r.check} {r.status} ({r.observed})" for r in results if r.status != "passed"]
    return f"{len(results)} checks" + (f", {'; '.join(bad)}" if bad else " passed")


def _history(db: Session, as_of: date, accepted: Mapping[str, date]) -> dict[str, list[int]]:
    """Row counts of the nights before as_of by mart, newest first; only since a person last accepted its volume."""
    rows = db.rows(
        "select relation, n_rows, as_of from raw_ops.ops.table_volume "
        f"where as_of < date '{as_of.isoformat()}' order by as_of desc"
    )
    history: dict[str, list[int]] = {}
    for row in rows:
        mart = str(row["relation"]).split(".")[-1]
        if row["as_of"] >= accepted.get(mart, date.min):
            history.setdefault(mart, []).append(int(row["n_rows"]))
    return history


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GE and SQLAlchemy warn on reflection of a dialect they do not know
        yield


def _run_batch(db: Session, batch: _Batch, checks: Sequence[Check], facts: Facts) -> list[CheckResult]:
    """All checks of one table, in the suite's order. A crash in the set-up is one error for this table only."""
    if not checks:
        return []
    try:
        columns = frozenset(r["column_name"] for r in db.rows(f"describe select * from {batch.address}"))
        total = int(db.rows(f"select count(*) as n from {batch.address}")[0]["n"])
        planned = {c.id: _planned(c, facts) for c in checks}
        ready = [p for p in planned.values() if isinstance(p, Planned)]
        outcomes = _validate(db, batch, ready, columns)
    except Exception as error:  # noqa: BLE001 - nothing is known of this table, and the others go on
        return [_crash(batch, error)]
    results: list[CheckResult] = []
    for check in checks:
        p = planned[check.id]
        try:
            if isinstance(p, Exception):
                raise p
            results += _results(db, batch, p, outcomes.get(check.id), total)
        except Exception as error:  # noqa: BLE001 - nothing is known of this check, and the others go on
            message = error_text(f"{type(error).__name__}: {error}")
            blank = _blank(batch, p if isinstance(p, Planned) else Planned(check, "the check can be built"))
            results.append(replace(blank, status="error", observed=message))
    return results


def _planned(check: Check, facts: Facts) -> Planned | Exception:
    """The check ready to run, or why it cannot be built."""
    try:
        return plan([check], facts)[0]
    except Exception as error:  # noqa: BLE001 - handed back
        return error


def _validate(db: Session, batch: _Batch, planned: Sequence[Planned], columns: frozenset[str]) -> dict[str, Any]:
    """GE's result by check id.

    Two runs a table: checks on rows only answer yes or no and hand over the query for failing rows (GE would fetch all
    of them), checks on the table as a whole say what they observed.
    """
    from great_expectations import ExpectationSuite
    from great_expectations.validator.v1_validator import Validator

    asset = db.datasource.add_table_asset(
        batch.table, table_name=batch.table, **({"schema_name": batch.schema} if batch.schema else {})
    )
    # One validator a table: each new one would look up the table's columns again.
    validator = Validator(asset.add_batch_definition_whole_table("all"))
    by_rows = [p for p in planned if p.expectation and p.by_rows]
    by_value = [p for p in planned if p.expectation and not p.by_rows]
    told = [*batch.key, *(p.check.source_column for p in by_rows if p.check.source_column)]
    key = [c for c in dict.fromkeys(told) if c in columns]
    outcomes: dict[str, Any] = {}

    def run(group: Sequence[Planned], result_format: Any) -> None:
        expectations: list[Any] = [p.expectation for p in group]
        suite = ExpectationSuite(name=batch.suite, expectations=expectations)
        validator.result_format = result_format
        found: list[Any] = validator.validate_expectation_suite(suite).results
        for result in found:  # in GE's order, which is not ours
            outcomes[result.expectation_config.meta["check"]] = result

    def run_group(group: Sequence[Planned], result_format: dict[str, Any]) -> None:
        if not group:
            return
        run(group, result_format)
        # Checks share one query, and one that crashes takes it down: those alone tell which it was.
        crashed = [p for p in group if _exception(outcomes[p.check.id])]
        if len(crashed) > 1:
            for p in crashed:
                run([p], result_format)

    only_rows = {"result_format": "BOOLEAN_ONLY", "return_unexpected_index_query": True}
    run_group(by_rows, only_rows | {"unexpected_index_column_names": key})
    run_group(by_value, {"result_format": "BASIC"})
    return outcomes


def _exception(result: Any) -> str | None:
    """The message of a crash inside a check; None when it ran. GE nests it by metric, or not."""
    info = result.exception_info or {}
    nested = [info, *(v for v in info.values() if isinstance(v, dict))]
    for one in nested:
        if one.get("raised_exception"):
            return str(one.get("exception_message") or "no message")
    return None


def _blank(batch: _Batch, p: Planned) -> CheckResult:
    return CheckResult(
        suite=batch.suite,
        check=p.check.id,
        table=batch.table,
        column=", ".join(p.check.columns) or None,
        status="passed",
        severity=p.check.severity,
        observed="",
        expected=p.expected,
        source=batch.source,
    )


def _results(db: Session, batch: _Batch, p: Planned, outcome: Any, total: int) -> list[CheckResult]:
    """What one check says: one result, or one a source where its fault is traced to sources."""
    blank = _blank(batch, p)
    if p.answer is not None:
        return [replace(blank, observed=p.answer)]
    if outcome is None:
        return [replace(blank, status="error", observed="the check gave no result")]
    if message := _exception(outcome):
        return [replace(blank, status="error", observed=error_text(message))]
    if p.by_rows:
        if outcome.success:
            return [replace(blank, observed=f"holds for {total} rows", n_failing=0)]
        own = p.sql or p.failing
        query = own.format(batch=batch.address) if own else str(outcome.result.get("unexpected_index_query") or "")
        if not query:
            return [replace(blank, status="error", observed="the check failed without saying which rows")]
        return _failed_rows(db, batch, p, blank, query, total)
    observed = _observed(outcome.result)
    if batch.personal & set(p.check.columns):
        observed = mask(observed) or ""
    observed += f"; {p.note}" if p.note else ""
    if outcome.success:
        return [replace(blank, observed=observed)]
    return [_traced(replace(blank, status="failed", observed=observed), p.check.source)]


def _observed(result: Mapping[str, Any]) -> str:
    """What a check on the whole table saw."""
    details = (result.get("details") or {}).get("mismatched")
    if details:
        said = [
            f"{word}: {', '.join(details[key])}"
            for key, word in (("missing", "missing"), ("unexpected", "not expected"))
            if details.get(key)
        ]
        return "; ".join(said)
    value = result.get("observed_value")
    return f"{len(value)} columns" if isinstance(value, list) else str(value)


def _traced(result: CheckResult, source: str | None) -> CheckResult:
    """A fault of one source is that source's warning, so that it does not silence the others."""
    return replace(result, severity="warning", source=source) if source else result


def _failed_rows(
    db: Session, batch: _Batch, p: Planned, blank: CheckResult, query: str, total: int
) -> list[CheckResult]:
    """The failing rows, counted and shown; by source where the check names the column that tells it."""
    check = p.check
    failing = f"({query.rstrip().rstrip(';')}) as f"
    # SQL says itself what to show; for the others it is what names the row, and what the check looked at.
    named = () if p.sql else (*batch.key, check.source_column, *check.columns)
    there = {r["column_name"] for r in db.rows(f"describe select * from {failing}")}
    select = ", ".join(f'"{n}"' for n in dict.fromkeys(named) if n in there) or "*"
    # What the check on columns selects are names of columns, no data: nothing to hide there.
    known = None if check.expectation == "columns_match_spec" else batch.known

    def result(n: int, source: str | None, where: str = "") -> CheckResult:
        rows = db.rows(f"select {select} from {failing} {where} order by all", limit=SHOWN_ROWS)
        safe = tuple(shown(r, batch.personal, known) for r in rows)
        observed = f"{n} of {total} rows" if known is not None or check.known.family != "house" else f"{n} columns"
        return _traced(replace(blank, status="failed", observed=observed, n_failing=n, failing_rows=safe), source)

    if check.source_column is None:
        return [result(int(db.rows(f"select count(*) as n from {failing}")[0]["n"]), check.source)]
    column = f'"{check.source_column}"'
    groups = db.rows(f"select {column} as source, count(*) as n from {failing} group by 1 order by 1")
    return [
        result(int(g["n"]), g["source"], f"where {column} is not distinct from {_literal(g['source'])}") for g in groups
    ]


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def _crash(batch: _Batch, error: Exception) -> CheckResult:
    return CheckResult(
        suite=batch.suite,
        check=WHOLE_SUITE,
        table=batch.table,
        column=None,
        status="error",
        severity="critical",
        observed=error_text(f"{type(error).__name__}: {error}"),
        expected="the suite runs",
        source=batch.source,
    )
