"""The public data sets end to end: what the marts publish, against facts counted from the files themselves."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest

from tests.acceptance.nights import Warehouse, differences

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(600)]

CATALOGUES = Path(__file__).parent / "catalogues"
NIGHTS = {"crm_funnel": date(2018, 12, 31), "sales": date(2026, 10, 31)}
D = Decimal


@pytest.fixture(scope="session")
def warehouse(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Warehouse]:
    """Gives the warehouse of a catalogue after its first night, which must be green; each has its own."""
    made: dict[str, Warehouse] = {}

    def of(name: str) -> Warehouse:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = Warehouse(folder, CATALOGUES / f"{name}.yml", NIGHTS[name])
            made[name].green()
        return made[name]

    return of


@pytest.fixture(scope="session")
def crm(warehouse: Callable[[str], Warehouse]) -> Warehouse:
    return warehouse("crm_funnel")


@pytest.fixture(scope="session")
def shop(warehouse: Callable[[str], Warehouse]) -> Warehouse:
    return warehouse("sales")


@pytest.fixture(scope="session")
def web(warehouse: Callable[[str], Warehouse]) -> Warehouse:
    return warehouse("sales")


@pytest.fixture(scope="session")
def fx(warehouse: Callable[[str], Warehouse]) -> Warehouse:
    return warehouse("sales")


class Ecb:
    """The rates straight from the file, by day: units of a currency for one euro."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="") as f:
            self.days = {
                date.fromisoformat(row["Date"]): {
                    c: D(v) for c, v in row.items() if c not in ("Date", "") and v != "N/A"
                }
                for row in csv.DictReader(f)
            }

    def nok(self, currency: str, day: date) -> tuple[Decimal, date]:
        """(NOK for one unit, the day that rate is of): through the euro, the last known day's where there is none."""
        while day not in self.days:
            day -= timedelta(days=1)
        rates = self.days[day]
        return rates["NOK"] / rates.get(currency, D(1)), day


@pytest.fixture(scope="session")
def ecb(real_data: Path) -> Ecb:
    return Ecb(real_data / "fx" / "ecb_eurofxref_hist.csv")


# Leads and deals


def test_all_8000_leads_are_qualified_and_842_are_won(crm: Warehouse) -> None:
    assert crm.one("select count(*), count_if(is_qualified), count_if(is_won) from fct_lead") == (8000, 8000, 842)
    assert crm.one("select count(*), count(distinct lead_key) from fct_deal where is_won") == (842, 842)
    assert crm.one("select count(*) from fct_deal where is_lead_missing") == (0,)


def test_the_funnel_tells_the_same_8000_and_842(crm: Warehouse) -> None:
    total = (
        "select n_leads, n_qualified, n_won, lead_to_won_rate from rpt_journey_funnel "
        "where dimension = 'total' and cohort_grain = 'all'"
    )
    assert crm.one(total) == (8000, 8000, 842, D("0.105250"))
    for dimension in ("channel", "landing_page", "segment"):
        for cohort in ("month", "all"):
            sums = f"select sum(n_leads), sum(n_won) from rpt_journey_funnel where dimension = '{dimension}' and cohort_grain = '{cohort}'"
            assert crm.one(sums) == (8000, 842), (dimension, cohort)


def test_14_of_the_60_leads_without_origin_are_won_under_a_channel_member_of_their_own(crm: Warehouse) -> None:
    assert crm.rows(
        "select channel_key, count(*), count_if(is_won) from fct_lead where origin is null group by all"
    ) == [("missing", 60, 14)]
    assert crm.one("select count(*) from fct_lead where channel_key = 'missing' and origin is not null") == (0,)
    assert crm.one("select channel, channel_no, is_known from dim_channel where channel_key = 'missing'") == (
        "(missing)",
        "(mangler)",
        False,
    )
    assert crm.one(
        "select n_leads, n_won from rpt_journey_funnel "
        "where dimension = 'channel' and dimension_value = 'missing' and cohort_grain = 'all'"
    ) == (60, 14)


def test_leads_whose_origin_is_called_unknown_are_another_member_than_those_without(crm: Warehouse) -> None:
    assert crm.one("select count(*) from fct_lead where channel_key = 'unknown' and origin = 'unknown'") == (1099,)
    assert crm.one("select count(*) from fct_lead where channel_key = 'unmapped'") == (0,)


def test_the_deal_won_before_its_first_contact_is_flagged_and_kept(crm: Warehouse) -> None:
    (deal,) = crm.rows(
        "select is_won, days_from_first_contact, lead_key from fct_deal where is_won_before_first_contact"
    )
    assert deal[:2] == (True, None)
    lead = crm.rows("select lead_key, is_won, days_to_won from fct_lead where is_won_before_first_contact")
    assert lead == [(deal[2], True, None)]
    assert crm.one(
        "select n_won_before_first_contact from rpt_journey_funnel where dimension = 'total' and cohort_grain = 'all'"
    ) == (1,)


def test_the_sellers_own_statement_of_revenue_is_no_deal_value(crm: Warehouse) -> None:
    assert crm.one("select count(amount), count(amount_reporting) from fct_deal") == (0, 0)
    states = crm.rows(
        "select distinct state from rpt_kpi where kpi = 'won_deal_value' and grain = 'year' and numerator is null"
    )
    assert states == [("unknown",)]


# Orders


def test_order_lines_add_up_over_all_lines_and_none_is_lost(shop: Warehouse) -> None:
    n_lines, total = shop.one("select count(*), sum(amount) from fct_order_line")
    assert n_lines == 525_461
    assert total.quantize(D("0.01"), ROUND_HALF_UP) == D("9539484.63")
    assert shop.one("select count(*), count(distinct order_key) from fct_order") == (28_816, 28_816)
    assert shop.one("select sum(amount), sum(n_lines) from fct_order") == (total, 525_461)


def test_sales_cancellations_and_adjustments_explain_the_total_to_the_last_digit(
    shop: Warehouse, real_data: Path
) -> None:
    """Each kind is counted from the file by its own rule here, and must agree with the mart."""
    path = real_data / "orders" / "online_retail_2009_2010.parquet"
    with duckdb.connect() as con:
        expected = con.execute(
            f"""select kind, count(*), sum(quantity * price) from (
                select "Quantity" as quantity, "Price"::decimal(18, 6) as price, case
                    when "Invoice" like 'C%' then 'cancellation'
                    when "Invoice" like 'A%' then 'adjustment'
                    when "Price" = 0 and "Quantity" < 0 then 'stock_adjustment'
                    when "Price" = 0 then 'free_line'
                    else 'sale' end as kind
                from '{path}'
            ) group by kind order by kind"""
        ).fetchall()
    found = shop.rows(
        "select line_type, count(*), sum(amount) from fct_order_line group by line_type order by line_type"
    )
    assert found == expected
    by_type = {kind: (n, amount) for kind, n, amount in found}
    assert by_type["cancellation"][0] == 10_206
    assert by_type["adjustment"][0] == 3
    assert by_type["stock_adjustment"] == (2_121, 0)
    assert by_type["free_line"] == (3_687 - 2_121, 0)
    assert sum(n for n, _ in by_type.values()) == 525_461
    assert shop.one("select sum(sales_amount), sum(cancelled_amount), sum(adjustment_amount) from fct_order") == (
        by_type["sale"][1],
        by_type["cancellation"][1],
        by_type["adjustment"][1],
    )
    assert shop.one("select sum(amount - sales_amount - cancelled_amount - adjustment_amount) from fct_order") == (0,)


def test_lines_at_price_0_are_3687_and_none_is_called_a_sale(shop: Warehouse) -> None:
    assert shop.one("select count(*), count_if(quantity < 0) from fct_order_line where unit_price = 0") == (
        3_687,
        2_121,
    )
    assert shop.one(
        "select count(*) from fct_order_line where unit_price = 0 and line_type in ('sale', 'cancellation')"
    ) == (0,)


def test_a_linked_cancellation_follows_a_sale_of_the_same_product_and_customer(shop: Warehouse) -> None:
    linked, wrong = shop.one(
        """select count(*), count_if(
            s.order_line_key is null or s.line_type <> 'sale' or s.product_id <> c.product_id
            or s.person_key is distinct from c.person_key or s.ordered_at > c.ordered_at or -c.quantity > s.quantity
        )
        from fct_order_line c left join fct_order_line s on c.sale_line_key = s.order_line_key
        where c.link_status = 'linked'"""
    )
    assert linked > 5_000
    assert wrong == 0
    assert shop.one("select count(*) from fct_order_line where line_type = 'cancellation' and link_status is null") == (
        0,
    )


def test_4312_customers_have_a_paid_sale(shop: Warehouse) -> None:
    assert shop.one("select count(*), count(distinct person_key) from rpt_customer_value") == (4_312, 4_312)
    assert shop.one("select count(distinct person_key) from fct_order where is_paid_sale") == (4_312,)
    assert shop.one("select count(*) from fct_conversion where conversion_type = 'customer'") == (4_312,)
    assert shop.one("select sum(n_customers) from rpt_customer_cohort where months_since = 0") == (4_312,)
    assert shop.one(
        "select sum(value) from rpt_kpi where kpi = 'new_customers' and scope = 'total' and grain = 'day'"
    ) == (4_312,)


def test_lines_without_a_customer_stay_without_a_person(shop: Warehouse) -> None:
    assert shop.one("select count(*) from fct_order_line where person_key is null") == (107_927,)


# Web purchases


def test_16003_items_are_5690_purchases_of_4418_buyers(web: Warehouse) -> None:
    assert web.one("select sum(n_items), count(*), count(distinct client_key) from fct_web_conversion") == (
        16_003,
        5_690,
        4_418,
    )


def test_revenue_of_the_day_without_any_is_unknown_and_not_0(web: Warehouse) -> None:
    day = "converted_date = date '2021-01-31'"
    assert web.one(
        f"select count(*), count(revenue), count(revenue_reporting), count_if(has_revenue) from fct_web_conversion where {day}"
    ) == (
        19,
        0,
        0,
        0,
    )
    where = "scope = 'total' and grain = 'day' and period_start = date '2021-01-31'"
    assert web.one(
        f"select value, numerator, state, unknown_reason, coverage from rpt_kpi where kpi = 'web_revenue' and {where}"
    ) == (
        None,
        None,
        "unknown",
        "revenue not reported",
        0,
    )
    assert web.one(f"select value, state, coverage from rpt_kpi where kpi = 'web_purchases' and {where}") == (
        19,
        "known",
        1,
    )


def test_revenue_of_the_month_is_known_and_says_how_much_it_covers(web: Warehouse) -> None:
    value, state, coverage = web.one(
        "select value, state, coverage from rpt_kpi "
        "where kpi = 'web_revenue' and scope = 'total' and grain = 'month' and period_start = date '2021-01-01'"
    )
    assert state == "known"
    assert 0 < coverage < 1
    assert (value,) == web.one(
        "select sum(revenue_reporting) from fct_web_conversion where converted_date between '2021-01-01' and '2021-01-31'"
    )
    n_known, n_all = web.one(
        "select count(revenue), count(*) from fct_web_conversion where converted_date between '2021-01-01' and '2021-01-31'"
    )
    assert coverage == (D(n_known) / n_all).quantize(D("0.000001"), ROUND_HALF_UP)


def test_no_kpi_row_is_0_because_it_is_unknown(web: Warehouse) -> None:
    assert web.one("select count(*) from rpt_kpi where (value is null) <> (state = 'unknown')") == (0,)
    assert web.one("select count(*) from rpt_kpi where (unknown_reason is null) = (state = 'unknown')") == (0,)
    assert web.one("select count(*) from rpt_kpi where (value = 0) <> (state = 'zero')") == (0,)
    assert web.one("select count(*) from rpt_kpi where kpi = 'leads' and state <> 'unknown'") == (0,)


# Money


@pytest.mark.parametrize("day", ["2009-12-01", "2010-03-31", "2010-05-17", "2010-08-31", "2010-12-09"])
def test_pounds_become_kroner_by_the_ecb_rate_of_the_day_through_the_euro(shop: Warehouse, ecb: Ecb, day: str) -> None:
    rate, rate_date = ecb.nok("GBP", date.fromisoformat(day))
    found = shop.one(
        "select any_value(reporting_rate), count(distinct reporting_rate), any_value(rate_date), max(is_rate_carried_forward), "
        f"sum(amount), sum(amount_reporting), count(*) from fct_order_line where ordered_date = date '{day}'"
    )
    assert found[1:4] == (1, rate_date, rate_date != date.fromisoformat(day))
    assert abs(found[0] - rate) < D("1e-11")
    assert abs(found[5] - found[4] * rate) <= found[6] * D("1e-6")  # each line is rounded to a millionth of a krone


def test_a_sunday_carries_fridays_rate_and_says_so(shop: Warehouse, web: Warehouse, ecb: Ecb) -> None:
    for house, table, dated, day, currency in (
        (shop, "fct_order_line", "ordered_date", date(2009, 12, 6), "GBP"),
        (web, "fct_web_conversion", "converted_date", date(2021, 1, 24), "USD"),
    ):
        friday = day - timedelta(days=2)
        assert day.isoweekday() == 7
        assert ecb.nok(currency, day)[1] == friday
        rate, rate_date, carried = house.one(
            f"select any_value(reporting_rate), any_value(rate_date), min(is_rate_carried_forward) from {table} "
            f"where {dated} = date '{day}' and currency = '{currency}'"
        )
        assert (rate_date, carried) == (friday, True)
        assert abs(rate - ecb.nok(currency, friday)[0]) < D("1e-11")


@pytest.mark.parametrize("day", ["2020-11-03", "2020-12-24", "2021-01-15", "2021-01-29"])
def test_dollars_become_kroner_by_the_ecb_rate_of_the_day_through_the_euro(web: Warehouse, ecb: Ecb, day: str) -> None:
    rate, rate_date = ecb.nok("USD", date.fromisoformat(day))
    rows = web.rows(
        "select revenue, revenue_reporting, rate_date from fct_web_conversion "
        f"where converted_date = date '{day}' and revenue is not null and currency = 'USD'"
    )
    assert rows
    for revenue, reporting, used in rows:
        assert used == rate_date
        assert abs(reporting - revenue * rate) <= D("1e-6")


def test_every_day_with_orders_or_purchases_agrees_with_the_file(shop: Warehouse, web: Warehouse, ecb: Ecb) -> None:
    for house, table, dated, currency in (
        (shop, "fct_order_line", "ordered_date", "GBP"),
        (web, "fct_web_conversion", "converted_date", "USD"),
    ):
        days = house.rows(f"select distinct {dated}, reporting_rate, rate_date, is_rate_carried_forward from {table}")
        assert len(days) > 80
        for day, rate, rate_date, carried in days:
            expected, observed = ecb.nok(currency, day)
            assert abs(rate - expected) < D("1e-11"), day
            assert (rate_date, carried) == (observed, observed != day), day


def test_the_rates_model_has_11_2815_kroner_for_a_euro_on_2_january_2024(fx: Warehouse, ecb: Ecb) -> None:
    with duckdb.connect(str(fx.data_dir / "warehouse.duckdb"), read_only=True) as con:
        rates = con.execute(
            "select currency, rate, is_carried_forward from intermediate.int_rates__daily where date_day = date '2024-01-02'"
        ).fetchall()
        n_raw = con.execute("select count(*) from intermediate.int_rates__daily where currency = 'USD'").fetchone()
    found = {currency: (rate, carried) for currency, rate, carried in rates}
    assert found["EUR"] == (D("11.2815"), False)
    assert found["NOK"] == (1, False)
    for currency in ecb.days[date(2024, 1, 2)]:
        assert abs(found[currency][0] - ecb.nok(currency, date(2024, 1, 2))[0]) < D("1e-11"), currency
    assert found["RUB"][1]  # not quoted since 2022: its last rate, and marked
    assert n_raw == ((date(2026, 10, 31) - date(1999, 1, 4)).days + 1,)  # one a day, weekends too


# What holds for all


@pytest.mark.parametrize("name", list(NIGHTS))
def test_marts_reconcile_with_raw_to_the_last_digit(warehouse: Callable[[str], Warehouse], name: str) -> None:
    house = warehouse(name)
    rows = house.rows(
        "select entity, measure, difference_to_raw, difference_to_mart, is_reconciled from rpt_reconciliation"
    )
    assert {r[0] for r in rows} == {
        "crm_funnel": {"leads", "deals"},
        "sales": {"order_lines", "web_purchases"},
    }[name]
    assert [r[2:] for r in rows] == [(0, 0, True)] * len(rows)


def test_reconciled_totals_are_those_of_the_files(shop: Warehouse, web: Warehouse) -> None:
    totals = "select measure, in_raw, in_mart from rpt_reconciliation where entity = '{}' order by measure"
    assert shop.rows(totals.format("order_lines")) == [
        ("amount", D("9539484.634"), D("9539484.634")),
        ("rows", 525_461, 525_461),
    ]
    assert web.rows(totals.format("web_purchases"))[1] == ("rows", 16_003, 16_003)


@pytest.mark.parametrize("name", list(NIGHTS))
def test_every_report_row_stands_on_the_night_it_was_asked_for(
    warehouse: Callable[[str], Warehouse], name: str
) -> None:
    house = warehouse(name)
    manifest = house.manifest()
    assert manifest["as_of"] == str(NIGHTS[name])
    reports = [m for m in manifest["marts"] if m.startswith("rpt_")]
    assert len(reports) >= 6
    for mart, about in manifest["marts"].items():
        assert house.one(f"select count(*) from {mart}") == (about["rows"],)
        parquet = house.published / "current" / "parquet" / f"{mart}.parquet"
        assert house.one(f"select count(*) from '{parquet}'") == (about["rows"],)
    for mart in reports:
        assert house.rows(f"select distinct as_of_date from {mart}") in ([(NIGHTS[name],)], [])


PERSONAL = {
    "orders": ("sales", '"Customer ID"::bigint::varchar', "orders/online_retail_2009_2010.parquet"),
    "ga4_purchases": ("sales", "user_pseudo_id", "ga4_purchases/ga4_merchandise_store_purchases.csv"),
    "crm_funnel": ("crm_funnel", "mql_id", "crm_funnel/olist_marketing_qualified_leads_dataset.csv"),
}
# numbers of five digits, as the shop's customers have
NOT_PEOPLE = {("fct_order_line", "product_id")}


@pytest.mark.parametrize("people", list(PERSONAL))
def test_no_id_of_a_person_is_published_as_it_came(
    warehouse: Callable[[str], Warehouse], real_data: Path, people: str
) -> None:
    """Every text of every mart against every id of a person in the file; keys (32 or 64 hex digits) are not searched."""
    name, column, file = PERSONAL[people]
    house = warehouse(name)
    path = real_data / file
    relation = f"'{path}'" if path.suffix == ".parquet" else f"read_csv('{path}', all_varchar = true)"
    with duckdb.connect() as con:
        con.execute(f"create table ids as select distinct {column} as id from {relation} where {column} is not null")
        con.execute(f"attach '{house.published / 'marts.duckdb'}' as p (read_only)")
        texts = con.execute(
            "select table_name, column_name from duckdb_columns() where database_name = 'p' and data_type = 'VARCHAR'"
        ).fetchall()
        assert len(texts) > 40
        for table, text in texts:
            con.execute(f'create or replace temp table cells as select distinct "{text}" as cell from p."{table}"')
            equal = con.execute("select count(*) from cells join ids on cell = id").fetchone()
            assert equal == (0,) or (table, text) in NOT_PEOPLE, (table, text, equal)
            inside = con.execute(
                "select count(*) from (from cells where length(cell) not in (32, 64) limit 2000) "
                "join (from ids where length(id) > 8 order by id limit 500) on contains(cell, id)"
            ).fetchone()
            assert inside == (0,), (table, text)


@pytest.mark.parametrize("name", list(NIGHTS))
def test_a_second_night_on_the_same_input_and_day_gives_the_same_marts(
    warehouse: Callable[[str], Warehouse], tmp_path: Path, name: str
) -> None:
    house = warehouse(name)
    before = tmp_path / "before.duckdb"
    shutil.copyfile(house.published / "marts.duckdb", before)
    first = house.manifest()
    assert "files: unchanged, no new rows" in house.green()
    second = house.manifest()
    assert second["generation"] != first["generation"]
    assert differences(before, house.published / "marts.duckdb") == {}
    prints = [{m: (v["rows"], v["fingerprint"]) for m, v in x["marts"].items()} for x in (first, second)]
    assert prints[0] == prints[1]


def test_a_difference_of_one_cell_would_be_seen(crm: Warehouse, tmp_path: Path) -> None:
    changed = tmp_path / "changed.duckdb"
    shutil.copyfile(crm.published / "marts.duckdb", changed)
    changed.chmod(0o600)
    with duckdb.connect(str(changed)) as con:
        con.execute(
            "update fct_lead set days_to_won = days_to_won + 1 where lead_key = (select max(lead_key) from fct_lead where is_won)"
        )
    assert differences(changed, crm.published / "marts.duckdb") == {"fct_lead": (1, 1)}
