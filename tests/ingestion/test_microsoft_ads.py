"""Microsoft Advertising against the sandbox: submit, poll and download, rotating tokens, and what the source makes of it in raw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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
from ingestion.sandbox.server.vendors import microsoft_ads as vendor
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.microsoft_ads import SPEC
from ingestion.sources.microsoft_ads.client import envelope, read_csv, retry_hint

NIGHT = date(2026, 11, 20)
FIRST = "2026-11-06"
LEVELS = {
    "account_daily": "true",
    "campaign_daily": "true",
    "ad_group_daily": "ad_group_id is not null",
    "ad_daily": "ad_id is not null",
    "keyword_daily": "keyword_id is not null",
}


@dataclass
class House:
    """A served company, and a data folder that loads it."""

    url: str
    app: Any
    settings: Settings
    token: str = field(default="")

    def load(self, as_of: date = NIGHT) -> LoadReport:
        self.app.state.desk.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file("microsoft_ads")), read_only=True) as con:
            con.execute("set schema = 'microsoft_ads'")
            return con.execute(sql).fetchall()

    def books(self, sql: str) -> list[Any]:
        return [tuple(r.values()) for r in self.app.state.desk.rows(sql)]

    def fault(self, kind: str, route: str, times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(f"/microsoft_ads/{route}", kind, times, after))

    def change(self, sql: str) -> None:
        self.app.state.desk._con.execute(sql)
        self.app.state.desk.set_clock(self.app.state.desk.clock)

    def ask(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        if not self.token:
            form = {
                "grant_type": "refresh_token", "client_id": vendor.CLIENT_ID, "client_secret": vendor.CLIENT_SECRET,
                "refresh_token": vendor.TOKENS.refresh_token_of(0), "scope": vendor.SCOPE,
            }  # fmt: skip
            answer = requests.post(f"{self.url}/microsoft_ads/common/oauth2/v2.0/token", data=form, timeout=30)
            self.token = answer.json()["access_token"]
        [[account, customer]] = self.books(
            "select account_id, manager_id from now.ad_accounts where platform = 'microsoft_ads' and currency = 'NOK'"
        )
        given = {"DeveloperToken": vendor.DEVELOPER_TOKEN, "CustomerAccountId": account, "CustomerId": customer}
        given |= {"Authorization": f"Bearer {self.token}"} | headers
        answer = requests.post(f"{self.url}/microsoft_ads/{path}", json=body, headers=given, timeout=30)
        return answer.status_code, answer.json()

    def assert_raw_is_as_the_books(self) -> None:
        measures = "sum(cost_micros)::bigint, sum(clicks)::bigint, sum(impressions)::bigint"
        found = "select account_id, date_day, (sum(spend) * 1000000)::bigint, sum(clicks), sum(impressions)"
        for table, about in LEVELS.items():
            sold = self.books(
                f"""select account_id, date, {measures} from now.ad_delivery where platform = 'microsoft_ads'
                    and date >= '{FIRST}' and {about} group by all order by all"""
            )
            assert sold
            assert self.raw(f"{found} from {table} group by all order by all") == sold, table
        searched = self.books(
            f"""select account_id, date, {measures} from now.ad_search_terms where platform = 'microsoft_ads'
                and date >= '{FIRST}' group by all order by all"""
        )
        assert self.raw(f"{found} from search_term_daily group by all order by all") == searched
        counted = self.books(
            f"""select campaign_id, action_id, touch_date, count(*) filter (kind = 'click'),
                       count(*) filter (kind = 'view'), sum(value_micros) filter (kind = 'click')::bigint
                from now.ad_conversions where platform = 'microsoft_ads' and touch_date >= '{FIRST}' group by all order by all"""
        )
        claimed = "all_conversions::bigint, view_through_conversions, (all_revenue * 1000000)::bigint"
        assert (
            self.raw(f"select campaign_id, goal_id, date_day, {claimed} from conversion_daily order by all") == counted
        )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    World.create_or_extend(folder, "tiny", 7, date(2026, 11, 25))
    return folder


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (vendor.VENDOR,))
    monkeypatch.setattr(vendor.TOKENS, "oldest", 0)
    app = server.make_app(World.open(company), NIGHT)
    with served_in_thread(app) as url:
        for name, value in {
            **vendor.VENDOR.environment(url),
            "SOURCES__MICROSOFT_ADS__START_DATE": FIRST,
            "SOURCES__MICROSOFT_ADS__POLL_SECONDS": "0.01",
        }.items():
            monkeypatch.setenv(name, value)
        yield House(url, app, Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]


def test_every_report_is_as_the_books_and_a_second_pull_changes_nothing(house: House) -> None:
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    house.assert_raw_is_as_the_books()
    assert house.load().rows == report.rows
    house.assert_raw_is_as_the_books()
    entities = "select count(*) from now.{} where platform = 'microsoft_ads' and status <> 'removed'"
    for table, source in {
        "campaigns": "ad_campaigns",
        "ad_groups": "ad_groups",
        "ads": "ads",
        "keywords": "ad_keywords",
    }.items():
        assert house.raw(f"select count(*) from {table}") == house.books(entities.format(source)), table
    assert house.raw("select count(*), count(distinct account_id) from conversion_actions") == [(10, 2)]


def test_days_are_restated_when_the_clock_moves_on(house: House) -> None:
    house.load()
    before = house.raw("select sum(spend), sum(clicks) from account_daily where date_day < '2026-11-20'")
    house.change(
        """insert into world.ad_delivery by name select * replace (-impressions as impressions, -clicks as clicks,
           -cost_micros as cost_micros, date '2026-11-23' as posted_date) from world.ad_delivery
           where platform = 'microsoft_ads' and date = '2026-11-18' and clicks > 0"""
    )
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_the_books()
    assert house.raw("select sum(spend), sum(clicks) from account_daily where date_day < '2026-11-20'") != before


def test_a_report_without_rows_empties_its_days(house: House) -> None:
    house.load()
    house.change("delete from world.ad_delivery where platform = 'microsoft_ads'")
    house.change("delete from world.ad_search_terms where platform = 'microsoft_ads'")
    house.change("delete from world.ad_conversions where platform = 'microsoft_ads'")
    assert house.load().status == "loaded"
    assert [house.raw(f"select count(*) from {t}") for t in (*LEVELS, "search_term_daily")] == [[(0,)]] * 6


def test_a_deleted_campaign_is_closed_and_its_figures_stay(house: House) -> None:
    house.load()
    [[campaign]] = house.books(
        """select campaign_id from now.ad_delivery where ad_id is not null and platform = 'microsoft_ads'
           group by 1 order by sum(clicks) desc limit 1"""
    )
    house.change(
        f"insert into world.ad_campaigns by name select * replace ('removed' as status, date '2026-11-21' as valid_from)"
        f" from world.ad_campaigns where campaign_id = '{campaign}'"
    )
    house.load(date(2026, 11, 22))
    house.assert_raw_is_as_the_books()
    closed = f"select _dlt_valid_to::date from campaigns where campaign_id = '{campaign}'"
    assert house.raw(closed) == [(date(2026, 11, 22),)]
    assert house.raw(f"select count(*) > 0 from ad_daily where campaign_id = '{campaign}'") == [(True,)]


@pytest.mark.parametrize(
    ("kind", "route"),
    [
        ("rate_limit", "Reporting/v13/GenerateReport/Submit"),
        ("server_error", "Reporting/v13/GenerateReport/Poll"),
        ("expired_token", "Reporting/v13/GenerateReport/Poll"),
        ("expired_token", "CampaignManagement"),
        ("truncated", "downloads"),
        ("reset", "downloads"),
    ],
)
def test_a_passing_fault_is_waited_for_and_nothing_is_lost(house: House, kind: str, route: str) -> None:
    house.fault(kind, route, after=1)
    report = house.load()
    assert (report.status, report.message) == ("loaded", "")
    assert [struck for struck, _ in house.app.state.orders.struck] == [kind]
    house.assert_raw_is_as_the_books()


def test_a_service_that_stays_down_fails_and_the_next_good_night_catches_up(house: House) -> None:
    house.load()
    house.fault("truncated", "downloads", times=-1)
    report = house.load(date(2026, 11, 22))
    assert report.status == "partial"  # accounts and campaigns came
    assert "the file is no whole zip" in report.message
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 25)).status == "loaded"
    house.assert_raw_is_as_the_books()


def test_the_newest_refresh_token_is_kept_and_used_when_the_configured_one_lapses(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    monkeypatch.setattr(vendor.TOKENS, "oldest", 1)
    assert house.load(date(2026, 11, 21)).status == "loaded"
    kept = house.settings.data_dir / "tokens" / "microsoft_ads.json"
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    kept.unlink()
    report = house.load(date(2026, 11, 22))
    assert (report.status, report.last_good_as_of) == ("failed", date(2026, 11, 21))
    assert "invalid_grant" in report.message
    assert "SOURCES__MICROSOFT_ADS__REFRESH_TOKEN" in report.message


def test_a_malformed_row_is_kept_apart_and_told(house: House) -> None:
    house.fault("malformed_row", "downloads")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert "Impressions is not readable as bigint" in report.message
    assert house.raw("select column_name from _rejects") == [("impressions",)]
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_changed_answer_is_named_and_raw_keeps_what_it_has(house: House) -> None:
    house.load()
    rows = "select * exclude (_dlt_load_id, _dlt_id) from {} order by all"
    before = [house.raw(rows.format(t)) for t in ("campaigns", *LEVELS)]
    house.fault("schema_change", "downloads", times=-1)
    house.fault("schema_change", "CampaignManagement/v13/Campaigns", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "the report has no column Spend; did the API change?" in report.message
    assert "no row could be read (campaign_id is missing); did the API change?" in report.message
    assert "a campaign or ad group has no readable Id (None); did the API change?" in report.message
    assert [house.raw(rows.format(t)) for t in ("campaigns", *LEVELS)] == before


def test_lines_of_another_width_and_unreadable_values_are_told() -> None:
    told: list[tuple[str, str]] = []
    wire = {"date_day": "TimePeriod", "impressions": "Impressions", "clicks": "Clicks", "spend": "Spend"}
    text = b'\xef\xbb\xbf"TimePeriod","Impressions","Clicks","Spend"\r\n"2026-11-01","1,000","2","3.50"\r\n"2026-11-02","5"\r\n'
    text += b'"2026-11-03","5","1","0.10"\r\n'
    found = read_csv(
        SPEC.table("account_daily"), wire, text, {"account_id": "1"}, lambda n, c, why, row: told.append((c, why))
    )
    assert found.select(["date_day", "impressions"]).to_pylist() == [{"date_day": date(2026, 11, 3), "impressions": 5}]
    assert str(found["spend"][0]) == "0.100000"
    assert told == [("", "2 cells; expected 4"), ("impressions", "Impressions is not readable as bigint")]


def test_the_sandbox_refuses_what_the_vendor_refuses(house: House) -> None:
    [[account]] = house.books(
        "select account_id from now.ad_accounts where platform = 'microsoft_ads' and currency = 'NOK'"
    )
    day = {"Year": 2026, "Month": 11, "Day": 10}
    good: dict[str, Any] = {
        "Type": "CampaignPerformanceReportRequest", "Format": "Csv", "Aggregation": "Daily",
        "Scope": {"AccountIds": [account]}, "Columns": ["TimePeriod", "CampaignId", "Spend"],
        "Time": {"CustomDateRangeStart": day, "CustomDateRangeEnd": day},
    }  # fmt: skip
    submit = "Reporting/v13/GenerateReport/Submit"
    status, answer = house.ask(submit, {"ReportRequest": good})
    assert status == 200
    asked = {"ReportRequestId": answer["ReportRequestId"]}
    states = [house.ask("Reporting/v13/GenerateReport/Poll", asked)[1]["ReportRequestStatus"] for _ in range(2)]
    assert [s["Status"] for s in states] == ["Pending", "Success"]
    address = states[1]["ReportDownloadUrl"]
    assert address.startswith(house.url)
    assert requests.get(address, timeout=30).content[:2] == b"PK"
    assert requests.get(f"{address}x", timeout=30).status_code == 403
    for bad, code in [
        ({"Columns": ["TimePeriod", "CampaignId", "Cost"]}, 201),
        ({"Columns": ["TimePeriod", "AdId", "Spend"]}, 201),  # no column of this report
        ({"Columns": ["TimePeriod", "CampaignId"]}, 2034),
        ({"Limit": 5}, 201),
        ({"Type": "CampaignReportRequest"}, 2002),
        ({"Scope": {"AccountIds": ["1"]}}, 106),
        ({"Time": {"CustomDateRangeStart": {**day, "Month": 12}, "CustomDateRangeEnd": day}}, 2011),
    ]:
        status, answer = house.ask(submit, {"ReportRequest": {**good, **bad}})
        assert (status, answer["Errors"][0]["Code"], answer["Type"]) == (400, code, "AdApiFaultDetail"), bad
        assert envelope(answer) == (str(code), f"{answer['Errors'][0]['ErrorCode']}: {answer['Errors'][0]['Message']}")
    assert house.ask(submit, {"ReportRequest": good}, DeveloperToken="x")[0] == 401
    status, answer = house.ask(submit, {"ReportRequest": good}, Authorization="Bearer x")
    assert (status, answer["Errors"][0]["Code"]) == (401, 109)
    listed = house.ask("CampaignManagement/v13/Campaigns/QueryByAccountId", {"AccountId": account})[1]["Campaigns"]
    assert {c["CampaignType"] for c in listed} == {"Search"}  # what is not named is not listed


def test_throttles_without_a_hint_are_waited_for_as_microsoft_asks() -> None:
    fault = {"TrackingId": "t", "Type": "AdApiFaultDetail", "Errors": [{"Code": 207, "ErrorCode": "x", "Message": "m"}]}
    assert retry_hint(fault, {}) == 60.0
    assert retry_hint(fault, {"Retry-After": "1"}) is None
    assert retry_hint({"Campaigns": []}, {}) is None


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    monkeypatch.setenv("SOURCES__MICROSOFT_ADS__CLIENT_ID", "c")
    assert SPEC.configured(settings).message == (
        "no refresh token; set SOURCES__MICROSOFT_ADS__REFRESH_TOKEN, SOURCES__MICROSOFT_ADS__DEVELOPER_TOKEN"
    )
    monkeypatch.setenv("SOURCES__MICROSOFT_ADS__REFRESH_TOKEN", "r")
    monkeypatch.setenv("SOURCES__MICROSOFT_ADS__DEVELOPER_TOKEN", "d")
    assert (SPEC.configured(settings).ready, SPEC.configured(settings).message) == (True, "all accounts of the user")
