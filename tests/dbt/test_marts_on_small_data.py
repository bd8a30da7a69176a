"""The dbt project on raw tables made by hand: it builds when they are empty, and its data tests see planted faults."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion import ops
from ingestion.dbt_profile import write_profile
from ingestion.raw import prepare_tables
from ingestion.settings import Settings

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
KEY = "0123456789abcdef0123"
AS_OF = date(2024, 3, 31)

pytestmark = pytest.mark.slow


def dbt(settings: Settings, *args: str) -> dict[str, str]:
    """Run dbt in a process of its own; status of every node by name."""
    target = settings.data_dir / "target"
    subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), *args, "--project-dir", str(PROJECT),
            "--profiles-dir", str(write_profile(settings)), "--target-path", str(target),
            "--log-path", str(settings.data_dir / "logs"),
        ],
        env={**os.environ, "WAREHOUSE_DATA_DIR": str(settings.data_dir), "WAREHOUSE_HASH_KEY": KEY,
             "PYTHONPATH": str(PROJECT.parent)},
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    results = json.loads((target / "run_results.json").read_text())["results"]
    parts = ((r["unique_id"].split("."), r["status"]) for r in results)
    return {p[-1] if p[0] == "unit_test" else p[2]: status for p, status in parts}


def failed(statuses: dict[str, str]) -> set[str]:
    return {name for name, status in statuses.items() if status not in ("success", "pass")}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), hash_key=KEY)  # type: ignore[call-arg]
    prepare_tables(settings)
    ops.start_run(settings, AS_OF)
    ops.write_load_status(settings, [], AS_OF)
    return settings


@pytest.fixture(scope="module")
def small(empty: Settings) -> Settings:
    """One lead won after ten days, one order with a cancellation, one web purchase without revenue, one ad account whose
    campaign (seen in two versions) spent 10.00 on an ad and 2.50 on none, one day of search with a hidden query."""
    row = "'d' as _dataset, 'crm' as _system, 1 as _file_key, timestamptz '2024-03-31 00:00:00+00' as _file_modified_at"
    rows = {
        "leads": "select '1' as lead_id, date '2024-01-01' as created_date, 'paid search' as origin, 1 as _row",
        "deals": "select 'd1' as deal_id, '1' as lead_id, 'won' as status, date '2024-01-11' as closed_date, 1 as _row, "
        "100 as amount, 'EUR' as currency, 'excluded' as vat_basis",
        "order_lines": """
            select 'o1' as order_id, 'c1' as customer_id, 'p' as product_id, 5 as quantity, 10 as unit_price, 'EUR' as currency,
                'excluded' as vat_basis, date '2024-02-01' as ordered_date, 'sale' as order_type, 1 as _row
            union all
            select 'o2', 'c1', 'p', -2, 10, 'EUR', 'excluded', date '2024-02-03', 'cancellation', 2""",
        "web_purchases": """
            select 't1' as transaction_id, 'v1' as client_id, date '2024-02-01' as purchased_date, 'EUR' as currency, 1 as _row""",
        "exchange_rates": """
            select date '2024-02-01' as date, 'EUR' as base_currency, 'NOK' as quote_currency, 11.5 as rate, 1 as _row""",
    }
    con = duckdb.connect(str(empty.raw_file("files")))
    for table, query in rows.items():
        con.execute(f"insert into files.{table} by name select *, {row} from ({query})")
        con.execute(
            f"""insert into files._files by name select 'd' as dataset, '{table}' as entity, 'loaded' as status,
                count(*) as n_rows, count(*) as n_loaded, 0 as n_rejected, 0 as n_null_skipped from files.{table}"""
        )
    # an older export of the same system still says 70 for the same deal
    con.execute(
        """insert into files.deals by name select * replace ('old' as _dataset, 2 as _file_key, 70 as amount,
               timestamptz '2024-03-01 00:00:00+00' as _file_modified_at) from files.deals"""
    )
    con.execute(
        """insert into files._files by name select 'old' as dataset, 'deals' as entity, 'loaded' as status, 1 as n_rows,
               1 as n_loaded, 0 as n_rejected, 0 as n_null_skipped"""
    )
    con.close()
    ads = {
        "ad_accounts": "select 'a' as account_id, 'EUR' as currency, 'America/New_York' as timezone, "
        "timestamptz '2024-03-01 00:00:00+00' as _dlt_valid_from",
        "campaigns": """
            select 'a' as account_id, 'c' as campaign_id, 'old' as campaign_name, 'REACH' as objective_type,
                timestamptz '2024-03-01 00:00:00+00' as _dlt_valid_from, timestamptz '2024-03-10 00:00:00+00' as _dlt_valid_to
            union all
            select 'a', 'c', 'new', 'REACH', timestamptz '2024-03-10 00:00:00+00', null""",
        "account_daily": "select 'a' as account_id, date '2024-03-05' as date_day, 100 as impressions, 5 as clicks, 12.5 as spend",
        "campaign_daily": """
            select 'a' as account_id, 'c' as campaign_id, date '2024-03-05' as date_day, 100 as impressions, 5 as clicks,
                12.5 as spend""",
        "ad_daily": """
            select 'a' as account_id, 'c' as campaign_id, 'g' as ad_group_id, 'x' as ad_id, date '2024-03-05' as date_day,
                90 as impressions, 5 as clicks, 10 as spend""",
    }
    con = duckdb.connect(str(empty.raw_file("tiktok_ads")))
    for table, query in ads.items():
        con.execute(f"insert into tiktok_ads.{table} by name {query}")
    con.close()
    same = "'sc-domain:a.no' as account_id, 'web' as search_type, date '2024-03-05' as date_day, 'nor' as country, 'MOBILE' as device"
    con = duckdb.connect(str(empty.raw_file("search_console")))
    con.execute(
        f"insert into search_console.property_daily by name select {same}, 9 as clicks, 90 as impressions, 3.5 as position"
    )
    con.execute(
        f"""insert into search_console.query_daily by name select {same}, 'Kari@Nordmann.no stol' as query, 4 as clicks,
            40 as impressions, 2 as position"""
    )
    con.close()
    return empty


def test_all_models_build_and_pass_when_every_raw_table_is_empty(empty: Settings) -> None:
    assert not failed(dbt(empty, "build", "--exclude-resource-types", "unit_test"))


def test_the_unit_tests_with_numbers_worked_by_hand_pass(empty: Settings) -> None:
    assert not failed(dbt(empty, "build", "--exclude-resource-types", "unit_test", "test"))
    results = dbt(empty, "test", "--select", "test_type:unit")
    assert len(results) >= 40
    assert not failed(results)


def test_a_small_company_builds_with_the_numbers_worked_by_hand(small: Settings) -> None:
    assert not failed(dbt(small, "build", "--exclude-resource-types", "unit_test"))
    con = duckdb.connect(str(small.warehouse_file), read_only=True)
    line = con.execute(
        "select sum(amount), sum(amount_reporting), count(sale_line_key) from marts.fct_order_line"
    ).fetchone()
    assert [float(v) for v in line or ()] == [30.0, 345.0, 1.0]
    merged = con.execute(
        """select in_raw, merged, in_mart, is_reconciled from marts.rpt_reconciliation
           where entity = 'deals' and measure = 'amount'"""
    ).fetchall()
    assert [(float(a), float(b), float(c), d) for a, b, c, d in merged] == [(170.0, 70.0, 100.0, True)]
    funnel = con.execute(
        "select dimension_value, n_won, median_days_lead_to_won from marts.rpt_journey_funnel "
        "where dimension = 'channel' and cohort_grain = 'all'"
    ).fetchone()
    assert [str(v) for v in funnel or ()] == ["paid_search", "1", "10.000000"]
    revenue = con.execute(
        "select state, unknown_reason from marts.rpt_kpi where kpi = 'web_revenue' and scope = 'total' and grain = 'month' "
        "and period_start = '2024-02-01'"
    ).fetchone()
    ads = con.execute(
        "select allocation_level, cost, cost_reporting, is_rate_carried_forward from marts.fct_ad_performance_daily order by cost"
    ).fetchall()
    zone = con.execute(
        "select value, value_text, is_as_wanted from marts.rpt_data_coverage where account_id = 'a' and what = 'time_zone'"
    ).fetchone()
    searches = con.execute(
        "select breakdown, search_query, clicks, impressions, average_position from marts.fct_search_performance_daily order by clicks"
    ).fetchall()
    con.close()
    # of 90 impressions at 3.5 the query tells 40 at 2: the other 50 were at (315 - 80) / 50
    assert [(*r[:4], float(r[4])) for r in searches] == [
        ("query", "(e-mail) stol", 4, 40, 2.0),
        ("unattributed", None, 5, 50, 4.7),
    ]
    assert revenue == ("unknown", "revenue not reported")
    # the rate of 1 February, 11.5, is the last known one
    assert [(a, float(b), float(c), d) for a, b, c, d in ads] == [
        ("unallocated_in_campaign", 2.5, 28.75, True),
        ("ad", 10.0, 115.0, True),
    ]
    # Oslo changed its clocks on the as-of day, New York three weeks before
    assert zone is not None
    assert (float(zone[0]), *zone[1:]) == (-5.0, "America/New_York", False)


FAULTS = {
    # what is planted in the built marts -> the tests that must go red
    "insert into marts.fct_lead select * from marts.fct_lead": {"unique_fct_lead_lead_key"},
    "update marts.fct_deal set channel_key = 'no such channel'": {"relationships_fct_deal_channel_key__channel_key__ref_dim_channel_"},
    "update marts.fct_order_line set amount_reporting = amount_reporting + 0.01": {
        "reporting_amounts_use_the_rate_of_the_day", "order_lines_add_up_to_orders",
    },
    "update marts.fct_order_line set quantity = -9 where line_type = 'cancellation'": {
        "cancellations_never_exceed_their_sale"
    },
    "update marts.rpt_journey_funnel set n_won = n_won + 1": {"funnel_never_widens"},
    "delete from marts.fct_conversion where conversion_type = 'customer'": {
        "every_paid_sale_is_a_conversion_or_a_guest"
    },
    "update marts.rpt_reconciliation set is_reconciled = false": {"everything_reconciles"},
    "update marts.rpt_kpi set value = 0 where kpi = 'web_revenue' and state = 'unknown'": {
        "kpi_values_agree_with_their_parts"
    },
    "delete from intermediate.int_rates__daily where date_day = '2024-02-10'": {"daily_rates_are_unique_and_dense"},
    "update intermediate.int_ads__daily set cost = cost + 0.01 where allocation_level = 'unallocated_in_campaign'": {
        "ads_and_unallocated_add_up_to_accounts_and_campaigns"
    },
    "update marts.fct_search_performance_daily set clicks = clicks + 1 where breakdown = 'unattributed'": {
        "queries_and_unattributed_add_up_to_properties"
    },
    "delete from marts.dim_ad": {"relationships_fct_ad_performance_daily_ad_key__ad_key__ref_dim_ad_"},
    "update marts.dim_campaign_version set valid_to_date = null": {"campaign_versions_do_not_overlap"},
    "insert into marts.fct_ad_conversion_daily by name select 'k' || n as ad_conversion_key, 'p' as platform, 'a' as account_id, "
    "'campaign' as level, 'click' as attribution_kind, 'click' as date_basis, true as is_headline, true as is_headline_of_level, "
    "false as is_rate_carried_forward, date '2024-03-05' as date_day, 'p' as source_name from range(2) as t (n)": {
        "headline_conversions_do_not_overlap"
    },
    "insert into marts.rpt_conversion_bridge by name select 'k' as bridge_key, 'p' as platform, 'purchase' as conversion_kind, "
    "'recent' as period, 'platform_to_web' as step, 'unexplained' as component, 8 as position, 3 as platform_conversions, "
    "1 as web_conversions, 0 as difference, 'zero' as state, 1 as coverage, 'maturing' as maturity, false as has_stale_source, "
    "date '2024-03-03' as window_start_date, date '2024-03-30' as window_end_date, date '2024-03-31' as as_of_date": {
        "conversion_bridge_adds_up"
    },
    "create or replace table marts.fct_session as from marts.fct_session union all by name "
    "select 'k' as session_key, 'c' as client_key, date '2024-02-01' as property_date": {"web_kpis_agree_with_sessions"},
    "update marts.fct_cost set amount_reporting = amount_reporting + 0.01": {"costs_add_up_to_their_sources"},
    "update intermediate.int_measures set measure = 'no such measure'": {"measures_and_catalogue_agree"},
}  # fmt: skip


def test_planted_faults_turn_the_data_tests_red(small: Settings) -> None:
    built = small.warehouse_file.with_suffix(".built")
    shutil.copy(small.warehouse_file, built)
    con = duckdb.connect(str(small.warehouse_file))
    for fault in FAULTS:
        con.execute(fault)
    con.close()
    red = failed(dbt(small, "test", "--exclude-resource-types", "unit_test"))
    shutil.move(built, small.warehouse_file)
    expected = set().union(*FAULTS.values())
    assert expected <= red, f"not seen: {sorted(expected - red)}"
