"""The audit: Great Expectations on the built marts, before anything is published."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from ingestion import ops
from orchestration.checks import check_result, summary
from orchestration.night import NightRecord
from orchestration.progress import tell
from orchestration.resources import Night, short

if TYPE_CHECKING:
    from quality.run import CheckResult

AUDIT = dg.AssetKey(["night", "audit"])
CHECK = "audit"


def audit_marts(night: Night, record: NightRecord) -> "list[CheckResult]":
    """Run the mart suites and keep in the record what they mean for publishing."""
    from quality.run import run_marts  # Great Expectations: seconds of import that only this step pays

    as_of = night.built_as_of()
    tell("checks", "auditing the marts", passing=True)
    results = list(run_marts(night.settings, as_of, progress=lambda message: tell("checks", message, passing=True)))
    record.add_checks(results)
    record.audited = True
    record.blocked = [
        f"{r.check} on {r.table} {'crashed' if r.status == 'error' else 'failed'}"
        for r in results
        if r.severity == "critical" and r.status != "passed"
    ]
    for r in results:
        if r.source and r.severity == "warning" and r.status == "failed":
            why = f"{r.check} on {r.table}: {r.observed}"
            record.mark_stale(r.source, why)
            ops.mark_stale(night.settings, r.source, why)
    _write_docs(night, record)
    tell("checks", ", ".join(f"{n} {status}" for status, n in summary(results).items() if n) or "no rule")
    return results


def _write_docs(night: Night, record: NightRecord) -> None:
    """Data Docs are for people: without them the night goes on, and says so."""
    from quality.docs import write_data_docs

    try:
        write_data_docs(night.settings)
    except Exception as error:  # noqa: BLE001 - whatever stops the site must not stop the audit
        record.notes.append(f"Data Docs could not be written: {short(error)}")


def build_audit(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="audit",
        specs=[
            dg.AssetSpec(
                AUDIT,
                deps=marts,
                description="All mart suites on this build. A critical rule that fails blocks publishing.",
                group_name="night",
                kinds={"greatexpectations"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(CHECK, asset=mart, description="Rules of the mart's suite, before publishing.")
            for mart in marts
        ],
        can_subset=True,
        allow_arbitrary_check_specs=True,  # the checks are the marts', the step is not what makes the marts
    )
    def audit(
        context: dg.AssetExecutionContext, night: Night
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        docs = str(night.settings.data_docs_dir / "index.html")
        with night.step("audit") as record:
            results = audit_marts(night, record)
        for mart in marts:
            if dg.AssetCheckKey(mart, CHECK) in context.selected_asset_check_keys:
                mine = [r for r in results if r.table == mart.path[-1]]
                if outcome := check_result(mart, CHECK, mine, docs):
                    yield outcome
        crashed = [r for r in results if r.status == "error" and r.severity == "critical"]
        if crashed:
            said = "; ".join(f"{r.check} on {r.table}: {r.observed}" for r in crashed)
            raise dg.Failure(f"critical checks crashed, so nothing is known of the data: {said}", allow_retries=False)
        if AUDIT in context.selected_asset_keys:
            yield dg.MaterializeResult(
                asset_key=AUDIT,
                metadata={
                    **summary(results),
                    "blocked": record.blocked,
                    "Data Docs": dg.MetadataValue.path(docs),
                },
            )

    return audit
