"""The whole job in process, with planted sources and checks: what is red, what goes out, and what people are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest

import ingestion.pipeline
import orchestration.resources
import quality.docs
import quality.run
from ingestion import ops
from ingestion.pipeline import LoadReport
from ingestion.registry import all_specs
from ingestion.settings import Settings
from orchestration import publish
from orchestration.assets.audit import build_audit
from orchestration.assets.publication import build_publication
from orchestration.assets.raw import build_raw_assets
from orchestration.assets.verdict import build_verdict
from orchestration.night import NightRecord, judge, read_record
from orchestration.resources import Night
from quality.run import CheckResult
from tests.orchestration.conftest import NIGHT

MARTS = ("dim_channel", "fct_order")


def check(name: str = "amount_positive", table: str = "fct_order", **said: Any) -> CheckResult:
    given: dict[str, Any] = {
        "suite": table,
        "check": name,
        "table": table,
        "column": "amount",
        "status": "passed",
        "severity": "critical",
        "observed": "min -5",
        "expected": "at least 0",
    }
    return CheckResult(**given | said)


def report(**said: Any) -> LoadReport:
    given: dict[str, Any] = {
        "source": "files",
        "status": "loaded",
        "message": "",
        "rows": {"orders": 3},
        "last_good_as_of": NIGHT,
    }
    return LoadReport(**given | said)


@dataclass
class Outcome:
    result: dg.ExecuteInProcessResult
    record: NightRecord

    @property
    def failure(self) -> str:
        """What the first step that failed said."""
        events = [e for e in self.result.all_events if e.is_step_failure]
        if not events or not events[0].step_failure_data.error:
            return ""
        error = events[0].step_failure_data
        told = error.user_failure_data.description if error.user_failure_data else None
        return told or str(error.error)

    @property
    def made(self) -> set[str]:
        materialized = [e for e in self.result.all_events if e.is_step_materialization]
        return {e.asset_key.to_user_string() for e in materialized if e.asset_key}

    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        found = self.result.get_asset_check_evaluations()
        return {f"{c.asset_key.to_user_string()}:{c.check_name}": c for c in found}


@dataclass
class Plan:
    """What tonight's sources and checks say."""

    reports: Sequence[LoadReport] = field(default_factory=lambda: [report()])
    checks: Sequence[CheckResult] | Exception = field(default_factory=lambda: [check(), check(table="dim_channel")])
    write_docs: Callable[[Settings], object] = lambda settings: None


@pytest.fixture
def night(settings: Settings, build: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Runs the job with the dbt step left out: `build` is what dbt would have made."""
    monkeypatch.setattr(orchestration.resources, "get_settings", lambda: settings)

    def run(plan: Plan, as_of: date = NIGHT, amounts: Sequence[int] = (10, 20)) -> Outcome:
        def load_all(
            settings: Settings, as_of: date, on_report: Callable[[LoadReport], None], **_: object
        ) -> list[LoadReport]:
            ops.start_run(settings, as_of)
            ops.write_load_status(settings, plan.reports, as_of)
            for r in plan.reports:
                on_report(r)
            return list(plan.reports)

        def run_marts(*_: object, **__: object) -> Sequence[CheckResult]:
            if isinstance(plan.checks, Exception):
                raise plan.checks
            return plan.checks

        monkeypatch.setattr(ingestion.pipeline, "load_all", load_all)
        monkeypatch.setattr(quality.run, "run_marts", run_marts)
        monkeypatch.setattr(quality.docs, "write_data_docs", plan.write_docs)
        build(amounts)
        first = all_specs()[0]
        marts = [dg.AssetSpec(["marts", m], deps=[dg.AssetKey([first.name, first.tables[0].name])]) for m in MARTS]
        keys = [m.key for m in marts]
        defs = dg.Definitions(
            assets=[
                build_raw_assets(),
                _stand_in_for_dbt(marts),
                build_audit(keys),
                build_publication(marts),
                build_verdict(),
            ],
            jobs=[dg.define_asset_job("nightly", executor_def=dg.in_process_executor)],
            resources={"night": Night(as_of=as_of.isoformat())},
        )
        with dg.DagsterInstance.ephemeral() as instance:
            job = defs.resolve_job_def("nightly")
            result = job.execute_in_process(instance=instance, raise_on_error=False)
            return Outcome(result, read_record(settings, result.run_id))

    return run


def _stand_in_for_dbt(marts: Sequence[dg.AssetSpec]) -> dg.AssetsDefinition:
    @dg.multi_asset(name="dbt", specs=marts)
    def dbt() -> Any:
        for mart in marts:
            yield dg.MaterializeResult(asset_key=mart.key)

    return dbt


def test_a_good_night_is_green_and_publishes(night: Callable[..., Outcome], settings: Settings) -> None:
    out = night(Plan())
    assert out.result.success
    assert {"files/orders", "ops/run", "published/fct_order", "night/verdict"} <= out.made
    assert all(c.passed for c in out.checks().values())
    current = publish.current_generation(settings)
    assert current and current.as_of == NIGHT
    assert out.record.published["generation"] == current.id


def test_volumes_of_published_marts_are_kept_for_the_nights_to_come(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    night(Plan())
    con = duckdb.connect(str(settings.ops_file), read_only=True)
    volumes = con.execute("select relation, n_rows from ops.table_volume order by 1").fetchall()
    con.close()
    assert volumes == [("dim_channel", 1), ("fct_order", 2)]


def test_a_failing_source_does_not_stop_the_night_but_turns_it_red_after_publishing(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    out = night(Plan([report(status="failed", message="folder is gone", is_stale=True, rows={})]))
    assert not out.result.success
    assert "published/fct_order" in out.made
    assert publish.current_generation(settings)
    assert "source files failed: folder is gone (raw keeps its data of 2026-03-02)" in out.failure
    assert "python -m ingestion load files" in out.failure
    assert not out.checks()["files/leads:loaded"].passed
    assert out.checks()["files/leads:loaded"].severity == dg.AssetCheckSeverity.WARN


def test_a_contract_that_fails_is_red_on_its_table_and_in_the_verdict(night: Callable[..., Outcome]) -> None:
    broken = check("no_nulls", "orders", status="failed", source="files", observed="2 nulls")
    out = night(Plan([report(status="partial", message="orders kept apart", checks=(broken,))]))
    assert not out.result.success
    assert "published/fct_order" in out.made
    contract = out.checks()["files/orders:contract"]
    assert not contract.passed and contract.severity == dg.AssetCheckSeverity.ERROR
    assert "no_nulls on orders.amount failed: 2 nulls" in out.failure


def test_a_source_that_is_not_configured_says_so_and_fails_nothing(night: Callable[..., Outcome]) -> None:
    idle = report(status="not configured", message="no catalogue", rows={}, last_good_as_of=None)
    out = night(Plan([idle]))
    assert out.result.success
    assert out.checks()["files/leads:loaded"].description == "not configured: no catalogue"
    assert "not configured" in str(out.checks()["files/orders:contract"].description)


def test_a_stale_source_is_yellow_and_leaves_the_night_green(night: Callable[..., Outcome]) -> None:
    out = night(Plan([report(is_stale=True, message="newest day is 2026-02-20")]))
    assert out.result.success
    fresh = out.checks()["files/leads:fresh"]
    assert not fresh.passed and fresh.severity == dg.AssetCheckSeverity.WARN
    assert judge(out.record).warnings == ("source files is stale: newest day is 2026-02-20",)


def test_a_critical_check_that_fails_keeps_yesterday_published(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    night(Plan(), amounts=[1])
    before = publish.current_generation(settings)
    out = night(Plan(checks=[check(status="failed")]), as_of=NIGHT + timedelta(days=1), amounts=[-5])
    assert not out.result.success
    assert publish.current_generation(settings) == before
    assert "published/fct_order" not in out.made
    assert "night/publication" in out.made  # it says why nothing went out
    audit = out.checks()["marts/fct_order:audit"]
    assert not audit.passed and audit.severity == dg.AssetCheckSeverity.ERROR
    assert "amount_positive on fct_order.amount failed: min -5; expected at least 0" in out.failure
    assert before and f"readers still see {before.id}" in out.failure


def test_a_warning_traced_to_a_source_marks_it_stale_and_publishing_goes_on(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    late = check("fresh_enough", status="failed", severity="warning", source="files", observed="5 days")
    out = night(Plan(checks=[late]))
    assert out.result.success
    assert "published/fct_order" in out.made
    assert ops.read_load_status(settings)["files"]["is_stale"]
    current = publish.current_generation(settings)
    assert current and current.manifest()["sources"][0]["is_stale"]
    assert judge(out.record).warnings == ("source files is stale: fresh_enough on fct_order: 5 days",)


def test_a_contract_warning_is_told_and_marks_nothing_stale(night: Callable[..., Outcome]) -> None:
    few = check("volume", "orders", status="failed", severity="warning", source="files", observed="3 rows")
    out = night(Plan([report(checks=(few,))]))
    assert out.result.success
    assert judge(out.record).warnings == ("check volume on orders.amount: 3 rows; expected at least 0",)


def test_a_crash_of_a_critical_check_is_neither_failed_nor_passed_and_nothing_goes_out(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    crashed = check(status="error", observed="IndexError: list index out of range")
    out = night(Plan(checks=[crashed, check(table="dim_channel")]))
    assert not out.result.success
    assert "marts/fct_order:audit" not in out.checks()  # planned, without an outcome
    assert out.checks()["marts/dim_channel:audit"].passed
    assert "crashed" in out.failure and "nothing is known of the data" in out.failure
    assert publish.current_generation(settings) is None
    assert [p.what for p in judge(out.record).problems] == [
        "check amount_positive on fct_order.amount crashed: IndexError: list index out of range"
    ]


def test_a_crash_of_a_warning_check_turns_the_night_red_but_holds_nothing_back(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    out = night(Plan(checks=[check(status="error", severity="warning", observed="boom")]))
    assert not out.result.success
    assert "published/fct_order" in out.made
    assert "check amount_positive on fct_order.amount crashed: boom" in out.failure


def test_a_crash_of_all_checks_stops_before_publishing(night: Callable[..., Outcome], settings: Settings) -> None:
    out = night(Plan(checks=RuntimeError("no Great Expectations")))
    assert not out.result.success
    assert publish.current_generation(settings) is None
    assert out.record.crashes == {"audit": "RuntimeError: no Great Expectations"}


def test_an_earlier_night_is_refused_before_anything_is_loaded(
    night: Callable[..., Outcome], settings: Settings
) -> None:
    night(Plan())
    out = night(Plan(), as_of=NIGHT - timedelta(days=1))
    assert not out.result.success
    assert "data folder of its own" in judge(out.record).text()
    assert out.record.sources == []


def test_a_mart_without_rules_is_not_called_good(night: Callable[..., Outcome]) -> None:
    out = night(Plan(checks=[check()]))
    assert not out.checks()["marts/dim_channel:audit"].passed


def test_the_manifest_tells_what_the_checks_said(night: Callable[..., Outcome], settings: Settings) -> None:
    night(Plan(checks=[check(), check("b", status="failed", severity="warning")]))
    current = publish.current_generation(settings)
    assert current
    told = current.manifest()["checks"]
    assert (told["passed"], told["failed"]) == (1, 1)
    assert [c["check"] for c in told["not passed"]] == ["b"]


def test_data_docs_that_cannot_be_written_are_told_of_and_stop_nothing(night: Callable[..., Outcome]) -> None:
    def full(_: Settings) -> None:
        raise OSError("disk full")

    out = night(Plan(write_docs=full))
    assert out.result.success
    assert judge(out.record).warnings == ("Data Docs could not be written: OSError: disk full",)


def test_records_hold_no_failing_rows(night: Callable[..., Outcome]) -> None:
    rows = ({"email": "o***(14)"},)
    out = night(Plan(checks=[check(status="failed", severity="warning", failing_rows=rows)]))
    assert "o***(14)" not in json.dumps(out.record.not_passed)
