"""Search Console against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.http import google_envelope
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors import search_console as vendor
from ingestion.sandbox.server.vendors.search_console.searches import final_through
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources import search_console
from ingestion.sources.search_console import SPEC, first_kept
from ingestion.sources.search_console.tables import REPORTS

NIGHT = date(2026, 11, 20)
START = date(2026, 11, 1)
TABLES = {r.table.name: r for r in REPORTS}


@dataclass
class House:
    """A served company, and a data folder that loads it."""

    url: str
    app: Any
    settings: Settings
    spoil: Callable[[str, bytes], bytes] = vendor.VENDOR.spoil

    def load(self, as_of: date = NIGHT, window: tuple[date, date] | None = None) -> LoadReport:
        self.app.state.desk.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, window=window)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file("search_console")), read_only=True) as con:
            return con.execute(sql).fetchall()

    def world(self, sql: str) -> None:
        self.app.state.desk._con.execute(sql)

    def fault(self, kind: str, route: str = "searchAnalytics", times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(route, kind, times, after))

    def ask(self, site: str = vendor.DOMAIN, **body: Any) -> Any:
        form = {
            "grant_type": "refresh_token",
            "client_id": vendor.TOKENS.client_id,
            "client_secret": vendor.TOKENS.client_secret,
            "refresh_token": vendor.TOKENS.refresh_token,
        }
        token = requests.post(f"{self.url}/token", data=form, timeout=30).json()["access_token"]
        body = {"startDate": START.isoformat(), "endDate": NIGHT.isoformat(), **body}
        url = f"{self.url}/webmasters/v3/sites/{quote(site, safe='')}/searchAnalytics/query"
        return requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()

    def clicks(self) -> list[Any]:
        """(day, clicks) of the company's visits from Google's unpaid results, by Pacific days that are final."""
        return [
            tuple(r.values())
            for r in self.app.state.desk.rows(
                """select timezone('America/Los_Angeles', started_at)::date as day, count(*) as n from world.visits
                   where source = 'google' and medium = 'organic' and day between ? and ? group by all order by all""",
                [START, final_through(self.app.state.desk.clock)],
            )
        ]

    def assert_raw_is_as_told(self) -> None:
        """Every table is as one answer of the sandbox for all days; property and page hold every click."""
        for name, report in TABLES.items():
            told = []
            for kind in ("web", "image"):
                asked = {
                    "dimensions": list(report.dimensions),
                    "type": kind,
                    "endDate": "2026-11-30",
                    "rowLimit": 25_000,
                }
                for row in self.ask(**asked).get("rows", []):
                    told.append((kind, *row["keys"], row["clicks"], row["impressions"], round(row["position"], 4)))
            keys = ", ".join(f"{'date_day::varchar' if d == 'date' else d}" for d in report.dimensions)
            found = self.raw(
                f"select search_type, {keys}, clicks, impressions, round(position::double, 4) from search_console.{name}"
            )
            assert sorted(found) == sorted(told), name
            assert told
        for name in ("property_daily", "page_daily"):
            assert (
                self.raw(f"select date_day, sum(clicks) from search_console.{name} group by 1 order by 1")
                == self.clicks()
            )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    World.create_or_extend(folder, "tiny", 7, date(2026, 11, 25))
    return folder


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House("", None, Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]
    served = replace(vendor.VENDOR, spoil=lambda kind, body: house.spoil(kind, body))
    monkeypatch.setattr(server, "all_vendors", lambda: (served,))
    app = server.make_app(World.open(company), NIGHT)
    with served_in_thread(app) as url:
        settings = {**vendor.VENDOR.environment(url), "SOURCES__SEARCH_CONSOLE__START_DATE": START.isoformat()}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        visits = "select * from world.visits where source = 'google' and medium = 'organic'"
        app.state.desk._con.execute(f"create table kept as {visits}")
        app.state.desk._con.execute("drop view world.visits")
        app.state.desk._con.execute("create table world.visits as select * from kept")
        house.url, house.app = f"{url}/search_console", app
        yield house


def test_every_table_is_as_told_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__PAGE_ROWS", "7")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    house.assert_raw_is_as_told()
    assert house.load().status == "loaded"
    house.assert_raw_is_as_told()
    assert house.raw("select account_id, permission_level, _dlt_valid_to from search_console.sites") == [
        (vendor.DOMAIN, "siteOwner", None)
    ]


def test_anonymised_queries_are_in_the_totals_alone_and_pages_count_more_often_than_the_property(house: House) -> None:
    house.load()
    clicks, shown = {}, {}
    for name in TABLES:
        [[clicks[name], shown[name]]] = house.raw(f"select sum(clicks), sum(impressions) from search_console.{name}")
    assert clicks["query_daily"] == clicks["query_page_daily"] < clicks["property_daily"] == clicks["page_daily"]
    assert shown["query_daily"] < shown["property_daily"] < shown["page_daily"]
    assert shown["query_daily"] < shown["query_page_daily"] < shown["page_daily"]


def test_days_come_when_they_are_final_and_missed_nights_are_caught_up(house: House) -> None:
    house.load(date(2026, 11, 10))
    assert house.raw("select max(date_day) from search_console.property_daily") == [
        (final_through(date(2026, 11, 10)),)
    ]
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_told()
    assert house.raw("select max(date_day) from search_console.property_daily") == [
        (final_through(date(2026, 11, 25)),)
    ]


def test_the_newest_five_days_are_restated_and_a_day_that_comes_back_empty_is_emptied(house: House) -> None:
    house.load()
    days = "timezone('America/Los_Angeles', started_at)::date"
    house.world(
        f"delete from world.visits where {days} = '2026-11-16' or ({days} = '2026-11-15' and device = 'mobile')"
    )
    assert house.load(date(2026, 11, 21)).status == "loaded"
    house.assert_raw_is_as_told()
    for name in TABLES:
        assert house.raw(f"select * from search_console.{name} where date_day = '2026-11-16'") == []


def test_a_backfill_takes_exactly_its_days(house: House) -> None:
    house.load()
    house.world("delete from world.visits")
    house.load(window=(date(2026, 11, 8), date(2026, 11, 9)))
    left = [day for [day] in house.raw("select distinct date_day from search_console.page_daily order by 1")]
    assert [day.day for day in left] == [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "expired_token", "truncated", "reset"])
def test_a_passing_fault_is_waited_for_and_nothing_is_lost(house: House, kind: str) -> None:
    house.fault(kind, after=1)
    assert (house.load().status, house.app.state.orders.struck[0][0]) == ("loaded", kind)
    house.assert_raw_is_as_told()


def test_a_service_that_stays_down_keeps_raw_and_the_next_good_night_catches_up(house: House) -> None:
    house.load(date(2026, 11, 12))
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from search_console.query_daily order by all")
    house.fault("server_error", times=-1)
    report = house.load(date(2026, 11, 18))
    assert report.status in ("partial", "failed")
    assert "Internal error encountered. (code backendError, HTTP 500)" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from search_console.query_daily order by all") == before
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_told()


def test_a_refused_refresh_token_fails_with_what_to_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__REFRESH_TOKEN", "revoked-secret")
    report = house.load()
    assert report.status == "failed"
    assert "no token: invalid_grant" in report.message
    assert "set SOURCES__SEARCH_CONSOLE__REFRESH_TOKEN" in report.message
    assert "revoked-secret" not in report.message


def test_a_malformed_row_is_kept_apart_and_told_and_the_next_good_night_brings_it(house: House) -> None:
    house.fault("malformed_row")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "clicks is not readable as bigint" in report.message
    assert house.raw("select column_name, json_extract_string(row_text, '$.clicks') from search_console._rejects") == [
        ("clicks", "n/a")
    ]
    house.load(window=(START, NIGHT))
    house.assert_raw_is_as_told()


def test_a_row_without_its_keys_is_rejected(house: House) -> None:
    house.spoil = lambda kind, body: re.sub(rb'"keys":\[.*?\],', b"", body, count=1)
    house.fault("malformed_row")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "date_day is missing" in report.message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"impressions"', b'"views"', "no row of the answer has impressions; did the API change?"),
        (b'"rows"', b'"data"', "the answer has an unknown member 'data'; did the API change?"),
        (b"byProperty", b"byPage", "counted byPage, not byProperty as asked for; did the API change?"),
    ],
)
def test_a_changed_answer_is_named_and_raw_keeps_what_it_has(house: House, old: bytes, new: bytes, says: str) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from search_console.property_daily order by all")
    house.spoil = lambda kind, body: body.replace(old, new)
    house.fault("schema_change", times=-1)
    report = house.load()
    assert report.status in ("partial", "failed")
    assert says in report.message
    assert (
        house.raw("select * exclude (_dlt_load_id, _dlt_id) from search_console.property_daily order by all") == before
    )


def test_a_day_at_the_vendors_limit_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "ROWS_A_DAY", 9)
    monkeypatch.setattr(search_console, "ROWS_A_DAY", 9)
    report = house.load()
    assert report.status == "loaded"  # nothing can be done about it: no reason for a red night
    assert "query_page_daily, sc-domain:nordlyskontor.example, web: 2026-11-" in report.message
    assert "has 9 rows, the most that Google tells of a day" in report.message
    assert house.raw(
        "select max(n) from (select count(*) as n from search_console.query_page_daily group by search_type, date_day)"
    ) == [(9,)]


def test_sites_are_all_verified_ones_of_the_user_or_those_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__SITES", "")
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__SEARCH_TYPES", "")
    house.load()
    rows = house.raw(
        "select account_id, sum(clicks), any_value(search_type) from search_console.page_daily group by 1 order by 1"
    )
    [prefix, domain] = rows
    assert (prefix[0], domain[0]) == (vendor.SITE, vendor.DOMAIN)
    assert prefix[1:] == domain[1:]
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__SITES", vendor.UNVERIFIED)
    assert f"site {vendor.UNVERIFIED} is not among the 2 verified properties" in house.load().message
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__SEARCH_TYPES", "discover")
    assert (
        "search type 'discover'; SOURCES__SEARCH_CONSOLE__SEARCH_TYPES takes web, image, video, news"
        in house.load().message
    )


def test_a_used_up_quota_is_named_by_googles_own_reason() -> None:
    error = {"code": 403, "message": "Search Analytics load quota exceeded.", "status": "PERMISSION_DENIED"}
    body = {"error": {**error, "errors": [{"reason": "quotaExceeded", "domain": "usageLimits"}]}}
    assert google_envelope(body) == ("quotaExceeded", "Search Analytics load quota exceeded.")
    assert search_console.NEXT_STEPS["quotaExceeded"].endswith("the next night goes on")
    assert google_envelope({"error": error}) == ("PERMISSION_DENIED", "Search Analytics load quota exceeded.")
    assert google_envelope({"rows": []}) is None


def test_sixteen_months_are_asked_for_at_most() -> None:
    assert (first_kept(date(2026, 11, 23)), first_kept(date(2026, 4, 30))) == (date(2025, 7, 23), date(2024, 12, 28))


def test_the_sandbox_answers_as_the_vendor_does(house: House) -> None:
    last = house.ask(startRow=5, dimensions=["device"])
    assert last == {"responseAggregationType": "byProperty"}
    fresh = house.ask(dimensions=["date"], dataState="ALL")
    assert fresh["metadata"] == {"firstIncompleteDate": "2026-11-18"}
    assert fresh["rows"][-1]["keys"] == ["2026-11-19"]
    assert "metadata" not in house.ask(dimensions=["date"])
    brand = [{"filters": [{"dimension": "QUERY", "operator": "INCLUDING_REGEX", "expression": "^nordlys"}]}]
    found = house.ask(dimensions=["query"], dimensionFilterGroups=brand)["rows"]
    assert found
    assert all(r["keys"][0].startswith("nordlys") for r in found)
    assert len(house.ask(dimensions=["query"], rowLimit=3)["rows"]) == 3
    assert len(house.ask(dimensions=["date", "query", "page"], startDate="2020-01-01", endDate="2025-07-19")) == 1
    for bad, code, says in [
        ({"limit": 5}, 400, 'Unknown name "limit": Cannot find field.'),
        ({"rowLimit": 25_001}, 400, "between 1 and 25000"),
        ({"dimensions": ["searchAppearance"]}, 400, "not served"),
        ({"dimensions": ["page"], "aggregationType": "byProperty"}, 400, "not supported when grouping"),
        ({"type": "discover", "dimensions": ["query"]}, 400, "cannot use the dimension 'query'"),
        ({"startDate": "2026-12-01"}, 400, "must be before"),
        ({"startDate": "yesterday"}, 400, "not a valid date"),
        ({"site": "sc-domain:other.example"}, 403, "sufficient permission"),
    ]:
        error = house.ask(**bad)["error"]
        assert error["code"] == code, bad
        assert says in error["message"]


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    for name in ("client_id", "client_secret", "refresh_token"):
        text = f"no {name.replace('_', ' ')}; set SOURCES__SEARCH_CONSOLE__{name.upper()}"
        assert SPEC.configured(settings).message == text
        monkeypatch.setenv(f"SOURCES__SEARCH_CONSOLE__{name.upper()}", "x")
    assert SPEC.configured(settings).message == "all verified sites of the user"
    monkeypatch.setenv("SOURCES__SEARCH_CONSOLE__SITES", "sc-domain:a.example, https://b.example/")
    assert SPEC.configured(settings).message == "sites sc-domain:a.example, https://b.example/"
