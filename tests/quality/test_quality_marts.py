"""Each kind of mart check is shown red by a planted fault; a crash is an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from ingestion.settings import Settings
from quality.results import accept_volume
from quality.run import CheckResult, run_marts, summary
from quality.suites import load_suites
from tests.quality.conftest import AS_OF, MakeSuites, mart

Execute = Callable[[str], None]
Nights = Callable[[str, list[int]], None]

SALES = """
    create or replace table marts.fct_sale as
    select range as sale_key, 'files' as source_name, 10.50::decimal(18, 2) as amount, 'sale' as type
    from range(100)
"""
CHECKS = """
id: columns, expectation: table_columns_to_match_set, args: {column_set: [sale_key, source_name, amount, type]}
id: key_known, expectation: column_values_to_not_be_null, args: {column: sale_key}
id: key_unique, expectation: column_values_to_be_unique, args: {column: sale_key}
id: pair_unique, expectation: compound_columns_to_be_unique, args: {column_list: [sale_key, type]}
id: amount_in_range, expectation: column_values_to_be_between, args: {column: amount, min_value: 0, max_value: 99}
id: type_in_set, expectation: column_values_to_be_in_set, args: {column: type, value_set: [sale, gift]}
id: rows, expectation: table_row_count_to_be_between, args: {min_value: 1}
id: total, expectation: column_sum_to_be_between, args: {column: amount, min_value: 0}
id: gifts_are_free, expectation: unexpected_rows, args: {sql: "select * from {batch} where type = 'gift' and amount <> 0"}
"""


def run(settings: Settings, suites: object, as_of: date = AS_OF) -> dict[str, CheckResult]:
    results = run_marts(settings, as_of, suites=suites)  # type: ignore[arg-type]
    return {f"{r.check}/{r.source}" if r.source else r.check: r for r in results}


def failed(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, r in results.items() if r.status != "passed"}


def test_a_sound_mart_passes_every_kind_of_check(settings: Settings, suites: MakeSuites, warehouse: Execute) -> None:
    warehouse(SALES)
    results = run(settings, suites(mart_fct_sale=mart(CHECKS)))
    assert {r.status for r in results.values()} == {"passed"}
    assert len(results) == 9
    assert results["key_unique"].observed == "holds for 100 rows"
    assert results["rows"].observed == "100"
    assert summary(results.values()) == {
        "passed": 9,
        "failed": 0,
        "errors": 0,
        "critical_failed": 0,
        "warnings": 0,
    }


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("insert into marts.fct_sale select * from marts.fct_sale where sale_key = 7", {"key_unique", "pair_unique"}),
        ("update marts.fct_sale set sale_key = null where sale_key = 7", {"key_known"}),
        ("update marts.fct_sale set amount = 100 where sale_key = 7", {"amount_in_range"}),
        ("update marts.fct_sale set amount = -0.01 where sale_key = 7", {"amount_in_range"}),
        ("update marts.fct_sale set type = 'loan' where sale_key = 7", {"type_in_set"}),
        ("update marts.fct_sale set type = 'gift' where sale_key = 7", {"gifts_are_free"}),
        ("alter table marts.fct_sale add column surprise int", {"columns"}),
        ("update marts.fct_sale set amount = -1", {"amount_in_range", "total"}),
    ],
)
def test_a_planted_fault_turns_its_check_red_and_no_other(
    settings: Settings, suites: MakeSuites, warehouse: Execute, fault: str, expected: set[str]
) -> None:
    warehouse(SALES)
    warehouse(fault)
    results = run(settings, suites(mart_fct_sale=mart(CHECKS)))
    assert failed(results) == expected
    assert {results[name].status for name in expected} == {"failed"}


def test_failing_rows_are_shown_by_key_and_counted(settings: Settings, suites: MakeSuites, warehouse: Execute) -> None:
    warehouse(SALES)
    warehouse("update marts.fct_sale set amount = 100 where sale_key < 30")
    result = run(settings, suites(mart_fct_sale=mart(CHECKS)))["amount_in_range"]
    assert (result.n_failing, len(result.failing_rows)) == (30, 20)
    assert result.failing_rows[0] == {"sale_key": 0, "amount": "100.00"}
    assert result.observed == "30 of 100 rows"
    assert result.expected == "amount between 0 and 99"


def test_an_empty_mart_is_red_where_rows_are_demanded(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    warehouse("delete from marts.fct_sale")
    assert failed(run(settings, suites(mart_fct_sale=mart(CHECKS)))) == {"rows", "total"}


def test_a_missing_column_fails_the_schema_and_is_an_error_for_checks_that_need_it(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    warehouse("alter table marts.fct_sale drop column amount")
    results = run(settings, suites(mart_fct_sale=mart(CHECKS)))
    assert results["columns"].status == "failed"
    assert results["columns"].observed == "missing: amount"
    errors = {name for name, r in results.items() if r.status == "error"}
    assert errors == {"amount_in_range", "total", "gifts_are_free"}
    assert "amount" in results["amount_in_range"].observed
    assert results["key_unique"].status == "passed"


def test_a_crash_in_one_check_is_an_error_and_leaves_the_others_alone(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    bad = """
id: no_such_column, expectation: unexpected_rows, args: {sql: "select nope from {batch}"}
id: bad_cast, expectation: unexpected_rows, args: {sql: "select * from {batch} where source_name::int > 1"}
id: no_sql, expectation: unexpected_rows, args: {sql: "selec 1 from {batch}"}
"""
    results = run(settings, suites(mart_fct_sale=mart(bad + CHECKS.strip())))
    for name in ("no_such_column", "bad_cast", "no_sql"):
        assert results[name].status == "error"
        assert results[name].blocks
    assert len(results) == 12
    assert failed(results) == {"no_such_column", "bad_cast", "no_sql"}
    assert "files" not in results["bad_cast"].observed  # the value that could not be cast is masked
    assert "f***(5)" in results["bad_cast"].observed


def test_a_check_that_cannot_be_built_is_an_error_and_leaves_the_others_alone(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    bad = "id: no_number, expectation: column_sum_to_be_between, args: {column: amount, min_value: a lot}"
    results = run(settings, suites(mart_fct_sale=mart(f"{bad}\n{CHECKS.strip()}")))
    assert failed(results) == {"no_number"}
    assert results["no_number"].status == "error"


def test_a_missing_mart_is_an_error_of_its_own_suite_only(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    rows = "id: rows, expectation: table_row_count_to_be_between, args: {min_value: 1}"
    results = run_marts(settings, AS_OF, suites=suites(mart_fct_sale=mart(rows), mart_dim_gone=mart(rows, "dim_gone")))
    assert [(r.table, r.check, r.status) for r in results] == [
        ("dim_gone", "suite", "error"),
        ("fct_sale", "rows", "passed"),
    ]
    assert "dim_gone does not exist" in results[0].observed


def test_without_a_warehouse_every_suite_is_an_error(settings: Settings, suites: MakeSuites) -> None:
    results = run(settings, suites(mart_fct_sale=mart(CHECKS)))
    assert [r.status for r in results.values()] == ["error"]
    assert "dbt build" in results["suite"].observed


def test_a_fault_traced_to_sources_is_a_warning_of_each(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    warehouse("update marts.fct_sale set source_name = 'shop' where sale_key >= 98")
    warehouse("update marts.fct_sale set amount = -1 where sale_key >= 97")
    check = "id: low, expectation: column_values_to_be_between, args: {column: amount, min_value: 0}"
    by_column = run(settings, suites(mart_fct_sale=mart(f"{check}, source_column: source_name", key="sale_key")))
    assert {(r.source, r.n_failing, r.severity) for r in by_column.values()} == {
        ("files", 1, "warning"),
        ("shop", 2, "warning"),
    }
    by_name = run(settings, suites(mart_fct_sale=mart(f"{check}, source: shop")))
    assert [(r.source, r.severity) for r in by_name.values()] == [("shop", "warning")]


def test_a_fault_of_rows_without_a_source_still_blocks(
    settings: Settings, suites: MakeSuites, warehouse: Execute
) -> None:
    warehouse(SALES)
    warehouse("update marts.fct_sale set source_name = null, amount = -1 where sale_key = 5")
    check = "id: low, expectation: column_values_to_be_between, args: {column: amount, min_value: 0}"
    results = run(settings, suites(mart_fct_sale=mart(f"{check}, source_column: source_name")))
    assert [(r.source, r.severity, r.blocks) for r in results.values()] == [(None, "critical", True)]


VOLUME = (
    "id: volume, expectation: row_count_within_history, "
    "args: {nights: 28, min_nights: 7, min_share: 0.5, max_share: 1.5}"
)


def test_a_shrunken_volume_is_red_against_the_median_of_28_nights(
    settings: Settings, suites: MakeSuites, warehouse: Execute, nights: Nights
) -> None:
    warehouse(SALES)  # 100 rows
    # the oldest two of 30 nights do not count, and one odd night does not move the median
    nights("fct_sale", [9_000_000, 9_000_000, *[202] * 27, 1])
    result = run(settings, suites(mart_fct_sale=mart(VOLUME)))["volume"]
    assert result.status == "failed"
    assert result.observed == "100; median of 28 nights: 202"
    assert result.expected == "at least 0.5 x and at most 1.5 x the median of the last 28 nights"


@pytest.mark.parametrize(("usual", "status"), [(200, "passed"), (201, "failed"), (67, "passed"), (66, "failed")])
def test_volume_bounds_are_shares_of_the_median(
    settings: Settings, suites: MakeSuites, warehouse: Execute, nights: Nights, usual: int, status: str
) -> None:
    warehouse(SALES)  # 100 rows: at least 0.5 x 200, at most 1.5 x 66.67
    nights("marts.fct_sale", [usual] * 28)
    assert run(settings, suites(mart_fct_sale=mart(VOLUME)))["volume"].status == status


def test_volume_passes_with_less_than_a_week_of_history(
    settings: Settings, suites: MakeSuites, warehouse: Execute, nights: Nights
) -> None:
    warehouse(SALES)
    nights("fct_sale", [900] * 6)
    result = run(settings, suites(mart_fct_sale=mart(VOLUME)))["volume"]
    assert (result.status, result.observed) == ("passed", "no history yet (6 of 7 nights)")


def test_an_accepted_volume_starts_its_history_anew(
    settings: Settings, suites: MakeSuites, warehouse: Execute, nights: Nights
) -> None:
    warehouse(SALES)
    nights("fct_sale", [900] * 28)
    assert run(settings, suites(mart_fct_sale=mart(VOLUME)))["volume"].status == "failed"
    accept_volume(settings, "fct_sale", AS_OF, "an old shop's file was taken out")
    assert run(settings, suites(mart_fct_sale=mart(VOLUME)))["volume"].status == "passed"


STATUS_COLUMNS = (
    "source_name varchar, status varchar, expected_lag_days int, stale_after_days int, days_behind int, "
    "is_configured boolean, is_stale boolean, last_good_as_of date, data_through_date date, as_of_date date"
)


def source_status(settings: Settings, warehouse: Execute, *rows: str) -> dict[str, CheckResult]:
    """The house's own suite of rpt_source_status over these rows."""
    own = load_suites().marts["rpt_source_status"]
    warehouse(f"create table marts.rpt_source_status ({STATUS_COLUMNS})")
    for row in rows:
        warehouse(f"insert into marts.rpt_source_status values ({row})")
    settings.raw_dir.mkdir(parents=True, exist_ok=True)
    with (
        duckdb.connect(str(settings.ops_file)) as con,
        duckdb.connect(str(settings.warehouse_file), read_only=True) as marts,
    ):
        con.execute("create schema ops")
        con.execute("create table ops.load_status (source varchar)")
        con.execute("create table ops.table_volume (as_of date, relation varchar, n_rows bigint)")
        for (name,) in marts.execute("select source_name from marts.rpt_source_status").fetchall():
            con.execute("insert into ops.load_status values (?)", [name])
    return run(settings, type(load_suites())({"rpt_source_status": own}, {}))


def test_a_stale_source_is_its_own_warning(settings: Settings, warehouse: Execute) -> None:
    results = source_status(
        settings,
        warehouse,
        "'fresh', 'ok', 1, 3, 1, true, false, '2026-11-01', '2026-10-31', '2026-11-01'",
        "'late', 'ok', 1, 3, 3, true, false, '2026-11-01', '2026-10-29', '2026-11-01'",
        "'old', 'ok', 1, 3, 12, true, true, '2026-11-01', '2026-10-20', '2026-11-01'",
        "'held', 'ok', null, null, 400, true, false, '2026-11-01', '2025-09-27', '2026-11-01'",
        "'absent', 'not configured', 1, 3, null, false, false, null, null, '2026-11-01'",
    )
    assert results["not_stale/old"].severity == "warning"
    assert results["not_stale/old"].failing_rows[0]["days_behind"] == 12
    assert [r["source_name"] for r in results["within_expected_lag"].failing_rows] == ["late"]
    assert results["within_expected_lag"].source is None  # late is worth a look, and not stale
    assert failed(results) == {"not_stale/old", "within_expected_lag"}


def test_a_failed_source_is_its_own_warning(settings: Settings, warehouse: Execute) -> None:
    results = source_status(
        settings,
        warehouse,
        "'shop', 'failed', 1, 3, 1, true, false, '2026-10-30', '2026-10-31', '2026-11-01'",
    )
    assert failed(results) == {"loaded_whole/shop"}


def test_a_source_status_of_another_night_blocks(settings: Settings, warehouse: Execute) -> None:
    results = source_status(
        settings,
        warehouse,
        "'shop', 'ok', 1, 3, 1, true, false, '2026-11-01', '2026-10-31', '2026-10-31'",
    )
    assert failed(results) == {"as_of_is_tonight"}
    assert results["as_of_is_tonight"].blocks


def reconciliation(settings: Settings, warehouse: Execute, in_mart: str, to_mart: str) -> dict[str, CheckResult]:
    own = load_suites().marts["rpt_reconciliation"]
    warehouse(
        f"""
        create table marts.rpt_reconciliation as select
            'k' as reconciliation_key, 'files' as source_name, 'order_lines' as entity, 'shop' as source_system,
            'amount' as measure, 'GBP' as currency, 100.00::decimal(18, 2) as in_files, 1.00::decimal(18, 2) as rejected,
            null::decimal(18, 2) as null_skipped, 99.00::decimal(18, 2) as in_raw, 0::decimal(18, 2) as replaced,
            0::decimal(18, 2) as merged, {in_mart}::decimal(18, 2) as in_mart, 0::decimal(18, 2) as difference_to_raw,
            {to_mart}::decimal(18, 2) as difference_to_mart, {to_mart} = 0 as is_reconciled, date '2026-11-01' as as_of_date;
        create table marts.fct_order_line as select 99.00::decimal(18, 2) as amount;
        create table marts.fct_deal as select 0::decimal(18, 2) as amount where false;
        create table marts.fct_lead as select 1 as lead_key where false;
        """
    )
    return run(settings, type(load_suites())({"rpt_reconciliation": own}, {}))


def test_reconciled_totals_pass(settings: Settings, warehouse: Execute) -> None:
    assert failed(reconciliation(settings, warehouse, "99.00", "0")) == set()


def test_a_cent_that_nothing_explains_blocks(settings: Settings, warehouse: Execute) -> None:
    results = reconciliation(settings, warehouse, "98.99", "0.01")
    assert failed(results) == {"raw_reaches_marts", "lines_covered"}
    assert results["raw_reaches_marts"].failing_rows[0]["difference_to_mart"] == "0.01"
    assert all(results[name].blocks for name in failed(results))


def test_a_total_that_misses_lines_of_the_mart_blocks(settings: Settings, warehouse: Execute) -> None:
    results = reconciliation(settings, warehouse, "50.00", "0")
    assert failed(results) == {"lines_covered"}
    assert results["lines_covered"].failing_rows == ({"reconciled": "50.00", "in_mart": "99.00"},)


def campaign_versions(settings: Settings, warehouse: Execute, *rows: str) -> set[str]:
    """What the house's own suite of dim_campaign_version says of these versions (number, first day, last day) of a campaign."""
    own = load_suites().marts["dim_campaign_version"]
    columns = next(c.args["column_set"] for c in own.checks if c.id == "columns")
    known = {"version_number": "int", "is_first_version": "boolean"}
    types = {c: known.get(c, "date" if c.endswith("_date") else "varchar") for c in columns}
    warehouse(
        f"create table marts.dim_campaign_version ({', '.join(f'{c} {t}' for c, t in types.items())});"
        "create table marts.dim_campaign as select 'c' as campaign_key"
    )
    for row in rows:
        number, first, last = (f"'{x}'" if x else "null" for x in row.split("|"))
        warehouse(
            f"""insert into marts.dim_campaign_version by name select 'v' || {number} as campaign_version_key,
                'c' as campaign_key, {number}::int as version_number, {number} = '1' as is_first_version,
                {first}::date as valid_from_date, {last}::date as valid_to_date"""
        )
    return failed(run(settings, type(load_suites())({"dim_campaign_version": own}, {})))


def test_versions_that_follow_each_other_pass(settings: Settings, warehouse: Execute) -> None:
    versions = ("1|1999-01-01|2026-10-05", "2|2026-10-06|")
    assert not {x for x in campaign_versions(settings, warehouse, *versions) if not x.startswith("volume")}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (("1|1999-01-01|2026-10-06", "2|2026-10-06|"), "versions_do_not_overlap"),
        (("1|1999-01-01|", "2|2026-10-06|"), "versions_do_not_overlap"),
        (("1|1999-01-01|2026-10-05", "2|2026-10-06|2026-10-01"), "no_version_ends_before_it_begins"),
        (("1|2026-10-01|2026-10-05", "2|2026-10-06|"), "first_versions_reach_back"),
    ],
)
def test_versions_that_cannot_be_block(
    settings: Settings, warehouse: Execute, versions: tuple[str, ...], expected: str
) -> None:
    assert expected in campaign_versions(settings, warehouse, *versions)


def test_checks_write_nothing_to_the_warehouse(settings: Settings, suites: MakeSuites, warehouse: Execute) -> None:
    warehouse(SALES)
    before = settings.warehouse_file.read_bytes()
    run(settings, suites(mart_fct_sale=mart(CHECKS)))
    assert settings.warehouse_file.read_bytes() == before
    assert not settings.warehouse_file.with_suffix(".duckdb.wal").exists()
