"""The front page's suite: green on sound rows, red by planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ingestion.settings import Settings
from quality.run import run_marts
from quality.suites import load_suites
from tests.quality.conftest import AS_OF

Execute = Callable[[str], None]
SOUND = {
    "overview_key": "'o1'", "figure_type": "'kpi'", "figure": "'leads'", "kpi": "'leads'", "owner": "'marketing'",
    "first_date": f"date_trunc('month', date '{AS_OF}' - 1)::date", "to_date": f"date '{AS_OF}' - 1", "numerator": "10",
    "denominator": "null::decimal(24, 6)", "value": "10", "last_month_value": "8", "whole_last_month_value": "9",
    "last_year_unknown_reason": "'before the first data'", "target": "12", "coverage": "1", "maturity": "'open'",
    "as_of_date": f"date '{AS_OF}'",
}  # fmt: skip


@pytest.mark.parametrize(
    ("over", "check"),
    [
        ({}, None),
        ({"owner": "null"}, "owner_known"),
        ({"value": "null", "numerator": "null"}, "figure_or_reason"),
        ({"unknown_reason": "'why'"}, "figure_or_reason"),
        ({"last_year_value": "0"}, "figure_or_reason"),
        ({"target": "null"}, "figure_or_reason"),
        ({"value": "11"}, "value_is_of_its_parts"),
        ({"denominator_measure": "'orders'", "denominator": "4"}, "value_is_of_its_parts"),
        ({"numerator": "9", "value": "9"}, "agrees_with_the_kpi_report"),
        ({"to_date": f"date '{AS_OF}' + 1"}, "days_not_in_the_future"),
        ({"coverage": "1.5"}, "coverage_in_range"),
        ({"maturity": "'ripe'"}, "maturity_in_set"),
        ({"as_of_date": f"date '{AS_OF}' - 1"}, "as_of_is_tonight"),
    ],
)
def test_the_front_page_tells_one_figure_or_why_not(
    settings: Settings, warehouse: Execute, over: dict[str, str], check: str | None
) -> None:
    suites = load_suites()
    suite = suites.marts["rpt_overview"]
    columns = next(c for c in suite.checks if c.id == "columns").args["column_set"]
    row = SOUND | over
    assert set(row) <= set(columns)
    warehouse(
        f"""create table marts.rpt_kpi as select 'leads' as kpi, 'total' as scope, 'month' as grain, 10 as numerator,
            date_trunc('month', date '{AS_OF}' - 1)::date as period_start, last_day(date '{AS_OF}' - 1) as period_end"""
    )
    picked = ", ".join(f"{row.get(c, 'null::varchar')} as {c}" for c in columns)
    warehouse(f"create table marts.rpt_overview as select {picked}")
    results = run_marts(settings, AS_OF, suites=replace(suites, marts={"rpt_overview": suite}))
    assert [r.check for r in results if r.status != "passed"] == ([check] if check else [])
