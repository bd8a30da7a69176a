"""The load step: every raw table of every source, and what the house knows of the night (ops).

A source that fails does not stop the night: its tables keep their last good data, are reported with that
status, and
the verdict at the end is red.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ingestion import ops
from ingestion.registry import all_specs
from ingestion.spec import SourceSpec
from orchestration.checks import check_result
from orchestration.progress import tell
from orchestration.resources import Night
from orchestration.translators import owner, raw_group, raw_spec, system_key

if TYPE_CHECKING:
    from ingestion.pipeline import LoadReport
    from quality.run import CheckResult

OPS_DESCRIPTIONS = {
    "run": "As-of and reporting zone of this night: the one clock of all models.",
    "load_status": "What became of each source: status, last good night, staleness.",
    "load_log": "Every load with its wall-clock time, for people; no model reads it.",
    "coverage": "Through which day each source delivers what it provides.",
    "backfill": "Ranges of days that were pulled again by hand, for people.",
    "table_volume": "Rows of each published mart, night by night, for the volume checks; written last.",
}


def system_specs() -> list[dg.AssetSpec]:
    """Where the data comes from: not ours to make, shown so that lineage begins where the data does."""
    return [
        dg.AssetSpec(
            system_key(spec),
            description=f"{spec.description}\n\nFeeds: {', '.join(sorted(spec.provides))}.",
            group_name="systems",
            owners=owner(spec.owner),
            kinds={spec.kind},
        )
        for spec in all_specs()
    ]


def raw_specs() -> list[dg.AssetSpec]:
    return [raw_spec(spec, table) for spec in all_specs() for table in spec.tables]


def ops_specs() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            dg.AssetKey(["ops", name]),
            deps=[system_key(spec) for spec in all_specs()],
            description=OPS_DESCRIPTIONS.get(name, ""),
            group_name=raw_group("ops"),
            kinds={"duckdb"},
        )
        for name in ops.TABLES
    ]


def check_specs() -> list[dg.AssetCheckSpec]:
    """`contract` on every raw table; `loaded` and `fresh` once a source, on its first table."""
    found = []
    for spec in all_specs():
        first = dg.AssetKey([spec.name, spec.tables[0].name])
        found.append(dg.AssetCheckSpec("loaded", asset=first, description=f"Source {spec.name} loaded tonight."))
        days = spec.stale_after_days
        recent = "tonight's data, or older ones that still hold" if days is None else f"data of the last {days} days"
        found.append(dg.AssetCheckSpec("fresh", asset=first, description=f"Source {spec.name} has {recent}."))
        found += [
            dg.AssetCheckSpec(
                "contract",
                asset=dg.AssetKey([spec.name, table.name]),
                description="The contract on what came tonight, checked before it is written to raw.",
            )
            for table in spec.tables
        ]
    return found


def build_raw_assets() -> dg.AssetsDefinition:
    @dg.multi_asset(name="load", specs=[*raw_specs(), *ops_specs()], check_specs=check_specs(), can_subset=True)
    def load(
        context: dg.AssetExecutionContext, night: Night
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Loads sources side by side. A source loads as a whole, also when one of its tables is selected."""
        selected = context.selected_asset_keys
        wanted = selected | {check.asset_key for check in context.selected_asset_check_keys}
        names = [s.name for s in all_specs() if any(key.path[0] == s.name for key in wanted)]
        with night.step("load") as record:
            reports = {r.source: r for r in _load(context, night, names)}
            record.add_sources(reports.values())
            for loaded in reports.values():
                record.add_checks(_checks(loaded))
        for spec in all_specs():
            if report := reports.get(spec.name):
                yield from _results(spec, report, context, str(night.settings.data_docs_dir / "index.html"))
        for name in ops.TABLES:
            if dg.AssetKey(["ops", name]) in selected:
                yield dg.MaterializeResult(asset_key=["ops", name], metadata={"as_of": record.as_of})

    return load


def _load(context: dg.AssetExecutionContext, night: Night, names: list[str]) -> "list[LoadReport]":
    from ingestion.pipeline import load_all  # dlt: a second of import that only this step pays
    from ingestion.sandbox.demo import demo_if_needed

    as_of = night.load_as_of()

    def contract(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> "Sequence[CheckResult]":
        from quality.run import run_contract

        tell("load", f"{spec.name}: checking the contract", passing=True)
        return run_contract(spec, package, night.settings, as_of)

    def on_progress(source: str, message: str) -> None:
        context.log.debug(f"{source}: {message}")
        tell("load", f"{source}: {message}", passing=True)

    def on_report(report: "LoadReport") -> None:
        rows = f"{sum(report.rows.values()):,} rows" if report.rows else "no new rows"
        rejected = f", {report.rejected:,} rejected" if report.rejected else ""
        said = f"{report.source}: {report.status}, {rows}{rejected}, {report.seconds:.1f} s"
        said += f" - {report.message}" if report.message else ""
        (context.log.error if report.is_red else context.log.info)(said)
        tell("load", said)

    def on_demo(message: str, passing: bool) -> None:
        if not passing:
            context.log.info(message)
        tell("load", message, passing=passing)

    with demo_if_needed(night.settings, as_of, on_demo) as settings:
        return load_all(
            settings,
            as_of,
            names=names,
            contract=contract,
            progress=on_progress,
            on_report=on_report,
        )


def _results(
    spec: SourceSpec, report: "LoadReport", context: dg.AssetExecutionContext, docs: str
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    for table in spec.tables:
        key = dg.AssetKey([spec.name, table.name])
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "status": report.status,
                    "rows loaded": report.rows.get(table.name, 0),
                    "rejected (whole source)": report.rejected,
                    "seconds (whole source)": round(report.seconds, 2),
                    "last good as-of": str(report.last_good_as_of or "never"),
                    "data through": str(report.data_through_date or "unknown"),
                    **({"message": report.message} if report.message else {}),
                },
            )
    for result in (*_state(spec, report), *_contracts(spec, report, docs)):
        if _check_key(result) in context.selected_asset_check_keys:
            yield result


def _state(spec: SourceSpec, report: "LoadReport") -> Iterator[dg.AssetCheckResult]:
    """Whether the source loaded and is fresh. A source that is not configured is neither: it says so and
    passes.
    """
    first = dg.AssetKey([spec.name, spec.tables[0].name])
    idle = report.status == "not configured"
    said = report.message or report.status
    yield dg.AssetCheckResult(
        passed=not report.is_red,
        asset_key=first,
        check_name="loaded",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"not configured: {report.message}" if idle else f"{report.status}: {said}",
        metadata={"status": report.status, "last good as-of": str(report.last_good_as_of or "never")},
    )
    yield dg.AssetCheckResult(
        passed=idle or not report.is_stale,
        asset_key=first,
        check_name="fresh",
        severity=dg.AssetCheckSeverity.WARN,
        description="not configured" if idle else said,
        metadata={"data through": str(report.data_through_date or "unknown")},
    )


def _contracts(spec: SourceSpec, report: "LoadReport", docs: str) -> Iterator[dg.AssetCheckResult]:
    results = _checks(report)
    for table in spec.tables:
        key = dg.AssetKey([spec.name, table.name])
        mine = [r for r in results if r.table == table.name]
        if mine:
            if result := check_result(key, "contract", mine, docs):
                yield result
            continue
        why = {"not configured": "not configured", "failed": f"the source failed: {report.message}"}
        nothing = why.get(report.status, "nothing new came for this table")
        yield dg.AssetCheckResult(
            passed=True, asset_key=key, check_name="contract", description=f"nothing to check: {nothing}"
        )


def _check_key(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    assert result.asset_key and result.check_name
    return dg.AssetCheckKey(result.asset_key, result.check_name)


def _checks(report: "LoadReport") -> "list[CheckResult]":
    return list(report.checks)  # type: ignore[arg-type]  # ingestion knows them as a protocol, to import no quality
