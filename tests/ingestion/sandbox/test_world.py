"""The world agrees with itself and with the books kept beside it, at every clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingestion.sandbox.ad_setup import WINDOWS
from ingestion.sandbox.store import World
from ingestion.sandbox.tables import TABLES


def _rows(world: World, query: str) -> list[tuple[Any, ...]]:
    return world.con().execute(query).fetchall()


def _none(world: World, query: str) -> None:
    assert _rows(world, query) == []


CELL = "date, platform, account_id, campaign_id, ad_group_id, ad_id, keyword_id, network, device"
FIGURES = (
    "sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks, sum(cost_micros)::bigint as cost_micros"
)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_columns_and_types_are_those_that_tables_py_says(world: World, name: str) -> None:
    table = TABLES[name]
    described = _rows(world, f"describe {table.room}.{name}")
    duckdb_names = {
        "text": "VARCHAR",
        "decimal": "DECIMAL(18,6)",
        "bool": "BOOLEAN",
        "timestamptz": "TIMESTAMP WITH TIME ZONE",
    }
    expected = [(c.name, duckdb_names.get(c.type, c.type.upper())) for c in table.columns]
    assert [(r[0], r[1]) for r in described] == expected


def test_the_ledger_equals_the_delivery_at_every_clock(world: World) -> None:
    for days in range(12):
        clock = world.through_date + timedelta(days=days - 3)
        _none(
            world,
            f"""
            with delivered as (select platform, account_id, date, {FIGURES} from world.ad_delivery
                where posted_date <= '{clock}' group by all),
            booked as (select platform, account_id, date, {FIGURES} from truth.ledger_daily
                where posted_date <= '{clock}' group by all)
            (from delivered except from booked) union all (from booked except from delivered)""",
        )


def test_the_ledger_shows_a_cent_too_much(world: World) -> None:
    query = f"select platform, account_id, date, {FIGURES} from %s group by all"
    spoilt = "(select * replace (cost_micros + 10000 * (row_number() over () = 1)::int as cost_micros) from world.ad_delivery)"
    assert len(_rows(world, f"({query % spoilt}) except ({query % 'truth.ledger_daily'})")) == 1


def test_no_cell_is_negative_at_any_clock(world: World) -> None:
    _none(
        world,
        f"""select 1 from (select sum(impressions) over w as i, sum(clicks) over w as c, sum(cost_micros) over w as m
            from world.ad_delivery window w as (partition by {CELL} order by posted_date)) where least(i, c, m) < 0""",
    )


def test_corrections_are_posted_two_to_seven_days_after_the_day(world: World) -> None:
    _none(world, "from world.ad_delivery where clicks >= 0 and posted_date <> date + 1")
    _none(world, "from world.ad_delivery where clicks < 0 and posted_date - date not between 2 and 7")
    assert _rows(world, "select count(*) > 5 from world.ad_delivery where clicks < 0") == [(True,)]


def test_delivery_counts_exactly_the_clicks_there_are(world: World) -> None:
    same = " and ".join(f"delivered.{k} is not distinct from clicked.{k}" for k in CELL.split(", "))
    taken_back = "case when invalid_date is null then 1 else 0 end"
    _none(
        world,
        f"""
        with delivered as (select {CELL}, sum(clicks)::bigint as n, sum(cost_micros)::bigint as m from world.ad_delivery group by all),
        clicked as (select {CELL}, sum({taken_back})::bigint as n, sum(cost_micros * {taken_back})::bigint as m
            from world.ad_clicks group by all)
        select * from delivered left join clicked on {same}
        where delivered.n <> coalesce(clicked.n, 0)
            or (delivered.platform in ('google_ads', 'microsoft_ads') and delivered.m <> coalesce(clicked.m, 0))""",
    )


def test_a_click_is_dated_by_its_accounts_clock(world: World) -> None:
    _none(
        world,
        """select click_id from world.ad_clicks join world.ad_accounts using (platform, account_id)
        where date <> (clicked_at at time zone time_zone)::date""",
    )
    assert _rows(world, "select count(distinct time_zone) from world.ad_accounts") == [(4,)]


def test_costs_are_whole_cents(world: World) -> None:
    for table in ("ad_delivery", "ad_clicks", "ad_search_terms"):
        _none(world, f"from world.{table} where cost_micros % 10000 <> 0")


def test_search_terms_never_exceed_their_keyword_at_any_clock(world: World) -> None:
    keys = "date, platform, account_id, campaign_id, ad_group_id, keyword_id"
    for days in range(8):
        clock = world.through_date + timedelta(days=days)
        _none(
            world,
            f"""
            with terms as (select {keys}, {FIGURES} from world.ad_search_terms where posted_date <= '{clock}' group by all),
            keywords as (select {keys}, {FIGURES} from world.ad_delivery where posted_date <= '{clock}' group by all)
            select * from terms left join keywords using ({keys})
            where keywords.clicks is null or terms.impressions > keywords.impressions or terms.clicks > keywords.clicks
                or terms.cost_micros > keywords.cost_micros""",
        )


def test_delivery_names_only_what_was_set_up_before(world: World) -> None:
    for table, key in (
        ("ad_campaigns", "campaign_id"),
        ("ad_groups", "ad_group_id"),
        ("ads", "ad_id"),
        ("ad_keywords", "keyword_id"),
    ):
        _none(
            world,
            f"""select {key} from world.ad_delivery where {key} is not null and not exists (
                select 1 from world.{table} as e where e.{key} = ad_delivery.{key} and e.valid_from <= ad_delivery.date)""",
        )


def test_google_splits_a_conversion_and_the_others_claim_it_whole(world: World) -> None:
    _none(world, "from world.ad_conversions where platform <> 'google_ads' and credit <> 1")
    _none(
        world,
        """select converted_at, action_id, sum(credit) as total from world.ad_conversions where platform = 'google_ads'
        group by all having abs(total - round(total)) > 1e-9""",
    )
    assert _rows(world, "select count(*) > 0 from world.ad_conversions where credit < 1") == [(True,)]


def test_conversions_come_within_their_window_and_are_reported_later(world: World) -> None:
    windows = ", ".join(f"('{p}', {click}, {view})" for p, (click, view) in WINDOWS.items())
    _none(
        world,
        f"""select conversion_id from world.ad_conversions join (values {windows}) as w (platform, c, v) using (platform)
        where conversion_date - touch_date not between 0 and case kind when 'click' then c else v end
            or reported_date <= conversion_date or retracted_date <= reported_date""",
    )


def test_a_conversions_click_is_a_click_of_the_same_cell_before_it(world: World) -> None:
    _none(
        world,
        f"""select v.conversion_id from world.ad_conversions as v left join world.ad_clicks as c using (click_id)
        where v.click_id is not null and v.touch_date <= '{world.through_date}' and (c.click_id is null or c.clicked_at > v.converted_at
            or c.date <> v.touch_date or c.ad_id is distinct from v.ad_id or c.campaign_id <> v.campaign_id)""",
    )


def test_clicks_that_are_no_bots_are_visits_or_forms_of_their_person(world: World) -> None:
    form = "(select campaign_id from world.ad_campaigns where campaign_type = 'lead_gen')"
    _none(
        world,
        f"""select click_id from truth.click_truth where not was_bot and campaign_id not in {form} and not exists (
            select 1 from truth.touches as t where t.person_id = click_truth.person_id and t.campaign_id = click_truth.campaign_id)""",
    )
    assert _rows(world, "select count(*) > 0 from truth.click_truth where was_bot") == [(True,)]


def test_an_order_is_the_sum_of_its_lines_and_shipping(world: World) -> None:
    _none(
        world,
        """select order_id from world.orders join (select order_id, sum(amount_ore) as goods from world.order_lines group by 1)
        using (order_id) where amount_ore <> goods + shipping_ore""",
    )
    _none(world, "select order_id from world.refunds anti join world.orders using (order_id)")


def test_visits_without_consent_carry_no_identifier(world: World) -> None:
    _none(world, "from world.visits where not consent_analytics and (client_id is not null or user_id is not null)")
    share = _rows(world, "select avg(consent_analytics::int) from world.visits")[0][0]
    assert 0.4 < share < 0.85


def test_every_client_id_belongs_to_one_person(world: World) -> None:
    _none(
        world,
        """select client_id from world.visits join truth.touches as t using (visit_id)
        left join truth.identifiers as i on i.kind = 'client_id' and i.value = client_id and i.person_id = t.person_id
        where client_id is not null and i.value is null""",
    )
    _none(
        world,
        "select value from truth.identifiers where kind = 'client_id' group by 1 having count(distinct person_id) > 1",
    )


def test_only_known_things_happened_in_the_future(world: World) -> None:
    """Facts of the day are of the days made; what lies ahead is in the columns tables.py names."""
    for table in ("ad_delivery", "ad_clicks", "ad_search_terms"):
        _none(world, f"from world.{table} where date not between '{world.start_date}' and '{world.through_date}'")


def test_rates_are_there_on_business_days_only(world: World) -> None:
    _none(world, "from world.exchange_rates where isodow(date) > 5 or rate <= 0")
    _none(world, "from world.exchange_rates where (unit = 100) <> (currency in ('SEK', 'DKK', 'JPY'))")
