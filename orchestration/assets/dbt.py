"""The build step: all dbt models, seeds and tests, in a process of their own."""

import importlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtCliRuntimeError, DbtCliResource, dbt_assets
from packaging.version import Version

from orchestration.manifest import DBT_PROJECT_DIR, dbt_environment, dbt_executable, target_dir
from orchestration.progress import tell
from orchestration.resources import Night
from orchestration.translators import Translator

_BAD = {"error", "fail", "runtime error"}


class _Dbt(DbtCliResource):
    """DbtCliResource without two costs of each call: `dbt --version` in a process of its own, and a second
    adapter in
    this process, which would hold warehouse.duckdb open beside dbt."""

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None

    @property
    def _cli_version(self) -> Version:
        from importlib.metadata import version

        return Version(version("dbt-core"))


def build_dbt_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    @dbt_assets(manifest=manifest, name="dbt", dagster_dbt_translator=Translator())
    def dbt(context: dg.AssetExecutionContext, night: Night) -> Iterator[Any]:
        """`dbt build` of what is selected. Unit tests are the project's, not the night's."""
        with night.step("dbt") as record:
            night.built_as_of()
            os.environ.update(dbt_environment())
            threading.Thread(target=_import_checks, daemon=True).start()
            target = target_dir(night.settings)
            results = target / "run_results.json"
            results.unlink(missing_ok=True)
            resource = _Dbt(
                project_dir=str(DBT_PROJECT_DIR),
                profiles_dir=str(night.settings.dbt_dir),
                dbt_executable=dbt_executable(),
            )
            args = ["build", "--exclude-resource-types", "unit_test"]
            error: DagsterDbtCliRuntimeError | None = None
            try:
                stream = resource.cli(args, context=context, target_path=target).stream()
                yield from _with_progress(stream, len(context.selected_asset_keys))
            except DagsterDbtCliRuntimeError as e:
                error = e
            record.dbt = outcome(results)
            said = record.dbt["summary"]
            tell("dbt", said)
            if error and not record.dbt["failures"]:
                record.dbt["failures"] = [_last_line(error)]
            if error:
                failures = record.dbt["failures"]
                raise dg.Failure(
                    f"dbt: {said}\n" + "\n".join(f"- {f}" for f in failures[:20]), allow_retries=False
                ) from None

    return dbt


def _import_checks() -> None:
    """Great Expectations takes seconds to import: do it while dbt's process works. The audit says if it cannot be."""
    with suppress(Exception):
        importlib.import_module("great_expectations")


def _with_progress(events: Iterator[Any], n_all: int) -> Iterator[Any]:
    built = 0
    for event in events:
        if isinstance(event, dg.Output):
            built += 1
            tell("dbt", f"{built} of {n_all} models and seeds", passing=True)
        yield event


def outcome(run_results: Path) -> dict[str, Any]:
    """{built, passed, failures: [..], warnings: [..], summary} from dbt's run_results.json."""
    if not run_results.exists():
        return {
            "built": 0,
            "passed": 0,
            "failures": [],
            "warnings": [],
            "summary": "dbt stopped before it ran",
        }
    counts: Counter[str] = Counter()
    failures, warnings = [], []
    for result in json.loads(run_results.read_text())["results"]:
        kind, name = result["unique_id"].split(".")[0], result["unique_id"].split(".")[2]
        status = result["status"]
        counts[f"{kind}:{status}"] += 1
        line = f"{kind} {name}: {status}, {' '.join((result.get('message') or '').split())[:300]}"
        if status in _BAD:
            failures.append(line)
        elif status == "warn":
            warnings.append(line)
    built = sum(n for k, n in counts.items() if k.endswith(":success"))
    passed = counts["test:pass"]
    skipped = sum(n for k, n in counts.items() if k.endswith(":skipped"))
    parts = [f"{built} models and seeds built", f"{passed} tests passed"]
    parts += [f"{len(warnings)} warned"] * bool(warnings) + [f"{len(failures)} FAILED"] * bool(failures)
    parts += [f"{skipped} skipped"] * bool(skipped)
    return {
        "built": built,
        "passed": passed,
        "failures": failures,
        "warnings": warnings,
        "summary": ", ".join(parts),
    }


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
