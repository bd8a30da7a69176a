"""TikTok Ads against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from ingestion.sandbox.server.vendors.tiktok_ads import TOKEN, VENDOR
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.tiktok_ads import SPEC

NIGHT = date(2026, 11, 20)
LEVELS = ("account_daily", "campaign_daily", "ad_group_daily", "ad_daily")


@dataclass
class House:
    """A served company, and a data folder that loads it."""

    url: str
    app: Any
    settings: Settings

    def load(self, as_of: date = NIGHT) -> LoadReport:
        self.app.state.desk.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file("tiktok_ads")), read_only=True) as con:
            return con.execute(sql).fetchall()

    def books(self, sql: str) -> list[Any]:
        return [tuple(r.values()) for r in self.app.state.desk.rows(sql)]

    def fault(self, kind: str, route: str = "/tiktok_ads/", times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(route, kind, times, after))

    def ask(self, path: str, **params: Any) -> Any:
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}
        url = f"{self.url}/tiktok_ads/open_api/v1.3{path}"
        answer = requests.get(url, params=texts, headers={"Access-Token": TOKEN}, timeout=30)
        assert answer.status_code == 200
        return answer.json()

    def assert_raw_is_as_the_books(self) -> None:
        sold = self.books(
            """select account_id, date, sum(cost_micros)::bigint, sum(clicks)::bigint, sum(impressions)::bigint
               from now.ad_delivery where platform = 'tiktok_ads' group by all order by all"""
        )
        bought = self.books(
            """select account_id, touch_date, count(*) from now.ad_conversions join now.ad_conversion_actions
               using (platform, account_id, action_id)
               where platform = 'tiktok_ads' and category = 'purchase' group by all order by all"""
        )
        assert sold
        for table in LEVELS:
            sums = "select account_id, date_day, (sum(spend) * 1000000)::bigint, sum(clicks), sum(impressions)"
            assert self.raw(f"{sums} from tiktok_ads.{table} group by all order by all") == sold, table
            paid = f"select account_id, date_day, sum(complete_payment) as n from tiktok_ads.{table}"
            assert self.raw(f"{paid} group by all having n > 0 order by all") == bought, table


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    World.create_or_extend(folder, "tiny", 7, date(2026, 11, 25))
    return folder


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with _serving(company, tmp_path, monkeypatch) as house:
        yield house


@contextmanager
def _serving(company: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (VENDOR,))
    app = server.make_app(World.open(company), NIGHT)
    with served_in_thread(app) as url:
        for name, value in {**VENDOR.environment(url), "SOURCES__TIKTOK_ADS__START_DATE": "2026-11-06"}.items():
            monkeypatch.setenv(name, value)
        app.state.desk._con.execute("delete from world.ad_delivery where date < '2026-11-06'")
        app.state.desk._con.execute("delete from world.ad_conversions where touch_date < '2026-11-06'")
        app.state.desk.set_clock(NIGHT)
        yield House(url, app, Settings(data_dir=data, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]


def test_every_level_is_as_the_books_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__TIKTOK_ADS__PAGE_SIZE", "9")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    house.assert_raw_is_as_the_books()
    assert house.load().rows == report.rows
    house.assert_raw_is_as_the_books()
    entities = [
        house.raw(f"select count(*), count(_dlt_valid_to) from tiktok_ads.{t}")[0] for t in ("campaigns", "ads")
    ]
    assert entities == [(report.rows["campaigns"], 0), (report.rows["ads"], 0)]


def test_days_are_restated_when_the_clock_moves_on(house: House) -> None:
    house.load()
    before = house.raw("select sum(spend), sum(clicks) from tiktok_ads.ad_daily where date_day < '2026-11-20'")
    house.app.state.desk._con.execute(  # a day's clicks are found invalid five days later
        """insert into world.ad_delivery by name select * replace (-impressions as impressions, -clicks as clicks,
           -cost_micros as cost_micros, date '2026-11-23' as posted_date) from world.ad_delivery
           where platform = 'tiktok_ads' and date = '2026-11-18' and clicks > 0"""
    )
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_the_books()
    assert house.raw("select sum(spend), sum(clicks) from tiktok_ads.ad_daily where date_day < '2026-11-20'") != before


def test_the_statistics_of_a_deleted_campaign_stay_on_every_level(house: House) -> None:
    [[campaign]] = house.books(
        "select campaign_id from now.ad_delivery where platform = 'tiktok_ads' group by 1 order by sum(cost_micros) desc limit 1"
    )
    house.app.state.desk._con.execute(
        f"insert into world.ad_campaigns by name select * replace ('removed' as status, date '2026-11-18' as valid_from)"
        f" from world.ad_campaigns where campaign_id = '{campaign}'"
    )
    house.load()
    house.assert_raw_is_as_the_books()
    assert house.raw(f"select secondary_status from tiktok_ads.campaigns where campaign_id = '{campaign}'") == [
        ("CAMPAIGN_STATUS_DELETE",)
    ]
    account = house.books("select account_id from now.ad_accounts where platform = 'tiktok_ads'")[0][0]
    listed = house.ask("/campaign/get/", advertiser_id=account, page_size=1000)["data"]["list"]
    assert campaign not in {c["campaign_id"] for c in listed}


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "truncated", "reset"])
def test_a_passing_fault_is_waited_for_and_nothing_is_lost(house: House, kind: str) -> None:
    house.fault(kind, "/report/", after=1)
    assert (house.load().status, house.app.state.orders.struck[0][0]) == ("loaded", kind)
    house.assert_raw_is_as_the_books()


def test_a_revoked_token_fails_with_what_to_do_and_the_next_good_night_catches_up(house: House) -> None:
    house.load()
    house.fault("expired_token", times=-1)
    report = house.load(date(2026, 11, 22))
    assert (report.status, report.last_good_as_of) == ("failed", NIGHT)
    assert "code 40105" in report.message
    assert "set SOURCES__TIKTOK_ADS__ACCESS_TOKEN" in report.message
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_malformed_row_is_kept_apart_and_told(house: House) -> None:
    house.fault("malformed_row", "/report/")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "metrics.impressions is not readable as bigint" in report.message
    assert house.raw(
        "select column_name, json_extract_string(row_text, '$.metrics.impressions') from tiktok_ads._rejects"
    ) == [("impressions", "n/a")]
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_changed_answer_is_named_and_raw_keeps_what_it_has(house: House) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from tiktok_ads.account_daily order by all")
    house.fault("schema_change", "/report/", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "no row of the answer has metrics.spend; did the API change?" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from tiktok_ads.account_daily order by all") == before


def test_the_sandbox_refuses_what_the_vendor_refuses(house: House) -> None:
    [advertiser] = house.ask("/oauth2/advertiser/get/", app_id="7123456789012345678", secret="tiktok-app-secret")[
        "data"
    ]["list"]
    good: dict[str, Any] = {
        "advertiser_id": advertiser["advertiser_id"], "report_type": "BASIC", "data_level": "AUCTION_AD",
        "dimensions": ["ad_id", "stat_time_day"], "metrics": ["spend", "clicks"],
        "start_date": "2026-11-01", "end_date": "2026-11-30",
    }  # fmt: skip
    answer = house.ask("/report/integrated/get/", **good)
    assert (answer["code"], len(answer["data"]["list"]), answer["data"]["page_info"]["page_size"]) == (0, 10, 10)
    assert isinstance(answer["data"]["list"][0]["metrics"]["clicks"], str)
    for bad, code, says in [
        ({"metrics": ["spend", "cost"]}, 40002, "Invalid metric fields: ['cost']"),
        ({"dimensions": ["ad_id", "campaign_id"]}, 40002, "cannot be used with AUCTION_AD"),
        ({"end_date": "2026-12-01"}, 40002, "max time span is 30 days"),
        ({"page_size": 1001}, 40002, "between 1 and 1000"),
        ({"limit": 5}, 40002, "limit: unknown field"),
        ({"advertiser_id": "123"}, 40001, "No permission"),
    ]:
        answer = house.ask("/report/integrated/get/", **{**good, **bad})
        assert answer["code"] == code, bad
        assert says in answer["message"]
    answer = house.ask("/campaign/get/", advertiser_id=advertiser["advertiser_id"], fields=["campaign_id", "spend"])
    assert (answer["code"], answer["message"]) == (40002, "fields: invalid value 'spend'")


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    assert SPEC.configured(settings).message == "no token; set SOURCES__TIKTOK_ADS__ACCESS_TOKEN"
    monkeypatch.setenv("SOURCES__TIKTOK_ADS__ACCESS_TOKEN", "t")
    assert "set SOURCES__TIKTOK_ADS__ACCOUNTS" in SPEC.configured(settings).message
    monkeypatch.setenv("SOURCES__TIKTOK_ADS__ACCOUNTS", "1, 2")
    assert (SPEC.configured(settings).ready, SPEC.configured(settings).message) == (True, "accounts 1, 2")
