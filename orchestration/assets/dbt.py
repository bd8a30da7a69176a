"""The build step: all dbt models, seeds and tests, in a process of their own."""

import importlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtCliRuntimeError, DbtCliResource, dbt_assets
from packaging.version import Version

from ingestion.settings import Settings
from orchestration.manifest import DBT_PROJECT_DIR, dbt_environment, dbt_executable, fingerprint, target_dir
from orchestration.progress import tell
from orchestration.resources import Night
from orchestration.translators import Translator

BUILT = "built.fingerprint"
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
            # dbt's own log would hold every statement and event once more, ten megabytes a night
            os.environ.update(dbt_environment() | {"DBT_LOG_LEVEL_FILE": "none"})
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
            standing = _standing(night.settings, manifest) & context.selected_asset_keys
            # empty: leaving out a view does not leave out the tests that read it
            args += [
                "--indirect-selection",
                "empty",
                "--exclude",
                " ".join([TESTED_BEFORE, *(UNCHANGED if standing else ())]),
            ]
            error: DagsterDbtCliRuntimeError | None = None
            try:
                stream = resource.cli(args, context=context, target_path=target).stream()
                events = _with_progress(stream, len(context.selected_asset_keys) - len(standing))
                yield from _with_standing(events, standing, _parents(manifest), context.asset_key_for_output)
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
            if context.selected_asset_keys == everything:
                _note_built(night.settings)

    everything = dbt.keys
    return dbt


# Keys of raw rows were checked by the contract before they were written: staging's tests are the project's, not the night's.
TESTED_BEFORE = "path:models/staging,resource_type:test"
# Views and seeds say tonight what they said when they were made, unless the project changed: only tables are built anew.
UNCHANGED = ("config.materialized:view,resource_type:model", "resource_type:seed")


def _standing(settings: Settings, manifest: Mapping[str, Any]) -> set[dg.AssetKey]:
    """The views and seeds that a whole build of this very project has left in the warehouse."""
    mark = settings.dbt_dir / BUILT
    if not (mark.exists() and settings.warehouse_file.exists() and mark.read_text() == _made_for(settings)):
        return set()
    key = Translator().get_asset_key
    return {
        key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "seed"
        or (node["resource_type"] == "model" and node["config"]["materialized"] == "view")
    }


def _parents(manifest: Mapping[str, Any]) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    """What each model reads of models and seeds."""
    nodes = {k: n for k, n in manifest["nodes"].items() if n["resource_type"] in ("model", "seed")}
    keys = {k: Translator().get_asset_key(n) for k, n in nodes.items()}
    return {keys[k]: [keys[p] for p in n.get("depends_on", {}).get("nodes", ()) if p in keys] for k, n in nodes.items()}


def _with_standing(
    events: Iterator[Any],
    standing: set[dg.AssetKey],
    parents: Mapping[dg.AssetKey, list[dg.AssetKey]],
    key_of: Callable[[str], dg.AssetKey],
) -> Iterator[Any]:
    """The events, and what stands told before the first that reads it: Dagster wants parents before children."""
    waiting = set(standing)

    def told(key: dg.AssetKey) -> Iterator[dg.MaterializeResult[None]]:
        for parent in parents.get(key, ()):
            yield from told(parent)
        if key in waiting:
            waiting.discard(key)
            yield dg.MaterializeResult(asset_key=key, metadata={"status": "stands as it was made before"})

    for event in events:
        if isinstance(event, dg.Output):
            yield from told(key_of(event.output_name))
        yield event
    for key in sorted(waiting):
        yield from told(key)


def _made_for(settings: Settings) -> str:
    """What the views were made from: the project and the sources, and the file they lie in."""
    return f"{fingerprint(settings)} {settings.warehouse_file.stat().st_ino}"


def _note_built(settings: Settings) -> None:
    (settings.dbt_dir / BUILT).write_text(_made_for(settings))


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
