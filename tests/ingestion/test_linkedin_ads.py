"""LinkedIn Ads against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.http import VendorClient
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.server.vendors.linkedin_ads import LIMITS, TOKENS
from ingestion.settings import Settings
from ingestion.sources.linkedin_ads import SPEC
from tests.sandbox import THROUGH, Sandbox

NIGHT = THROUGH + timedelta(days=1)
LEVELS = ("account_daily", "campaign_group_daily", "campaign_daily", "creative_daily")
HEADERS = {"LinkedIn-Version": "202610", "X-Restli-Protocol-Version": "2.0.0"}
RANGE = "dateRange=(start:(year:2026,month:11,day:1),end:(year:2026,month:11,day:19))"


class House:
    """A data folder that loads LinkedIn from the sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.settings = Settings(_env_file=None, data_dir=folder, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[call-arg,arg-type]

    def load(self, as_of: date = NIGHT, **kwargs: Any) -> LoadReport:
        self.sandbox.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file(SPEC.name)), read_only=True) as con:
            con.execute("use linkedin_ads")
            return con.execute(sql).fetchall()

    def now(self, sql: str) -> list[Any]:
        return [tuple(r.values()) for r in self.sandbox.app.state.desk.rows(sql)]

    def change(self, sql: str) -> None:
        self.sandbox.app.state.desk._con.execute(sql)
        self.sandbox.set_clock(self.sandbox.app.state.desk.clock)

    def assert_raw_is_as_the_books(self) -> None:
        books = self.sandbox.books("linkedin_ads")
        assert books
        for table in LEVELS:
            rows = self.raw(
                "select account_id, date_day, sum(impressions), sum(clicks), sum(cost_in_local_currency)"
                f" from {table} group by all"
            )
            found = {r[:2]: r[2:] for r in rows if any(r[2:])}
            assert found == books, table
        told = self.now(
            """select account_id, touch_date, ad_id, action_id, count(*) filter (kind = 'click'), count(*) filter (kind = 'view'),
                      sum(value_micros)::bigint
               from now.ad_conversions where platform = 'linkedin_ads' group by all order by all"""
        )
        assert told == self.raw(
            """select account_id, date_day, creative_id, conversion_id, external_website_post_click_conversions,
                      external_website_post_view_conversions, (conversion_value_in_local_currency * 1000000)::bigint
               from conversion_daily order by all"""
        )

    def get(self, path_and_query: str, **headers: str) -> requests.Response:
        base = f"{self.sandbox.url}/linkedin_ads/rest/"
        return requests.get(
            base + path_and_query, headers={**HEADERS, "Authorization": f"Bearer {_token()}", **headers}, timeout=30
        )

    @property
    def account(self) -> str:
        return str(
            self.now(
                "select account_id from now.ad_delivery where platform = 'linkedin_ads' group by 1 order by count(*) desc"
            )[0][0]
        )

    def report(self, query: str) -> requests.Response:
        accounts = f"accounts=List(urn%3Ali%3AsponsoredAccount%3A{self.account})"
        return self.get(f"adAnalytics?q=analytics&timeGranularity=DAILY&{accounts}&{query}")


def _token() -> str:
    form = {"grant_type": "refresh_token", "client_id": TOKENS.client_id, "client_secret": TOKENS.client_secret}
    status, body = TOKENS.issue({**form, "refresh_token": TOKENS.refresh_token})
    assert status == 200
    return str(body["access_token"])


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> House:
    return House(sandbox, tmp_path)


# raw ------------------------------------------------------------------------------------------------------------------


def test_every_level_is_as_the_books_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__PAGE_SIZE", "2")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    house.assert_raw_is_as_the_books()
    for table, entity in (("campaign_groups", "ad_campaigns"), ("campaigns", "ad_groups"), ("creatives", "ads")):
        assert house.raw(f"select count(*) from {table}") == house.now(
            f"select count(*) from now.{entity} where platform = 'linkedin_ads'"
        )
    assert house.load().rows == report.rows
    house.assert_raw_is_as_the_books()
    assert house.raw("select count(*) from creatives where _dlt_valid_to is not null") == [(0,)]


def test_days_are_restated_and_names_get_versions_when_the_clock_moves_on(house: House) -> None:
    house.load(date(2026, 11, 10))
    house.assert_raw_is_as_the_books()
    old = """select date_day, sum(clicks), sum(external_website_conversions) from account_daily
             where date_day < '2026-11-10' group by 1 order by 1"""
    before = house.raw(old)
    house.load()
    house.assert_raw_is_as_the_books()
    assert house.raw(old) != before
    changed = house.now(
        """select upper(status) from now.ad_campaigns
           where platform = 'linkedin_ads' and valid_from > '2026-11-10' order by campaign_id"""
    )
    assert changed and changed == house.raw(
        """select status from campaign_groups
           where _dlt_valid_to is null and _dlt_valid_from::date > '2026-11-10' order by campaign_group_id"""
    )


def test_a_report_that_would_be_cut_off_is_asked_for_in_slices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "elements", 20)
    assert len(house.report(f"pivot=CREATIVE&{RANGE}").json()["elements"]) == 20  # of many more, and nothing says so
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ELEMENT_LIMIT", "20")
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()


def test_a_slice_that_comes_back_full_is_asked_again_in_halves_by_days_then_by_campaigns(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if the account's structure had not told how many rows there can be
    monkeypatch.setattr("ingestion.sources.linkedin_ads.api.Api._rows_a_day", lambda *_: 1)
    monkeypatch.setattr(LIMITS, "elements", 4)
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ELEMENT_LIMIT", "4")
    assert house.load().message == ""
    house.assert_raw_is_as_the_books()


def test_a_day_of_one_campaign_that_is_cut_off_is_told_and_raw_keeps_what_it_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    monkeypatch.setattr(LIMITS, "elements", 1)
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ELEMENT_LIMIT", "1")
    report = house.load()
    assert report.status == "partial" and "elements for one campaign on" in report.message
    house.assert_raw_is_as_the_books()


def test_the_figures_of_what_was_removed_stay_and_it_is_listed_as_removed(house: House) -> None:
    [group] = house.now(
        "select campaign_id from now.ad_delivery where platform = 'linkedin_ads' group by 1 order by sum(cost_micros) desc limit 1"
    )
    for table, key in (("ad_campaigns", "campaign_id"), ("ad_groups", "ad_group_id"), ("ads", "ad_id")):
        house.change(
            f"""insert into world.{table} by name
                select * replace ('removed' as status, date '2026-11-18' as valid_from)
                from world.{table} where campaign_id = '{group[0]}' and platform = 'linkedin_ads'
                qualify row_number() over (partition by {key} order by valid_from desc) = 1"""
        )
    assert house.load().status == "loaded"
    house.assert_raw_is_as_the_books()
    assert house.raw(f"select status from campaign_groups where campaign_group_id = '{group[0]}'") == [("REMOVED",)]
    listed = house.get(f"adAccounts/{house.account}/adCampaignGroups?q=search").json()["elements"]
    assert listed and group[0] not in {str(g["id"]) for g in listed}
    orphans = house.raw(
        "select count(*) from creative_daily where creative_id not in (select creative_id from creatives)"
    )
    assert orphans == [(0,)]


def test_lead_forms_are_read_with_their_questions_and_what_people_wrote_is_personal(house: House) -> None:
    house.load()
    assert house.raw(
        "select response_id, email, first_name, phone, creative_id from lead_form_responses order by 1"
    ) == house.now("select response_id, email, first_name, phone, ad_id from now.lead_form_responses order by 1")
    table = SPEC.table("lead_form_responses")
    assert {"first_name", "last_name", "email", "phone", "company", "job_title", "submitter"} <= table.personal
    leads = "select coalesce(sum(one_click_leads), 0) from account_daily"
    assert house.raw(leads) == house.now("select count(*) from now.lead_form_responses")


def test_responses_that_linkedin_has_forgotten_stay_in_raw(house: House) -> None:
    house.load()
    [[kept]] = house.raw("select count(*) from lead_form_responses")
    assert kept
    house.load(NIGHT + timedelta(days=200))
    assert house.raw("select count(*) from lead_form_responses") == [(kept,)]


def test_posts_say_where_a_creative_leads_and_what_it_shows(house: House) -> None:
    house.load()
    told = "select creative_id, landing_page, content_type from creatives join posts using (account_id, post_id) order by 1"
    assert house.raw(told) == house.now(
        """select ad_id, final_url, case format when 'single_image' then 'image' else format end
           from now.ads where platform = 'linkedin_ads' order by 1"""
    )


def test_reach_is_told_for_windows_and_adds_up_over_nothing(house: House) -> None:
    house.load()
    told = house.raw(
        "select level, window_kind, window_start, sum(impressions), sum(approximate_member_reach) from reach_windows group by all"
    )
    assert {r[1] for r in told} == {"last_7_days", "last_28_days", "month"}
    [(ads, groups)] = house.raw(
        """select sum(approximate_member_reach) filter (level = 'creative'), sum(approximate_member_reach) filter (level = 'campaign_group')
           from reach_windows where window_kind = 'last_28_days'"""
    )
    assert 0 < groups < ads  # who saw two ads of a group is one person
    shown = {r[3] for r in told if r[1] == "last_28_days"}
    assert shown == {
        house.now("select sum(impressions)::bigint from now.ad_delivery where platform = 'linkedin_ads'")[0][0]
    }
    long = house.report(
        "pivot=CREATIVE&dateRange=(start:(year:2026,month:1,day:1))&fields=approximateMemberReach"
    ).json()
    assert {e["approximateMemberReach"] for e in long["elements"]} == {None}


# faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "truncated", "reset", "expired_token"])
def test_a_passing_fault_is_waited_for_and_nothing_is_lost(house: House, kind: str) -> None:
    house.sandbox.order("/rest/adAnalytics", kind, after=2)
    assert (house.load().message, [k for k, _ in house.sandbox.struck()]) == ("", [kind])
    house.assert_raw_is_as_the_books()


def test_a_malformed_row_is_left_out_and_told(house: House) -> None:
    house.sandbox.order("/rest/adAnalytics", "malformed_row")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    [(table, column, reason)] = house.raw("select table_name, column_name, reason from _rejects")
    assert table.endswith("_daily") and (column, reason) == (
        "cost_in_local_currency",
        "costInLocalCurrency is not readable as decimal",
    )


@pytest.mark.parametrize(
    ("route", "field"), [("/rest/adAnalytics", "costInLocalCurrency"), ("adCampaignGroups", "name")]
)
def test_a_renamed_field_is_named_and_raw_keeps_what_it_has(house: House, route: str, field: str) -> None:
    house.load()
    house.sandbox.order(route, "schema_change", times=-1)
    report = house.load()
    assert report.status == "partial" and f"no element of the answer has {field}; did the API change" in report.message
    house.assert_raw_is_as_the_books()
    assert house.raw("select count(*) from campaign_groups where _dlt_valid_to is not null") == [(0,)]


def test_a_refused_token_says_what_to_set(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__REFRESH_TOKEN", "AQVold")
    report = house.load()
    assert report.status == "failed" and "set SOURCES__LINKEDIN_ADS__REFRESH_TOKEN" in report.message
    assert "AQVold" not in report.message


def test_an_access_token_alone_will_do_until_it_is_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__REFRESH_TOKEN", "")
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ACCESS_TOKEN", _token())
    assert house.load().status == "loaded"
    TOKENS.expire()
    report = house.load()
    assert report.status == "failed" and "code EXPIRED_ACCESS_TOKEN" in report.message and "60 days" in report.message


def test_a_version_that_was_switched_off_says_what_to_set(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__API_VERSION", "202503")
    report = house.load()
    assert report.status == "failed"
    assert "Requested version 20250301 is not active (code NONEXISTENT_VERSION, HTTP 426)" in report.message
    assert "SOURCES__LINKEDIN_ADS__API_VERSION" in report.message


def test_an_account_that_may_not_be_read_is_told_and_the_others_are_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ACCOUNTS", f"{house.account},999")
    report = house.load()
    assert report.status == "partial" and "999 is not among the accounts the member may read" in report.message
    assert house.raw("select distinct account_id from account_daily") == [(house.account,)]


def test_what_is_missing_in_the_settings_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__CLIENT_SECRET", "")
    assert SPEC.configured(house.settings).message.endswith("set SOURCES__LINKEDIN_ADS__CLIENT_SECRET")
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__REFRESH_TOKEN", "")
    assert not SPEC.configured(house.settings).ready


# protocol -------------------------------------------------------------------------------------------------------------


def test_without_fields_only_impressions_and_clicks_are_told_and_with_them_in_linkedins_types(house: House) -> None:
    [first, *_] = house.report(f"pivot=ACCOUNT&{RANGE}").json()["elements"]
    assert set(first) == {"impressions", "clicks"}
    fields = "fields=dateRange,pivotValues,costInLocalCurrency,costInUsd,impressions"
    [first, *_] = house.report(f"pivot=ACCOUNT&{RANGE}&{fields}").json()["elements"]
    assert first["pivotValues"] == [f"urn:li:sponsoredAccount:{house.account}"]
    assert first["dateRange"]["start"] == first["dateRange"]["end"] == {"year": 2026, "month": 11, "day": 1}
    assert isinstance(first["impressions"], int) and isinstance(first["costInLocalCurrency"], str)
    assert Decimal(first["costInUsd"]) == Decimal(first["costInLocalCurrency"])  # the account is in dollars


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (f"pivot=CREATIVE&{RANGE}&fields=spend", "processing fields [/spend]"),
        (f"pivot=PLACEMENT&{RANGE}", "Invalid value for pivot"),
        ("pivot=CREATIVE&dateRange=%28start%3A%28year%3A2026%29%29", "must be a record"),
        ("pivot=CREATIVE&dateRange=(start:(year:2026,month:11,day:1)", "expected ','"),
        (f"pivot=CREATIVE&{RANGE}&pageSize=10", "Query parameter not allowed: pageSize"),
        (f"pivot=CREATIVE&{RANGE}&campaigns=List(1)", "must be a list of urn:li:sponsoredCampaign"),
        (f"pivot=CREATIVE&{RANGE}&campaigns=List(urn:li:sponsoredCampaign:1)", "expected ','"),
        (f"pivot=CREATIVE&{RANGE}&fields={','.join(['impressions'] * 21)}", "at most 20"),
    ],
)  # fmt: skip
def test_what_linkedin_does_not_know_is_refused(house: House, query: str, says: str) -> None:
    answer = house.report(query)
    assert answer.status_code == 400 and answer.json()["status"] == 400
    assert says in answer.json()["message"], answer.json()


def test_headers_are_demanded(house: House) -> None:
    asked = [
        house.get("adAccounts?q=search", **{"LinkedIn-Version": "202401"}),
        house.get("adAccounts?q=search", **{"LinkedIn-Version": ""}),
        house.get("adAccounts?q=search", **{"X-Restli-Protocol-Version": "1.0.0"}),
        house.get("adAccounts?q=search", Authorization="Bearer old"),
    ]
    assert [(a.status_code, a.json()["code"]) for a in asked] == [
        (426, "NONEXISTENT_VERSION"), (400, "VERSION_MISSING"), (400, "ILLEGAL_ARGUMENT"), (401, "EXPIRED_ACCESS_TOKEN"),
    ]  # fmt: skip
    assert asked[3].json()["serviceErrorCode"] == 65602


def test_a_long_query_is_tunnelled(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    call = VendorClient.call

    def listened(self: VendorClient, method: str, path: str, **kwargs: Any) -> Any:
        asked.append(method)
        return call(self, method, path, **kwargs)

    monkeypatch.setattr("ingestion.sources.linkedin_ads.api.TUNNEL_FROM", 150)
    monkeypatch.setattr(VendorClient, "call", listened)
    assert house.load().message == ""
    assert asked.count("POST") > 10
    house.assert_raw_is_as_the_books()
    answer = requests.post(
        f"{house.sandbox.url}/linkedin_ads/rest/adAccounts",
        data="q=search",
        headers={**HEADERS, "Authorization": f"Bearer {_token()}"},
        timeout=30,
    )
    assert answer.status_code == 405  # without X-HTTP-Method-Override it is no reading


def test_a_page_has_a_token_for_the_next_until_the_last(house: House) -> None:
    path, seen, token = f"adAccounts/{house.account}/creatives?q=criteria&pageSize=3", [], ""
    while True:
        page = house.get(path + token).json()
        seen.append(len(page["elements"]))
        if "nextPageToken" not in page["metadata"]:
            break
        token = f"&pageToken={page['metadata']['nextPageToken'].replace('=', '%3D')}"
    assert len(seen) > 1 and set(seen[:-1]) == {3}
    assert house.get(path.replace("pageSize=3", "pageSize=5000")).json()["code"] == "ILLEGAL_ARGUMENT"
