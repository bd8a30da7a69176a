"""Web analytics' own reports: the contract on their load packages, and the marts' suites, red by planted faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from ingestion.settings import Settings
from ingestion.sources.ga4_data import SPEC
from quality.run import CheckResult, run_marts
from quality.suites import load_suites
from tests.quality.conftest import AS_OF
from tests.quality.test_contract_ads import Package, failed, one_in_twenty, parquet, run, sound

__all__ = ["parquet"]  # the fixture
Execute = Callable[[str], None]
TABLES = [t for t in SPEC.tables if t.name != "_rejects"]

TRAFFIC = """
create or replace table marts.fct_web_traffic_daily as
select
    md5(breakdown || range || coalesce(channel, '')) as web_traffic_key, '1' as property_id, breakdown,
    case when channel is not null then 'google' end as session_source, case when channel is not null then 'cpc' end as session_medium,
    case when channel is not null then 'c' end as session_campaign, channel as default_channel_group,
    case breakdown when 'landing_page' then '/a' end as landing_page, case breakdown when 'event' then 'purchase' end as event_name,
    'EUR' as currency, 'UTC' as time_zone, case when breakdown <> 'event' then sessions end as sessions, 1 as engaged_sessions,
    9 as total_users, 1 as new_users, 0::decimal(18, 6) as key_events, 5 as event_count, 1 as transactions,
    10::decimal(18, 6) as purchase_revenue, 115::decimal(18, 6) as purchase_revenue_reporting,
    11.5::decimal(24, 12) as reporting_rate, false as is_other_row, false as has_data_loss, false as is_thresholded,
    false as is_sampled, null::decimal(24, 6) as sample_share, false as is_rate_carried_forward,
    date '2026-10-01' + range::int as date_day, date '2026-10-01' + range::int as rate_date, 'ga4_data' as source_name,
    'ga4_data' as source_system
from range(20), (values ('property', null, 100), ('traffic', 'Direct', 60), ('traffic', 'Paid Search', 40), ('landing_page', null, 100),
    ('event', null, 0)) as rows (breakdown, channel, sessions)
"""
USERS = """
create or replace table marts.fct_web_users as
select md5(period || first) as web_users_key, '1' as property_id, period, total_users, 1 as new_users, 50 as sessions,
    40 as engaged_sessions, false as has_data_loss, false as is_thresholded, false as is_sampled, null::decimal(24, 6) as sample_share,
    first as period_start_date, last as period_end_date, 'ga4_data' as source_name, 'ga4_data' as source_system
from (
    select 'day' as period, 10 as total_users, date '2026-10-01' + range::int as first, date '2026-10-01' + range::int as last
    from range(31)
    union all select 'week', 60, date '2026-10-05', date '2026-10-11'
    union all select 'month', 200, date '2026-10-01', date '2026-10-31'
)
"""


def test_the_contract_speaks_of_every_table_and_a_sound_package_passes(settings: Settings, parquet: Package) -> None:
    assert {t.name for t in SPEC.tables} - set(load_suites().contracts["analytics"].tables) == set()
    results = run(settings, SPEC, {t.name: [parquet(t)] for t in TABLES})
    assert failed(results) == {}
    assert {r.table for r in results.values()} == {t.name for t in TABLES}


def test_a_fault_turns_its_check_red_and_no_other(settings: Settings, parquet: Package) -> None:
    faults = {
        "property_daily": ("account_id", "null", "property_known", "critical"),
        "traffic_daily": ("date_day", "null", "day_known", "critical"),
        "landing_page_daily": ("engaged_sessions", "range + 1", "engaged_within_sessions", "warning"),
        "event_daily": ("event_count", "-1", "counts_not_negative", "critical"),
        "property_weekly": ("date_day", "date '2026-11-02'", "day_is_over", "critical"),
        "property_monthly": ("total_users", "-1", "counts_not_negative", "critical"),
    }
    package = {}
    for name, (column, fault, _, _) in faults.items():
        table = SPEC.table(name)
        package[name] = [parquet(table, {column: one_in_twenty(fault, sound(table)[column])})]
    expected = {f"{table}.{check}": ("failed", severity) for table, (_, _, check, severity) in faults.items()}
    assert failed(run(settings, SPEC, package)) == expected


def test_a_page_read_twice_turns_the_key_of_every_table_red(settings: Settings, parquet: Package) -> None:
    results = run(settings, SPEC, {t.name: [parquet(t), parquet(t)] for t in TABLES})
    assert failed(results) == {f"{t.name}.row_unique": ("failed", "critical") for t in TABLES}


def _marts(settings: Settings, name: str) -> Mapping[str, CheckResult]:
    suites = load_suites()
    only = replace(suites, marts={k: s for k, s in suites.marts.items() if s.relation == f"marts.{name}"})
    assert len(only.marts) == 1
    return {r.check: r for r in run_marts(settings, AS_OF, suites=only)}


@pytest.mark.parametrize(
    ("fault", "check", "status"),
    [
        ("select 1", "", ""),
        ("insert into {t} select * from {t} where breakdown = 'event' limit 1", "web_traffic_key_unique", "critical"),
        (
            "update {t} set default_channel_group = null where session_source is not null",
            "dimensions_fit_breakdown",
            "critical",
        ),
        (
            "update {t} set sessions = 10 where default_channel_group = 'Direct'",
            "traffic_holds_the_propertys_sessions",
            "warning",
        ),
        ("update {t} set total_users = -1 where breakdown = 'event'", "counts_not_negative", "critical"),
        (
            "update {t} set purchase_revenue_reporting = 100 where breakdown = 'event'",
            "reporting_amount_is_amount_by_rate",
            "critical",
        ),
        ("update {t} set landing_page = '/x?e=a@b.no' where landing_page = '/a'", "no_addresses", "critical"),
        (
            "insert into {t} select * replace ('other' as web_traffic_key) from {t} where breakdown = 'property' limit 1",
            "one_property_row_a_day",
            "critical",
        ),
    ],
)
def test_faults_of_the_traffic_mart_are_seen(
    settings: Settings, warehouse: Execute, fault: str, check: str, status: str
) -> None:
    warehouse(TRAFFIC)
    warehouse(fault.format(t="marts.fct_web_traffic_daily"))
    red = {r.check: r.severity for r in _marts(settings, "fct_web_traffic_daily").values() if r.status != "passed"}
    assert red.pop(check, "") == status
    assert set(red) <= {"traffic_holds_the_propertys_sessions"}  # which a second row of the property breaks too


@pytest.mark.parametrize(
    ("fault", "check", "status"),
    [
        ("select 1", "", ""),
        ("insert into {t} select * from {t} where period = 'month'", "web_users_key_unique", "critical"),
        ("update {t} set period_start_date = date '2026-10-06' where period = 'week'", "period_is_whole", "critical"),
        (
            "update {t} set total_users = 400 where period = 'month'",
            "a_period_has_no_more_users_than_its_days",
            "warning",
        ),
        (
            "update {t} set period_start_date = date '2026-12-01', period_end_date = date '2026-12-31' where period = 'month'",
            "period_is_over",
            "critical",
        ),
    ],
)
def test_faults_of_the_users_mart_are_seen(
    settings: Settings, warehouse: Execute, fault: str, check: str, status: str
) -> None:
    warehouse(USERS)
    warehouse(fault.format(t="marts.fct_web_users"))
    red = {r.check: r.severity for r in _marts(settings, "fct_web_users").values() if r.status != "passed"}
    assert red == ({check: status} if check else {})
