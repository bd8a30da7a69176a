"""The plan's contract on load packages and its marts' suites: green on sound rows, red by planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ingestion.settings import Settings
from ingestion.sources.plan import SPEC
from quality.run import run_marts
from quality.suites import load_suites
from tests.quality.conftest import AS_OF
from tests.quality.test_contract_ads import Package, failed, one_in_twenty, parquet, run, sound

__all__ = ["parquet"]  # the fixture
Execute = Callable[[str], None]
ROWS = {
    "valid_from_version": "1",
    "valid_to_version": "null",
    "old_value": "'a'",
    "change_type": "'changed'",
    "version": "range",
}

# What a sound row of each mart holds; every other column is null.
SOUND = {
    "dim_goal": {
        "goal_key": "'g' || range", "goal_id": "'g' || range", "level": "'business'", "business_goal_id": "'g' || range",
        "target": "5", "target_basis": "'absolute'", "start_date": "date '2026-01-01'", "due_date": "date '2026-12-31'",
        "owner": "'Ada'", "goal": "'Sell more'", "baseline_start_date": "null::date",
    },
    "dim_activity": {
        "activity_key": "'a' || range", "activity_id": "'a' || range", "owner": "'Bo'", "impact": "8", "confidence": "7",
        "effort": "3", "ice_score": "448", "n_milestones": "2", "n_milestones_done": "1", "n_milestones_late": "1",
        "start_date": "date '2026-01-01'", "end_date": "date '2026-12-31'", "is_late": "false", "status": "'ongoing'",
    },
    "fct_budget_line": {
        "budget_line_key": "'b' || range", "owner": "'Bo'", "month_start": "date '2026-01-01'", "amount": "10",
        "amount_reporting": "10", "currency": "'NOK'",
    },
    "fct_cost": {
        "cost_key": "'k' || range", "category": "'media'", "date_day": "date '2026-10-01'", "month_start": "date '2026-10-01'",
        "amount_reporting": "10", "is_committed": "false", "source_name": "'files'",
    },
    "rpt_budget_pacing": {
        "pacing_key": "'p' || range", "grain": "'month'", "scope": "'activity'", "scope_value": "'a' || range",
        "period_start": "date '2026-10-01'", "planned": "100", "cap": "120", "actual": "90", "status": "'on budget'",
        "is_breach": "false", "as_of_date": "date '2026-11-01'",
    },
    "rpt_goal_progress": {
        "goal_key": "'g' || range", "goal_id": "'g' || range", "owner": "'Ada'", "status": "'on track'", "target": "60", "actual": "43",
        "forecast": "72", "forecast_low": "60", "forecast_high": "83", "condition_kpi": "'cpl_loaded'", "is_condition_met": "true",
        "baseline": "50", "measured_baseline": "51", "baseline_basis": "'plan'", "as_of_date": "date '2026-11-01'",
    },
    "rpt_activity": {
        "activity_key": "'a' || range", "activity_id": "'a' || range", "owner": "'Bo'", "activity": "'Autumn'", "outcome_value": "40",
        "outcome_basis": "'campaign'", "cost_reporting": "200", "as_of_date": "date '2026-11-01'",
    },
    "rpt_priorities": {
        "activity_key": "'a' || range", "activity_id": "'a' || range", "impact": "8", "confidence": "7", "effort": "3",
        "ice_score": "448", "compared_ice_rank": "3", "compared_outcome_rank": "1", "places_gained": "2", "n_compared": "20",
        "as_of_date": "date '2026-11-01'",
    },
    "rpt_plan_changes": {
        "change_key": "'c' || range", "sheet": "'goals'", "row_id": "'g1'", "change_type": "'changed'", "field": "'target'",
        "old_value": "'1'", "new_value": "'2'", "reason": "'why'", "is_commitment": "true", "seen_date": "date '2026-11-01'",
    },
}  # fmt: skip


def rows(table: str, **over: str) -> dict[str, str]:
    wanted = {c.name for c in SPEC.table(table).columns}
    return {k: v for k, v in ROWS.items() if k in wanted} | over


def test_the_contract_speaks_of_every_sheet_and_a_sound_package_passes(settings: Settings, parquet: Package) -> None:
    assert {t.name for t in SPEC.tables} == set(load_suites().contracts["plan"].tables)
    package = {t.name: [parquet(t, rows(t.name))] for t in SPEC.tables if t.name not in ("_rejects", "plan_versions")}
    results = run(settings, SPEC, package)
    assert failed(results) == {}
    assert {r.table for r in results.values()} == set(package)


@pytest.mark.parametrize(
    ("table", "column", "fault", "check"),
    [
        ("goals", "row_id", "null", "row_known"),
        ("goals", "row_id", "'x0'", "row_unique"),
        ("mandates", "valid_to_version", "1", "versions_in_order"),
        ("activities", "owner", "null", "owner_known"),
        ("budget_lines", "amount", "-1", "amount_known"),
        ("other_costs", "currency", "null", "amount_known"),
        ("plan_changes", "new_value", "'a'", "change_is_one"),
        ("plan_versions", "version", "range", "one_version"),  # twenty rows
    ],
)
def test_a_fault_turns_its_check_red(
    settings: Settings, parquet: Package, table: str, column: str, fault: str, check: str
) -> None:
    spec = SPEC.table(table)
    usual = (sound(spec) | rows(table))[column]
    results = failed(
        run(settings, SPEC, {table: [parquet(spec, rows(table, **{column: one_in_twenty(fault, usual)}))]})
    )
    assert results.pop(f"{table}.{check}") == ("failed", "critical")
    assert results == {}


def red(settings: Settings, warehouse: Execute, mart: str, **over: str) -> dict[str, str]:
    """The checks that fail on 20 rows of a mart, the 8th with what `over` says, and their severities."""
    suites = load_suites()
    suite = suites.marts[mart]
    columns = next(c for c in suite.checks if c.id == "columns").args["column_set"]
    usual = SOUND[mart]
    assert set(over) | set(usual) <= set(columns)
    parts = [
        f"{one_in_twenty(over[c], usual.get(c, 'null')) if c in over else usual.get(c, 'null::varchar')} as {c}"
        for c in columns
    ]
    warehouse(f"create or replace table marts.{mart} as select {', '.join(parts)} from range(20)")
    only = replace(suites, marts={mart: suite})
    return {r.check: r.severity for r in run_marts(settings, AS_OF, suites=only) if r.status != "passed"}


@pytest.mark.parametrize("mart", SOUND)
def test_sound_marts_pass(settings: Settings, warehouse: Execute, mart: str) -> None:
    assert red(settings, warehouse, mart) == {}


@pytest.mark.parametrize(
    ("mart", "over", "check", "severity"),
    [
        ("dim_goal", {"goal_key": "'g0'"}, "goal_key_unique", "critical"),
        ("dim_goal", {"target": "null"}, "target_or_baseline_known", "critical"),
        ("dim_goal", {"due_date": "date '2025-01-01'"}, "dates_in_order", "critical"),
        ("dim_goal", {"business_goal_id": "null"}, "leads_up_to_the_business", "critical"),
        ("dim_goal", {"owner": "null"}, "owner_known", "critical"),
        ("dim_goal", {"goal": "'ask ada@firma.no'"}, "no_addresses", "critical"),
        ("dim_activity", {"ice_score": "56"}, "ice_score_in_range", "critical"),
        ("dim_activity", {"n_milestones_done": "2"}, "milestones_add_up", "critical"),
        ("dim_activity", {"end_date": "date '2025-01-01'"}, "dates_in_order", "critical"),
        ("dim_activity", {"is_late": "true"}, "activities_are_not_forgotten", "warning"),
        ("dim_activity", {"outcome": "'bo%40firma.no'"}, "no_addresses", "critical"),
        ("fct_budget_line", {"amount": "-1"}, "amount_not_negative", "critical"),
        ("fct_budget_line", {"month_start": "date '2026-01-02'"}, "month_is_first_day", "critical"),
        ("fct_budget_line", {"amount_reporting": "null"}, "rate_known", "warning"),
        ("fct_budget_line", {"note": "'bo@firma.no'"}, "no_addresses", "critical"),
        ("fct_cost", {"cost_key": "'k0'"}, "cost_key_unique", "critical"),
        ("fct_cost", {"unknown_reason": "'why'"}, "unknown_has_reason", "critical"),
        ("fct_cost", {"amount_reporting": "null", "unknown_reason": "'why'"}, "amounts_known", "warning"),
        ("fct_cost", {"category": "'media '"}, "category_in_set", "critical"),
        ("fct_cost", {"is_committed": "true"}, "committed_lies_ahead", "critical"),
        ("fct_cost", {"month_start": "date '2026-09-01'"}, "month_is_first_day", "critical"),
        ("rpt_budget_pacing", {"actual": "null"}, "plan_and_cost_are_there_or_said", "critical"),
        ("rpt_budget_pacing", {"status": "'over cap'"}, "breaches_are_breaches", "critical"),
        ("rpt_budget_pacing", {"scope": "'total'", "cost_share_of_revenue": "0.1"}, "members_add_up_to_the_total", "critical"),
        ("rpt_budget_pacing", {"cost_share_of_revenue": "0.1"}, "share_is_of_the_total", "critical"),
        ("rpt_goal_progress", {"owner": "null"}, "owner_known", "critical"),
        ("rpt_goal_progress", {"status": "'not measurable yet'"}, "unmeasurable_has_reason", "critical"),
        ("rpt_goal_progress", {"actual": "null"}, "verdicts_have_figures", "critical"),
        ("rpt_goal_progress", {"is_condition_met": "false"}, "achieved_keeps_its_condition", "critical"),
        ("rpt_goal_progress", {"forecast": "84"}, "forecast_in_its_interval", "critical"),
        ("rpt_goal_progress", {"measured_baseline": "60"}, "baselines_agree", "warning"),
        ("rpt_activity", {"owner": "null"}, "owner_known", "critical"),
        ("rpt_activity", {"outcome_unknown_reason": "'why'"}, "outcome_or_reason", "critical"),
        ("rpt_activity", {"cost_reporting": "null"}, "cost_or_reason", "critical"),
        ("rpt_activity", {"outcome_basis": "null"}, "outcome_says_how_it_was_read", "critical"),
        ("rpt_activity", {"outcome": "'bo@firma.no'"}, "no_addresses", "critical"),
        ("rpt_priorities", {"effort": "4"}, "ice_score_is_its_parts", "critical"),
        ("rpt_priorities", {"not_compared_reason": "'why'"}, "compared_or_reason", "critical"),
        ("rpt_priorities", {"places_gained": "1"}, "places_within_the_compared", "critical"),
        ("rpt_plan_changes", {"new_value": "'1'"}, "change_is_one", "critical"),
        ("rpt_plan_changes", {"field": "'*'"}, "whole_rows_have_no_values", "critical"),
        ("rpt_plan_changes", {"seen_date": "date '2026-11-02'"}, "not_from_the_future", "critical"),
        ("rpt_plan_changes", {"reason": "null"}, "commitments_have_a_reason", "warning"),
        ("rpt_plan_changes", {"reason": "'bo@firma.no'"}, "no_addresses", "critical"),
    ],
)  # fmt: skip
def test_faults_of_the_marts_are_seen(
    settings: Settings, warehouse: Execute, mart: str, over: dict[str, str], check: str, severity: str
) -> None:
    assert red(settings, warehouse, mart, **over) == {check: severity}


def test_a_plan_that_shrank_to_a_template_is_said(
    settings: Settings, warehouse: Execute, nights: Callable[[str, list[int]], None]
) -> None:
    nights("marts.dim_goal", [45, 45, 45])
    assert red(settings, warehouse, "dim_goal") == {"volume_not_halved": "warning"}


@pytest.mark.parametrize(
    ("core", "check"),
    [
        ("('core', 0.6, 0.9, 0.5, null)", None),
        ("('growth', 0.6, 0.9, 0.5, null)", "investment_class_unique"),
        ("('basis', 0.6, 0.9, 0.5, null)", "class_in_set"),
        ("('core', 0.7, 0.9, 0.5, null)", "shares_add_up"),
        ("('core', 0.6, 0.9, 0.5, 'why')", "unknown_has_reason"),
    ],
)
def test_the_split_is_of_the_whole(settings: Settings, warehouse: Execute, core: str, check: str | None) -> None:
    suites = load_suites()
    suite = suites.marts["rpt_investment_split"]
    told = ("investment_class", "planned_share", "actual_share", "activity_share", "unknown_reason")
    columns = next(c for c in suite.checks if c.id == "columns").args["column_set"]
    rest = ", ".join(f"null as {c}" for c in columns if c not in (*told, "as_of_date"))
    warehouse(
        f"create or replace table marts.rpt_investment_split as select *, {rest}, date '{AS_OF}' as as_of_date from "
        f"(values {core}, ('growth', 0.4, 0.1, 0.5, null), ('none', 0, 0, 0, null)) as t ({', '.join(told)})"
    )
    results = run_marts(settings, AS_OF, suites=replace(suites, marts={"rpt_investment_split": suite}))
    assert [r.check for r in results if r.status != "passed"] == ([check] if check else [])
