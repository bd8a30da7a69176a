"""Meta Ads against the sandbox: Graph's protocol, and what the source makes of it in raw."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors.meta_ads import APP_SECRET, LIMITS, TOKEN, VENDOR
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.meta_ads import SPEC, _made, attribution_setting, claims, configured, link_of
from ingestion.sources.meta_ads.graph import _cut, envelope, regain_hint

NIGHT = date(2026, 11, 20)
LEVELS = ("account_daily", "campaign_daily", "ad_daily")
# Off Meta the day of the conversion counts, on Meta the day of the click or view; lead ads count a day after the click, all
# other ad sets seven days after the click and one after the view.
CLAIMED = """
    select k.account_id, case when a.category = 'purchase' or a.category = 'lead' and campaign_type <> 'lead_gen'
               then conversion_date else touch_date end as day, a.category, count(*) as n, sum(value_micros) as micros
    from now.ad_conversions k join now.ad_conversion_actions a using (platform, account_id, action_id)
    join now.ad_campaigns c using (platform, campaign_id)
    where platform = 'meta_ads' and a.category in ('purchase', 'lead', 'phone_call')
      and case when campaign_type = 'lead_gen' then kind = 'click' and conversion_date - touch_date <= 1
               else conversion_date - touch_date <= if(kind = 'click', 7, 1) end
    group by all
"""


# What every test may count on, whatever the company's luck: purchases some time after a click or view, a form filled in later
# than its ad set counts, a purchase that Meta learns of later, and an invalid click that is credited later.
_CONVERSION = """
    insert into world.ad_conversions by name
    select 'planted {category} {lag} {reported}' as conversion_id, platform, account_id, campaign_id, ad_group_id, ad_id,
           'facebook' as network, 'mobile' as device, action_id, '{kind}' as kind, date '{touch}' as touch_date,
           date '{touch}' + {lag} as conversion_date, date '{reported}' as reported_date, 1.0 as credit, {micros} as value_micros
    from (select * from world.ads where platform = 'meta_ads' and created_date < '2026-11-05' and campaign_id in (
              select campaign_id from world.ad_campaigns where platform = 'meta_ads' and campaign_type {type} 'lead_gen')
          order by ad_id limit 1)
    join (select platform, account_id, action_id from world.ad_conversion_actions where category = '{category}')
        using (platform, account_id)
"""
_PURCHASE = {
    "category": "purchase",
    "touch": "2026-11-10",
    "reported": "2026-11-18",
    "micros": 100_250_000,
    "type": "<>",
}
_LEAD = {**_PURCHASE, "category": "lead", "micros": 0, "type": "=", "kind": "click"}
PLANTED = [
    _CONVERSION.format(**_PURCHASE, kind="click", lag=0),
    _CONVERSION.format(**_PURCHASE, kind="click", lag=5),
    _CONVERSION.format(**_PURCHASE, kind="view", lag=1),
    _CONVERSION.format(**_LEAD, lag=0),
    _CONVERSION.format(**_LEAD, lag=4),
    _CONVERSION.format(**{**_PURCHASE, "reported": "2026-11-22"}, kind="click", lag=3),
    """insert into world.ad_delivery by name
       select * replace (0 as impressions, -1 as clicks, -10000 as cost_micros, date '2026-11-23' as posted_date)
       from world.ad_delivery where platform = 'meta_ads' and date = '2026-11-18' and clicks > 0 and cost_micros > 10000
       order by ad_id, network, device limit 1""",
]


@dataclass
class House:
    """A served company, and a data folder that loads it."""

    url: str
    app: Any
    settings: Settings

    def load(self, as_of: date = NIGHT, **kwargs: Any) -> LoadReport:
        self.app.state.desk.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file("meta_ads")), read_only=True) as con:
            return con.execute(sql).fetchall()

    def books(self, sql: str) -> list[Any]:
        return [tuple(r.values()) for r in self.app.state.desk.rows(sql)]

    def world(self, sql: str) -> None:
        self.app.state.desk._con.execute(sql)
        self.app.state.desk.set_clock(NIGHT)

    def fault(self, kind: str, route: str = "/meta_ads/.*/insights", times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(route, kind, times, after, seconds=0.3))

    def get(self, path: str, method: str = "GET", **params: Any) -> requests.Response:
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in {"access_token": TOKEN, **params}.items()}
        return requests.request(method, f"{self.url}/meta_ads/v26.0/{path}", params=texts, timeout=30)

    def error(self, path: str, **params: Any) -> tuple[int, int, int | None]:
        answer = self.get(path, **params)
        assert set(answer.json()) == {"error"}, answer.text
        error = answer.json()["error"]
        assert {"message", "type", "code", "fbtrace_id"} <= set(error)
        return answer.status_code, error["code"], error.get("error_subcode")

    def calls(self) -> list[str]:
        """METHOD edge of each call since record() was called."""
        asked = requests.get(f"{self.url}/_sandbox/record", timeout=10).json()
        return [f"{c['method']} {c['url'].split('?')[0].rsplit('/', 1)[1]}" for c in asked]

    def record(self) -> None:
        requests.post(f"{self.url}/_sandbox/record", timeout=10)

    def assert_raw_is_as_the_books(self) -> None:
        sold = self.books(
            """select account_id, date, sum(cost_micros)::decimal(24, 6) / 1000000, sum(clicks)::bigint, sum(impressions)::bigint
               from now.ad_delivery where platform = 'meta_ads' group by all order by all"""
        )
        claimed = self.books(
            f"""select account_id, day, sum(n) filter (category = 'purchase'), sum(micros) filter (category = 'purchase'),
                       sum(n) filter (category = 'lead'), sum(n) filter (category = 'phone_call')
                from ({CLAIMED}) group by all order by all"""
        )
        assert sold
        assert claimed
        for table in LEVELS:
            sums = f"""select account_id, date_day, sum(spend), sum(clicks)::bigint, sum(impressions)::bigint
                       from meta_ads.{table} group by all having sum(impressions) > 0 order by all"""
            assert [(*r[:2], float(r[2]), *r[3:]) for r in self.raw(sums)] == sold, table
            conversions = f"""select account_id, date_day, sum(pixel_purchases), sum(pixel_purchase_value) * 1000000,
                       sum(pixel_leads + form_leads), sum(calls) from meta_ads.{table} group by all
                       having sum(pixel_purchases + pixel_leads + form_leads + calls) > 0 order by all"""
            assert self.raw(conversions) == [tuple(x or 0 for x in r) for r in claimed], table


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    World.create_or_extend(folder, "tiny", 7, date(2026, 11, 27), start=date(2026, 11, 5))
    return folder


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (VENDOR,))
    app = server.make_app(World.open(company), NIGHT)
    for statement in PLANTED:
        app.state.desk._con.execute(statement)
    app.state.desk.set_clock(NIGHT)
    with served_in_thread(app) as url:
        for name, value in {**VENDOR.environment(url), "SOURCES__META_ADS__START_DATE": "2026-11-05"}.items():
            monkeypatch.setenv(name, value)
        yield House(url, app, Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]


@pytest.fixture
def account(house: House) -> str:
    """The account that spends most."""
    [[found]] = house.books(
        "select account_id from now.ad_delivery where platform = 'meta_ads' group by 1 order by sum(impressions) desc limit 1"
    )
    return str(found)


# --- raw is as the books ---


def test_every_level_is_as_the_books_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, "max_page", 40)
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    house.assert_raw_is_as_the_books()
    assert house.load().rows == report.rows
    house.assert_raw_is_as_the_books()
    for table in ("campaigns", "ad_sets", "ads", "ad_accounts"):
        versions = f"select count(*), count(_dlt_valid_to) from meta_ads.{table}"
        assert house.raw(versions) == [(report.rows[table], 0)], table


def test_days_are_restated_when_the_clock_moves_on(house: House) -> None:
    house.load()
    sums = "select sum(spend), sum(clicks), sum(pixel_purchases) from meta_ads.ad_daily where date_day < '2026-11-20'"
    [(spend, clicks, purchases)] = house.raw(sums)
    assert house.load(date(2026, 11, 27)).status == "loaded"
    house.assert_raw_is_as_the_books()
    [(later_spend, later_clicks, later_purchases)] = house.raw(sums)
    assert later_spend < spend
    assert later_clicks < clicks
    assert later_purchases > purchases


def test_amounts_and_days_are_the_accounts_own(house: House) -> None:
    house.load()
    accounts = house.raw("select name, currency, timezone_name from meta_ads.ad_accounts order by name")
    assert accounts == [("Nordlys Europe", "EUR", "Europe/Helsinki"), ("Nordlys Kontor Norge", "NOK", "Europe/Oslo")]
    apart = "select count(*) from meta_ads.ad_daily d join meta_ads.ad_accounts a using (account_id) where d.currency <> a.currency"
    assert house.raw(apart) == [(0,)]
    start = house.books(
        "select campaign_id, start_date, end_date from now.ad_campaigns where platform = 'meta_ads' order by 1"
    )
    assert house.raw("select campaign_id, start_date, stop_date from meta_ads.campaigns order by 1") == start


def test_a_first_pull_of_a_quarter_goes_by_report_runs_and_a_night_is_asked_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__META_ADS__START_DATE", "2026-09-01")
    house.record()
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()
    # two accounts: three levels, claims at two levels, months of reach at two levels
    assert house.calls().count("POST insights") == 2 * (3 + 2 + 2)
    house.record()
    assert house.load().status == "loaded"
    assert house.calls().count("POST insights") == 2 * 2


def test_what_is_too_much_at_once_goes_by_a_report_run_and_what_is_too_much_for_a_run_by_halves(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, "sync_rows", 400)
    house.record()
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()
    runs = house.calls().count("POST insights")
    assert runs > 0
    monkeypatch.setattr(LIMITS, "run_rows", 400)
    house.record()
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()
    assert house.calls().count("POST insights") > runs


def test_one_day_that_is_too_much_is_told_and_the_other_tables_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__META_ADS__START_DATE", "2026-11-18")
    monkeypatch.setattr(LIMITS, "sync_rows", 12)
    monkeypatch.setattr(LIMITS, "run_rows", 12)
    report = house.load()
    assert report.status == "partial"
    assert "ad_daily: act_" in report.message
    assert "Please reduce the amount of data" in report.message
    assert house.raw("select count(*) > 0 from meta_ads.account_daily") == [(True,)]


def test_a_report_run_that_never_ends_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__META_ADS__START_DATE", "2026-11-18")
    monkeypatch.setattr(LIMITS, "sync_rows", 100)
    monkeypatch.setattr(LIMITS, "polls", 10_000)
    monkeypatch.setenv("SOURCES__META_ADS__RUN_WAIT_SECONDS", "0.3")
    report = house.load()
    assert report.status == "partial"
    assert "still 'Job Running' after 0 s; the next night tries again" in report.message


# --- deleted ---


def test_what_is_deleted_leaves_the_lists_and_keeps_its_statistics(house: House, account: str) -> None:
    house.load(date(2026, 11, 19))
    [[campaign]] = house.books(
        f"""select campaign_id from now.ad_delivery where account_id = '{account}' group by 1 order by sum(cost_micros) desc limit 1"""
    )
    [[ad]] = (
        house.books(f"""select ad_id from now.ad_delivery where account_id = '{account}' and campaign_id <> '{campaign}'
                             group by 1 order by sum(cost_micros) desc limit 1""")
    )
    for table, column, gone in (("ad_campaigns", "campaign_id", campaign), ("ads", "ad_id", ad)):
        house.world(
            f"""insert into world.{table} by name
                select * exclude (first_valid_from) replace ('removed' as status, date '2026-11-20' as valid_from)
                from now.{table} where {column} = '{gone}'"""
        )

    def ids(edge: str, **params: Any) -> set[str]:
        return {r["id"] for r in house.get(f"act_{account}/{edge}", fields="id", limit="500", **params).json()["data"]}

    deleted = [{"field": "campaign.effective_status", "operator": "IN", "value": ["DELETED"]}]
    assert campaign not in ids("campaigns")
    assert ids("campaigns", effective_status=["DELETED"]) == {campaign}
    assert ids("campaigns", filtering=deleted) == {campaign}
    assert ad not in ids("ads")
    assert ad in ids("ads", effective_status=["DELETED"])  # and those of the deleted campaign
    assert house.get(ad, fields="effective_status").json() == {"effective_status": "DELETED", "id": ad}

    span = {
        "time_range": {"since": "2026-11-05", "until": "2026-11-19"},
        "fields": "campaign_id,ad_id,spend",
        "limit": "500",
    }

    def spent(level: str, **params: Any) -> float:
        rows = house.get(f"act_{account}/insights", level=level, **{**span, **params}).json()["data"]
        return round(sum(float(r["spend"]) for r in rows), 2)

    everything = [
        {"field": "ad.effective_status", "operator": "IN", "value": ["ACTIVE", "PAUSED", "CAMPAIGN_PAUSED", "DELETED"]}
    ]
    assert spent("ad") < spent("campaign") < spent("account")
    assert spent("ad", filtering=everything) == spent("account")
    assert float(house.get(f"{ad}/insights", "GET", **span).json()["data"][0]["spend"]) > 0

    assert house.load(date(2026, 11, 20)).status == "loaded"
    house.assert_raw_is_as_the_books()
    closed = "select day(_dlt_valid_to) from meta_ads.{} where {}_id = '{}'"
    assert house.raw(closed.format("campaigns", "campaign", campaign)) == [(20,)]
    assert house.raw(closed.format("ads", "ad", ad)) == [(20,)]


# --- faults ---


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "truncated", "reset", "slow"])
def test_a_passing_fault_is_waited_for_and_the_books_are_whole(house: House, kind: str) -> None:
    house.fault(kind, times=2)
    house.fault(kind, route="/meta_ads/.*/ads$")
    report = house.load()
    assert (report.status, report.message) == ("loaded", "")
    assert [k for k, _ in house.app.state.orders.struck] == [kind] * 3
    house.assert_raw_is_as_the_books()


def test_a_token_that_is_over_stops_the_source_with_what_to_do_and_keeps_the_last_good_data(house: House) -> None:
    house.load()
    house.fault("expired_token", route="/meta_ads/", times=-1)
    report = house.load(date(2026, 11, 21))
    assert report.status == "failed"
    assert "code 190, HTTP 400" in report.message
    assert "make a new token of the system user" in report.message
    assert "SOURCES__META_ADS__ACCESS_TOKEN" in report.message
    assert TOKEN not in report.message
    assert house.raw("select count(*) > 0 from meta_ads.ad_daily") == [(True,)]
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 22)).status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_row_that_is_no_object_is_kept_apart_and_told(house: House) -> None:
    house.fault("malformed_row", route="/meta_ads/.*/insights", times=1)
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "1 rows could not be read, first: the row is no JSON object" in report.message
    [(reason, text)] = house.raw("select reason, row_text from meta_ads._rejects")
    assert reason == "the row is no JSON object"
    assert "impressions" in text
    assert house.load(date(2026, 11, 21)).status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_thing_that_cannot_be_read_stops_its_list_and_nothing_looks_deleted(house: House) -> None:
    house.load(date(2026, 11, 19))
    house.fault("malformed_row", route="/meta_ads/.*/campaigns$", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "/campaigns: row 0 of a page cannot be read: the row is no JSON object" in report.message
    assert house.raw("select count(_dlt_valid_to), count(*) > 5 from meta_ads.campaigns") == [(0, True)]


def test_a_renamed_field_stops_its_table_with_a_clear_word_and_raw_stays(house: House) -> None:
    house.load()
    before = house.raw("select count(*), sum(spend) from meta_ads.ad_daily")
    house.fault("schema_change", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "ad_daily: field 'spend' was asked for and is in none of" in report.message
    assert "has Meta renamed it?" in report.message
    assert house.raw("select count(*), sum(spend) from meta_ads.ad_daily") == before


def test_a_stranger_among_the_accounts_is_told_with_those_the_token_may_read(
    house: House, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__META_ADS__ACCOUNTS", f"act_{account},42")
    report = house.load()
    assert report.status == "failed"
    assert f"account 42 is none the token may read ({account}" in report.message or account in report.message
    monkeypatch.setenv("SOURCES__META_ADS__ACCOUNTS", f"act_{account}")
    assert house.load().status == "loaded"
    assert house.raw("select distinct account_id from meta_ads.ad_daily") == [(account,)]


def test_without_a_token_the_source_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOURCES__META_ADS__ACCESS_TOKEN", raising=False)
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    assert not configured(settings).ready
    assert "SOURCES__META_ADS__ACCESS_TOKEN" in configured(settings).message
    monkeypatch.setenv("SOURCES__META_ADS__ACCESS_TOKEN", "t")
    assert configured(settings).ready


# --- claims, reach, things ---


def test_claims_overlap_by_type_and_window_and_one_of_each_is_what_the_levels_report(house: House) -> None:
    house.load(date(2026, 11, 27))
    total = """select sum(conversions), sum(conversion_value) from meta_ads.conversion_daily
               where level = '{}' and action_type = '{}' and attribution_window = '{}'"""
    levels = "select sum(pixel_purchases), sum(pixel_purchase_value) from meta_ads.account_daily"
    own = house.raw(levels)
    assert own[0][0] > 0
    for level in ("campaign", "ad"):
        for action in ("offsite_conversion.fb_pixel_purchase", "purchase", "omni_purchase"):
            assert house.raw(total.format(level, action, "value")) == own
    bought = "offsite_conversion.fb_pixel_purchase"
    one, seven, month = (house.raw(total.format("ad", bought, f"{n}d_click"))[0][0] for n in (1, 7, 28))
    assert 0 < one < seven <= month  # later conversions fall into longer windows
    leads = "select sum(pixel_leads), sum(form_leads) from meta_ads.account_daily"
    assert sum(house.raw(leads)[0]) == house.raw(total.format("campaign", "lead", "value"))[0][0]
    settings = "select distinct attribution_setting from meta_ads.conversion_daily order by 1"
    assert house.raw(settings) == [("1d_click",), ("7d_click_1d_view",)]
    late = """select attribution_window from meta_ads.conversion_daily
              where level = 'ad' and action_type = 'onsite_conversion.lead_grouped' and date_day = '2026-11-10'
              group by 1 having sum(conversions) = {} order by 1"""
    # the form filled in four days after the click is in the longer windows, and not in the ad set's own of one day
    assert [r[0] for r in house.raw(late.format(1))] == ["1d_click", "value"]
    assert [r[0] for r in house.raw(late.format(2))] == ["28d_click", "7d_click"]
    assert house.raw("select count(*) from meta_ads.conversion_daily where action_type = 'link_click'") == [(0,)]


def test_reach_is_asked_by_window_and_never_the_sum_of_its_parts(house: House) -> None:
    house.load()
    windows = "select distinct window_kind, window_start::varchar, window_end::varchar from meta_ads.reach_windows order by all"
    first = [
        ("last_28_days", "2026-10-23", "2026-11-19"),
        ("last_7_days", "2026-11-13", "2026-11-19"),
        ("month", "2026-11-05", "2026-11-19"),
    ]
    assert house.raw(windows) == first
    impressions = (
        "select sum(impressions) from meta_ads.reach_windows where window_kind = 'month' and level = 'campaign'"
    )
    assert house.raw(impressions) == house.raw("select sum(impressions) from meta_ads.account_daily")
    seen = "select sum(reach) from meta_ads.reach_windows where window_kind = 'month' and level = '{}'"
    assert house.raw(seen.format("campaign")) < house.raw(seen.format("ad"))
    off = "select count(*) from meta_ads.reach_windows where reach > impressions or abs(frequency * reach - impressions) > 0.01"
    assert house.raw(off) == [(0,)]
    house.load(date(2026, 11, 21))
    # the month is replaced, windows of seven and twenty-eight days stay as they were told each night
    second = [("last_28_days", "2026-10-24", "2026-11-20"), ("last_7_days", "2026-11-14", "2026-11-20")]
    assert house.raw(windows) == sorted([*first[:2], *second, ("month", "2026-11-05", "2026-11-20")])


def test_known_people_are_retargeted_and_lookalikes_are_not(house: House) -> None:
    house.load()
    told = house.books(
        "select campaign_id, is_retargeting from now.ad_campaigns where platform = 'meta_ads' order by 1"
    )
    assert house.raw("select campaign_id, is_retargeting from meta_ads.campaigns order by 1") == told
    audiences = """select s.is_retargeting, count(*) from meta_ads.ad_sets s join meta_ads.campaigns c using (campaign_id)
                   where c.name like '%lignende%' and s.custom_audiences is not null group by 1"""
    assert [r[0] for r in house.raw(audiences)] == [False]


def test_a_budget_is_told_where_it_is_set_and_a_link_with_its_tags(house: House) -> None:
    house.load()
    budgets = house.books("select sum(daily_budget_micros) // 10000 from now.ad_campaigns where platform = 'meta_ads'")
    told = (
        "select (select sum(daily_budget) from meta_ads.campaigns) + (select sum(daily_budget) from meta_ads.ad_sets)"
    )
    assert house.raw(told) == budgets
    links = house.books("select ad_id, final_url from now.ads where platform = 'meta_ads' order by 1")
    read = """select ad_id, link_url || coalesce('?' || url_tags, '') from meta_ads.ads
              join meta_ads.creatives using (account_id, creative_id) order by 1"""
    assert house.raw(read) == links


def test_a_new_name_makes_a_version(house: House, account: str) -> None:
    house.load(date(2026, 11, 19))
    house.world(
        """insert into world.ad_campaigns by name select * exclude (first_valid_from)
           replace ('new name' as name, date '2026-11-20' as valid_from)
           from now.ad_campaigns where platform = 'meta_ads' and name like '%handlekurv%'"""
    )
    house.load(date(2026, 11, 20))
    versions = """select name = 'new name', day(_dlt_valid_from), day(_dlt_valid_to) from meta_ads.campaigns
                  where campaign_id in (select campaign_id from meta_ads.campaigns where name = 'new name') order by 2"""
    assert house.raw(versions) == [(False, 19, 20), (True, 20, None)]


# --- the protocol ---


def test_graph_refuses_what_it_does_not_know(house: House, account: str) -> None:
    acc, week = f"act_{account}", {"since": "2026-11-05", "until": "2026-11-11"}
    assert house.error("me/adaccounts", access_token="") == (400, 104, None)
    assert house.error("me/adaccounts", access_token="guess") == (400, 190, None)
    assert house.error("me/adaccounts", appsecret_proof="guess") == (400, 100, None)
    assert house.error(f"{acc}/campaigns", fields="name,colour") == (400, 100, None)
    assert house.error(f"{acc}/insights", fields="spend,cost_micros") == (400, 100, None)
    assert house.error(f"{acc}/insights", fields="spend", colour="red") == (400, 100, None)
    assert house.error(f"{acc}/insights", level="keyword") == (400, 100, None)
    assert house.error(f"{acc}/insights", breakdowns="shoe_size") == (400, 100, None)
    assert house.error(f"{acc}/insights", action_attribution_windows=["14d_click"]) == (400, 100, None)
    assert house.error(f"{acc}/insights", time_range={"since": "2023-01-01", "until": "2023-01-02"}) == (
        400,
        3018,
        None,
    )
    assert house.error(f"{acc}/insights", time_range={"since": "2026-11-02", "until": "2026-11-01"}) == (400, 100, None)
    assert house.error(f"{acc}/insights", filtering=[{"field": "colour", "operator": "IN", "value": ["red"]}])[:2] == (
        400,
        100,
    )
    assert house.error(f"{acc}/campaigns", effective_status=["ADSET_PAUSED"]) == (
        400,
        100,
        None,
    )  # an ad's, no campaign's
    assert house.error(f"{acc}/ads", after="guess") == (400, 100, None)
    assert house.error("act_42/campaigns") == (400, 100, 33)
    assert house.error("42") == (400, 100, 33)
    assert (
        requests.get(f"{house.url}/meta_ads/v9.0/me", params={"access_token": TOKEN}, timeout=9).json()["error"]["code"]
        == 2635
    )
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert house.get(f"{acc}/insights/", time_range=week, appsecret_proof=proof).status_code == 200


def test_too_much_at_once_is_refused_with_its_subcode(
    house: House, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, "sync_rows", 50)
    span = {"since": "2026-11-05", "until": "2026-11-19"}
    assert house.error(f"act_{account}/insights", level="ad", time_range=span, time_increment="1") == (
        400,
        100,
        1487534,
    )


def test_numbers_are_texts_and_headers_tell_of_the_limits(house: House, account: str) -> None:
    answer = house.get(
        f"act_{account}/insights",
        fields="impressions,clicks,spend,reach,actions,action_values",
        time_range={"since": "2026-11-05", "until": "2026-11-19"},
        action_attribution_windows=["1d_click", "7d_view", "28d_view", "1d_view"],
    )
    [row] = answer.json()["data"]
    assert all(isinstance(row[k], str) for k in ("impressions", "clicks", "spend", "reach", "date_start", "date_stop"))
    windows = {key for action in row["actions"] for key in action} - {"action_type", "value"}
    assert windows <= {"1d_click", "1d_view"}  # 7d_view and 28d_view are taken and no longer returned
    bought = {a["action_type"]: a["value"] for a in row["actions"]}
    assert bought["purchase"] == bought["omni_purchase"] == bought["offsite_conversion.fb_pixel_purchase"]
    usage = json.loads(answer.headers["x-business-use-case-usage"])
    assert [u["estimated_time_to_regain_access"] for us in usage.values() for u in us] == [0]
    assert set(json.loads(answer.headers["x-fb-ads-insights-throttle"])) == {
        "app_id_util_pct",
        "acc_id_util_pct",
        "ads_api_access_tier",
    }


def test_next_leads_on_at_the_address_that_was_asked(house: House, account: str) -> None:
    page = house.get(f"act_{account}/ads", fields="name", limit="20").json()
    seen = [r["id"] for r in page["data"]]
    while "next" in page["paging"]:
        assert page["paging"]["next"].startswith(f"{house.url}/meta_ads/v26.0/act_{account}/ads?")
        page = requests.get(page["paging"]["next"], timeout=10).json()
        seen += [r["id"] for r in page["data"]]
    listed = house.books(f"select ad_id from now.ads where account_id = '{account}' order by 1")
    assert sorted(seen) == [r[0] for r in listed]
    assert len(seen) > 40


def test_a_batch_answers_each_call_as_text(house: House, account: str) -> None:
    calls = [
        {"method": "GET", "relative_url": f"v26.0/act_{account}?fields=currency"},
        {"method": "GET", "relative_url": f"act_{account}/campaigns?fields=colour"},
        {"method": "POST", "relative_url": f"act_{account}/insights", "body": "level=account&fields=spend"},
    ]
    answer = requests.post(
        f"{house.url}/meta_ads/v26.0/", data={"access_token": TOKEN, "batch": json.dumps(calls)}, timeout=10
    ).json()
    assert [a["code"] for a in answer] == [200, 400, 200]
    assert json.loads(answer[0]["body"])["currency"] in ("NOK", "EUR")
    assert json.loads(answer[1]["body"])["error"]["code"] == 100
    run = json.loads(answer[2]["body"])["report_run_id"]
    assert house.error(f"{run}/insights")[:2] == (400, 2601)  # not done yet
    states = [house.get(f"{run}/").json()["async_status"] for _ in range(2)]
    assert states == ["Job Running", "Job Completed"]
    assert len(house.get(f"{run}/insights").json()["data"]) == 1


def test_the_token_goes_in_a_header_and_never_in_an_address(house: House) -> None:
    house.record()
    house.load()
    asked = requests.get(f"{house.url}/_sandbox/record", timeout=10).json()
    assert len(asked) > 20
    assert {c["headers"]["authorization"] for c in asked} == {f"Bearer {TOKEN}"}
    assert not [c for c in asked if TOKEN in c["url"] or TOKEN in b64decode(c["body"]).decode()]


# --- by hand ---


def test_minutes_until_access_are_kept_as_seconds_and_none_when_meta_names_none() -> None:
    usage = {
        "1": [{"type": "ads_insights", "estimated_time_to_regain_access": 0}, {"estimated_time_to_regain_access": 3}]
    }
    assert regain_hint(None, {"x-business-use-case-usage": json.dumps(usage)}) == 180
    assert regain_hint(None, {"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 0}]}'}) is None
    assert regain_hint(None, {}) is None


def test_what_is_too_much_is_cut_between_days_or_months_and_a_window_of_its_own_is_not() -> None:
    first, last = date(2026, 9, 10), date(2026, 11, 19)
    assert _cut(first, last, "1") == date(2026, 10, 15)
    assert _cut(first, first, "1") is None
    assert _cut(first, last, "monthly") == date(2026, 10, 31)
    assert _cut(date(2026, 10, 31), date(2026, 11, 30), "monthly") == date(2026, 10, 31)
    assert _cut(date(2026, 11, 1), last, "monthly") is None
    assert _cut(first, last, "all_days") is None


def test_an_error_is_known_by_its_code_and_too_much_data_by_its_subcode() -> None:
    assert envelope({"error": {"code": 190, "error_subcode": 463, "message": "over"}}) == ("190", "over")
    assert envelope({"error": {"code": 100, "error_subcode": 1487534, "message": "much"}}) == ("1487534", "much")
    assert envelope({"data": []}) is None


def test_an_attribution_spec_is_told_clicks_first() -> None:
    spec = [{"event_type": "VIEW_THROUGH", "window_days": 1}, {"event_type": "CLICK_THROUGH", "window_days": 7}]
    assert attribution_setting(spec) == "7d_click_1d_view"
    assert attribution_setting(spec[1:]) == "7d_click"


def test_claims_hold_a_row_for_each_window_meta_returned() -> None:
    row = {
        "campaign_id": "1",
        "actions": [
            {"action_type": "lead", "value": "3", "1d_click": "2"},
            {"action_type": "link_click", "value": "9"},
        ],
        "action_values": [{"action_type": "lead", "value": "70.5"}],
    }
    assert [(c["attribution_window"], c["conversions"], c["conversion_value"]) for c in claims(row)] == [
        ("value", "3", "70.5"), ("1d_click", "2", "0"),
    ]  # fmt: skip


def test_a_row_of_another_shape_is_told_by_what_it_lacks() -> None:
    told: list[Any] = []
    good = {"campaign_id": "1", "actions": [{"action_type": "lead", "value": "3"}]}
    page = [good, {"campaign_id": "2", "actions": [{"type": "lead"}]}, {"campaign_id": "3", "actions": 4}, "text"]
    assert len(_made(page, claims, lambda *row: told.append(row[:3]))) == 1
    assert [t[0] for t in told] == [1, 2, 3]
    assert told[0][2] == "action_type is missing"
    assert told[2][2] == "the row is no JSON object"


def test_a_link_is_found_where_its_format_keeps_it() -> None:
    assert link_of({"object_story_spec": {"link_data": {"link": "u", "child_attachments": [{}, {}]}}}) == ("u", 2)
    assert link_of({"object_story_spec": {"video_data": {"call_to_action": {"value": {"link": "v"}}}}}) == ("v", 0)
    assert link_of({"object_story_spec": {"link_data": {"child_attachments": [{"link": "c"}]}}}) == ("c", 1)
    assert link_of({}) == (None, 0)
