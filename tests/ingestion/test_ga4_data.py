"""GA4's Data API against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.ga4 import PROPERTY_ID, write_events
from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors import ga4_data as vendor
from ingestion.sandbox.server.vendors.ga4_data import LIMITS, QUOTA, TOKENS, VENDOR, fields
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.ga4_data import SPEC, last_day, retry_hint, whole_periods
from ingestion.sources.ga4_data.tables import REPORTS

FIRST, NIGHT, LAST = date(2026, 11, 6), date(2026, 11, 20), date(2026, 11, 25)
ROOM = "ga4_data/v1beta"


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
        with duckdb.connect(str(self.settings.raw_file("ga4_data")), read_only=True) as con:
            return con.execute(sql).fetchall()

    def fault(self, kind: str, route: str = ":runReport", times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(route, kind, times, after))

    def token(self) -> str:
        form = {"grant_type": "refresh_token", "client_id": TOKENS.client_id, "client_secret": TOKENS.client_secret}
        answer = requests.post(f"{self.url}/ga4_data/token", form | {"refresh_token": TOKENS.refresh_token}, timeout=30)
        return str(answer.json()["access_token"])

    def ask(self, status: int = 200, method: str = "runReport", **body: Any) -> Any:
        url = f"{self.url}/{ROOM}/properties/{PROPERTY_ID}:{method}"
        answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {self.token()}"}, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def own(self, *metrics: str, by: str, first: date = FIRST, **more: Any) -> dict[str, tuple[Decimal, ...]]:
        """What the API itself says of first to yesterday, by one dimension."""
        answer = self.ask(
            dateRanges=[{"startDate": first.isoformat(), "endDate": "yesterday"}],
            dimensions=[{"name": by}],
            metrics=[{"name": m} for m in metrics],
            limit="250000",
            **more,
        )
        return {
            row["dimensionValues"][0]["value"]: tuple(Decimal(v["value"]) for v in row["metricValues"])
            for row in answer.get("rows", ())
        }

    def assert_raw_is_as_the_property_says(self) -> None:
        """Each table adds up to what the API says over all its days at once, and each day is the API's day."""
        names = [
            "sessions",
            "engaged_sessions",
            "total_users",
            "new_users",
            "key_events",
            "transactions",
            "purchase_revenue",
        ]
        metrics = [
            "sessions",
            "engagedSessions",
            "totalUsers",
            "newUsers",
            "keyEvents",
            "transactions",
            "purchaseRevenue",
        ]
        days = self.own(*metrics, by="date")
        figures = ", ".join(names)
        found = self.raw(f"select strftime(date_day, '%Y%m%d'), {figures} from ga4_data.property_daily")
        assert {r[0]: tuple(map(Decimal, r[1:])) for r in found} == days != {}
        for table in ("traffic_daily", "landing_page_daily"):
            sums = ", ".join(f"sum({n})" for n in names if n not in ("total_users", "new_users"))
            own = "date_day, sessions, engaged_sessions, key_events, transactions, purchase_revenue"
            assert self.raw(f"select date_day, {sums} from ga4_data.{table} group by 1 order by 1") == self.raw(
                f"select {own} from ga4_data.property_daily order by 1"
            ), table
        channels = self.own("sessions", by="sessionDefaultChannelGroup")
        found = self.raw("select default_channel_group, sum(sessions) from ga4_data.traffic_daily group by 1")
        assert {r[0]: (Decimal(r[1]),) for r in found} == channels
        events = self.own("eventCount", "keyEvents", by="eventName")
        found = self.raw("select event_name, sum(event_count), sum(key_events) from ga4_data.event_daily group by 1")
        assert {r[0]: (Decimal(r[1]), Decimal(r[2])) for r in found} == events


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    World.create_or_extend(folder, "tiny", 7, LAST)
    return folder


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (VENDOR,))
    monkeypatch.setattr(QUOTA, "used", 0)
    app = server.make_app(World.open(company), NIGHT)
    with served_in_thread(app) as url:
        for name, value in {**VENDOR.environment(url), "SOURCES__GA4_DATA__START_DATE": FIRST.isoformat()}.items():
            monkeypatch.setenv(name, value)
        yield House(url, app, Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]


def test_every_grain_is_as_the_property_says_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GA4_DATA__PAGE_SIZE", "37")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    assert (report.rows["property_daily"], report.rows["property_weekly"]) == (14, 2)
    assert report.rows["traffic_daily"] > 400
    house.assert_raw_is_as_the_property_says()
    everything = " union all ".join(
        f"select '{t}', md5(string_agg(r::varchar, '|' order by r::varchar)) from "
        f"(select * exclude (_dlt_load_id, _dlt_id) from ga4_data.{t}) as r"
        for t in REPORTS
    )
    before = house.raw(everything)
    assert house.load().status == "loaded"
    assert house.raw(everything) == before
    told = "select distinct currency, time_zone, is_other_row, has_data_loss, is_thresholded, is_sampled, samples_read"
    assert house.raw(f"{told} from ga4_data.landing_page_daily") == [
        ("NOK", "Europe/Oslo", False, False, False, False, None)
    ]


def test_of_consenting_visits_the_figures_are_those_of_the_export_and_the_rest_is_the_modelled_share(
    house: House, company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.open(company)
    write_events(world, NIGHT, FIRST, NIGHT - timedelta(days=1), tmp_path / "export")
    export = f"""select event_date, count(*) filter (event_name = 'session_start'), count(distinct user_pseudo_id),
            count(distinct user_pseudo_id) filter (event_name = 'first_visit'),
            count(*) filter (event_name in ('purchase', 'generate_lead', 'sign_up')), count(*),
            count(distinct ecommerce.transaction_id), sum(ecommerce.purchase_revenue)::decimal(18, 3)
        from '{tmp_path}/export/*.parquet' where user_pseudo_id is not null group by 1"""
    asked = ("sessions", "totalUsers", "newUsers", "keyEvents", "eventCount", "transactions", "purchaseRevenue")
    observed = {r[0]: tuple(Decimal(v or 0) for v in r[1:]) for r in duckdb.execute(export).fetchall()}
    whole = house.own(*asked, by="date")
    monkeypatch.setattr(fields, "MODELLED_SHARE", 0.0)
    assert house.own(*asked, by="date") == observed != {}
    monkeypatch.setattr(fields, "MODELLED_SHARE", 1.0)
    every = house.own(*asked, by="date")
    n = [sum(figures[0] for figures in day.values()) for day in (observed, whole, every)]
    assert (n[1] - n[0]) / (n[2] - n[0]) == pytest.approx(Decimal("0.7"), abs=Decimal("0.05"))


def test_users_of_a_week_and_a_month_are_asked_as_such_and_are_fewer_than_the_sum_of_their_days(house: House) -> None:
    house.load(LAST)
    weeks = house.raw("select date_day, total_users, sessions from ga4_data.property_weekly order by 1")
    assert [w[0] for w in weeks] == [date(2026, 11, 8), date(2026, 11, 15), date(2026, 11, 22)]
    own = house.own("totalUsers", "sessions", by="isoYearIsoWeek")
    assert [(Decimal(w[1]), Decimal(w[2])) for w in weeks[1:]] == [own["202646"], own["202647"]]
    [(users, sessions)] = house.raw(
        "select sum(total_users), sum(sessions) from ga4_data.property_daily where date_day between '2026-11-09' and '2026-11-15'"
    )
    assert users > weeks[1][1]
    assert sessions == weeks[1][2]
    assert house.raw("select count(*) from ga4_data.property_monthly") == [(0,)]  # November is not over


def test_a_month_comes_when_it_is_over_and_is_restated_with_its_last_days(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert whole_periods("yearMonth", date(2026, 11, 19), date(2026, 11, 29)) is None
    assert whole_periods("yearMonth", date(2026, 11, 19), date(2026, 11, 30)) == (date(2026, 11, 1), date(2026, 11, 30))
    assert whole_periods("yearMonth", date(2026, 11, 30), date(2026, 12, 11)) == (date(2026, 11, 1), date(2026, 11, 30))
    assert whole_periods("yearMonth", date(2026, 12, 1), date(2026, 12, 12)) is None
    assert whole_periods("yearMonth", date(2025, 12, 5), date(2026, 2, 3)) == (date(2025, 12, 1), date(2026, 1, 31))
    week = "isoYearIsoWeek"
    assert whole_periods(week, date(2026, 11, 16), date(2026, 11, 21)) is None
    assert whole_periods(week, date(2026, 11, 22), date(2026, 11, 22)) == (date(2026, 11, 16), date(2026, 11, 22))
    assert whole_periods(week, date(2026, 11, 10), date(2026, 11, 21)) == (date(2026, 11, 9), date(2026, 11, 15))
    assert (last_day(week, "202653"), last_day(week, "202701")) == (date(2027, 1, 3), date(2027, 1, 10))
    assert last_day("yearMonth", "202402") == date(2024, 2, 29)


def test_late_visits_restate_the_last_days_and_missed_nights_are_caught_up(house: House) -> None:
    house.load()
    day = "select sessions from ga4_data.property_daily where date_day = '2026-11-19'"
    early = house.raw(day)
    assert house.load(LAST).status == "loaded"
    house.assert_raw_is_as_the_property_says()
    assert house.raw(day) > early
    assert house.raw("select count(*) from ga4_data.property_daily") == [(19,)]


def test_a_day_that_comes_back_empty_is_emptied(house: House) -> None:
    house.load()
    con = house.app.state.desk.world.con()
    for table in ("visits", "hits"):
        con.execute(f"delete from ga4_data.{table} where date = '2026-11-18'")
    assert house.load().status == "loaded"
    tables = [t for t, r in REPORTS.items() if r.period == "date"]
    assert [house.raw(f"select count(*) from ga4_data.{t} where date_day = '2026-11-18'") for t in tables] == [
        [(0,)]
    ] * 4
    house.assert_raw_is_as_the_property_says()


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "truncated", "reset", "expired_token"])
def test_a_passing_fault_is_waited_for_and_nothing_is_lost(house: House, kind: str) -> None:
    house.fault(kind, after=2)
    assert (house.load().status, house.app.state.orders.struck[0][0]) == ("loaded", kind)
    house.assert_raw_is_as_the_property_says()


def test_a_revoked_grant_fails_with_what_to_do_and_the_next_good_night_catches_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    with monkeypatch.context() as other:
        other.setenv("SOURCES__GA4_DATA__REFRESH_TOKEN", "revoked")
        report = house.load(date(2026, 11, 22))
    assert (report.status, report.last_good_as_of) == ("failed", NIGHT)
    assert "invalid_grant" in report.message
    assert "set SOURCES__GA4_DATA__REFRESH_TOKEN" in report.message
    assert "revoked" not in report.message
    assert house.load(LAST).status == "loaded"
    house.assert_raw_is_as_the_property_says()


def test_a_property_the_user_may_not_read_is_told_and_the_others_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GA4_DATA__PROPERTIES", f"1, properties/{PROPERTY_ID}")
    report = house.load()
    assert report.status == "partial"
    assert "account 1, " in report.message
    assert "give the user Viewer access to the property" in report.message
    house.assert_raw_is_as_the_property_says()


def test_a_used_up_quota_stops_the_property_and_the_next_night_goes_on_where_it_stopped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GA4_DATA__START_DATE", "2026-01-01")  # eleven slices a table
    monkeypatch.setattr(LIMITS, "tokens_per_day", 60)
    asked: list[tuple[tuple[str, ...], date]] = []  # dimensions, first day

    def noted(body: Any, property_id: str, today: date) -> Any:
        found = original(body, property_id, today)
        asked.append((tuple(found.dimensions), found.ranges[0][1]))
        return found

    original = vendor.read
    monkeypatch.setattr(vendor, "read", noted)
    report = house.load(date(2026, 11, 21))
    assert report.status == "partial"
    assert "tokens" in report.message
    assert "the next night goes on where this one stopped" in report.message
    assert len(asked) <= 30  # it is not asked on and on
    assert ("date",) in {dimensions for dimensions, _ in asked}
    monkeypatch.setattr(LIMITS, "tokens_per_day", 200_000)
    begun, asked[:] = {dimensions for dimensions, first in asked if first < date(2026, 1, 5)}, []
    assert house.load(date(2026, 11, 22)).status == "loaded"
    again = {dimensions for dimensions, first in asked if first < date(2026, 1, 5)}
    assert begun
    assert not again & begun  # what had come in order is not asked for anew
    house.assert_raw_is_as_the_property_says()
    assert (
        retry_hint({"error": {"status": "RESOURCE_EXHAUSTED", "message": "Exhausted property tokens per day."}}, {})
        == 86400
    )
    assert (
        retry_hint({"error": {"status": "RESOURCE_EXHAUSTED", "message": "Exhausted concurrent requests quota."}}, {})
        is None
    )


def test_a_malformed_row_is_kept_apart_and_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load()
    house.fault("malformed_row")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "metricValues.0.value is not readable as bigint" in report.message
    kept = house.raw("select row_text, account_id, request, position from ga4_data._rejects")
    assert '"n/a"' in kept[0][0]
    assert kept[0][1:] == (str(PROPERTY_ID), "2026-11-08 to 2026-11-19", 0)
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_property_says()


def test_a_changed_answer_is_named_and_raw_keeps_what_it_has(house: House) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from ga4_data.traffic_daily order by all")
    house.fault("schema_change", times=-1)
    report = house.load()
    assert report.status in ("partial", "failed")
    assert "no row of the answer has metricValues; did the API change?" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from ga4_data.traffic_daily order by all") == before


def test_other_rows_sampling_and_thresholds_are_flags_on_the_rows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, "values_before_other", 3)
    monkeypatch.setattr(LIMITS, "hits_before_sampling", 500)
    monkeypatch.setattr(LIMITS, "least_users", 2)
    assert house.load().status == "loaded"
    pages = house.raw(
        "select landing_page, bool_and(is_other_row), bool_and(has_data_loss), bool_and(is_thresholded) "
        "from ga4_data.landing_page_daily group by 1 order by 1"
    )
    assert [p[1:] for p in pages if p[0] == "(other)"] == [(True, True, True)]
    assert {p[1:] for p in pages if p[0] != "(other)"} == {(False, True, True)}
    assert len(pages) <= 4
    [(sampled, share)] = house.raw(
        "select bool_and(is_sampled), max(samples_read / sampling_space) from ga4_data.event_daily"
    )
    assert sampled
    assert 0 < share < 0.2
    assert house.raw("select bool_or(has_data_loss) from ga4_data.property_daily") == [(False,)]


def test_the_sandbox_refuses_what_google_refuses(house: House) -> None:
    days = [{"startDate": "2026-11-06", "endDate": "2026-11-19"}]
    good: dict[str, Any] = {"dateRanges": days, "dimensions": [{"name": "date"}], "metrics": [{"name": "sessions"}]}
    answer = house.ask(**good, returnPropertyQuota=True, limit=5, offset="3")
    assert (answer["rowCount"], len(answer["rows"]), answer["kind"]) == (14, 5, "analyticsData#runReport")
    assert isinstance(answer["rows"][0]["metricValues"][0]["value"], str)
    assert answer["metricHeaders"] == [{"name": "sessions", "type": "TYPE_INTEGER"}]
    assert answer["propertyQuota"]["tokensPerDay"]["consumed"] >= 1
    for bad, says in [
        ({"dimensions": [{"name": "campaign"}]}, "Field campaign is not a valid dimension"),
        ({"metrics": [{"name": "users"}]}, "Field users is not a valid metric"),
        ({"granularity": "day"}, 'Unknown name "granularity"'),
        ({"dateRanges": [{"startDate": "2026-11-06", "until": "today"}]}, "Unknown name \"until\" at 'dateRanges[0]'"),
        ({"dateRanges": []}, "A dateRange is required"),
        ({"dateRanges": [{"startDate": "20261106", "endDate": "today"}]}, "Invalid startDate : 20261106"),
        ({"dateRanges": [{"startDate": "2026-11-06", "endDate": "2026-11-05"}]}, "is after endDate"),
        ({"limit": -1}, "limit must be positive"),
        ({"orderBys": [{"metric": {"metricName": "totalUsers"}}]}, "totalUsers of orderBys is not in the request"),
        ({"metricFilter": {}}, "does not answer requests with 'metricFilter'"),
        ({"dimensionFilter": {"filter": {"fieldName": "date", "numericFilter": {}}}}, "must have one of stringFilter"),
    ]:
        refused = house.ask(400, **{**good, **bad})["error"]
        assert (refused["code"], refused["status"]) == (400, "INVALID_ARGUMENT")
        assert says in refused["message"]
    batch = house.ask(method="batchRunReports", requests=[good, good])
    assert [r["rowCount"] for r in batch["reports"]] == [14, 14]
    assert house.ask(400, method="batchRunReports", requests=[good] * 6)["error"]["status"] == "INVALID_ARGUMENT"
    other = requests.post(
        f"{house.url}/{ROOM}/properties/1:runReport",
        json=good,
        headers={"Authorization": f"Bearer {house.token()}"},
        timeout=30,
    )
    assert (other.status_code, other.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_the_sandbox_filters_and_orders_as_google_does(house: House) -> None:
    mail = {"filter": {"fieldName": "sessionMedium", "stringFilter": {"value": "EMAIL"}}}
    social = {"filter": {"fieldName": "sessionSource", "inListFilter": {"values": ["facebook", "tiktok"]}}}
    paid = {"filter": {"fieldName": "sessionMedium", "stringFilter": {"matchType": "BEGINS_WITH", "value": "paid"}}}
    every = house.own("sessions", by="sessionMedium")
    assert house.own("sessions", by="sessionMedium", dimensionFilter=mail) == {"email": every["email"]}
    both = house.own("sessions", by="sessionSource", dimensionFilter={"andGroup": {"expressions": [social, paid]}})
    assert set(both) == {"facebook", "tiktok"}
    less = house.own("sessions", by="sessionMedium", dimensionFilter={"notExpression": mail})
    assert less == {k: v for k, v in every.items() if k != "email"}
    case = {"filter": {"fieldName": "sessionMedium", "stringFilter": {"value": "EMAIL", "caseSensitive": True}}}
    assert house.own("sessions", by="sessionMedium", dimensionFilter=case) == {}
    ordered = house.own("sessions", by="date", orderBys=[{"desc": True, "dimension": {"dimensionName": "date"}}])
    assert list(ordered) == sorted(ordered, reverse=True)
    sold = house.own("transactions", by="date")
    assert 0 < len(sold) < len(house.own("transactions", by="date", keepEmptyRows=True)) == 14
    url = f"{house.url}/{ROOM}/properties/{PROPERTY_ID}/metadata"
    about = requests.get(url, headers={"Authorization": f"Bearer {house.token()}"}, timeout=30).json()
    asked = {n for r in REPORTS.values() for n in (*r.dimensions, *r.metrics)}
    assert asked <= {f["apiName"] for f in (*about["dimensions"], *about["metrics"])}


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    assert SPEC.configured(settings).message == "no client id; set SOURCES__GA4_DATA__CLIENT_ID"
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"):
        monkeypatch.setenv(f"SOURCES__GA4_DATA__{name}", "x")
    assert "set SOURCES__GA4_DATA__PROPERTIES" in SPEC.configured(settings).message
    monkeypatch.setenv("SOURCES__GA4_DATA__PROPERTIES", "1, 2")
    assert (SPEC.configured(settings).ready, SPEC.configured(settings).message) == (True, "properties 1, 2")
