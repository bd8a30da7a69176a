"""Google Ads against the sandbox: its protocol, and that raw equals the books whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.server.app import make_app
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors import google_ads as vendor
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.google_ads import SPEC, envelope, retry_hint

FIRST = date(2026, 11, 7)
STREAM = ":searchStream"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.create_or_extend(tmp_path_factory.mktemp("company"), "tiny", 7, date(2026, 11, 19))


@dataclass
class Sandbox:
    url: str
    app: Any
    settings: Settings

    def load(self, day: int, **kwargs: Any) -> LoadReport:
        """A night: the vendor's clock stands at its start."""
        as_of = date(2026, 11, day)
        self.app.state.desk.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def fault(self, kind: str, **order: Any) -> None:
        self.app.state.orders.place(Order(**({"route": STREAM, "kind": kind, "after": 1} | order)))

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.raw_file("google_ads")), read_only=True) as con:
            con.execute("set schema = 'google_ads'")
            return con.execute(sql).fetchall()

    def now(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(r.values()) for r in self.app.state.desk.rows(sql)]

    def books(self, condition: str = "true") -> list[tuple[Any, ...]]:
        """Impressions, clicks, cost by account and day, as the company's delivery stands at the clock."""
        return self.now(
            f"""select account_id, date, sum(impressions)::bigint i, sum(clicks)::bigint c, sum(cost_micros)::bigint m
                from now.ad_delivery where platform = 'google_ads' and date >= '{FIRST}' and {condition}
                group by account_id, date order by 1, 2"""
        )

    def found(self, table: str) -> list[tuple[Any, ...]]:
        return self.raw(
            f"""select account_id, date_day, sum(impressions)::bigint, sum(clicks)::bigint, sum(cost_micros)::bigint
                from {table} group by 1, 2 order by 1, 2"""
        )

    @property
    def manager(self) -> str:
        return str(self.now("select distinct manager_id from now.ad_accounts where platform = 'google_ads'")[0][0])

    @property
    def accounts(self) -> list[str]:
        return [
            r[0] for r in self.now("select account_id from now.ad_accounts where platform = 'google_ads' order by 1")
        ]

    def headers(self) -> dict[str, str]:
        form = {
            "grant_type": "refresh_token",
            "client_id": vendor.TOKENS.client_id,
            "client_secret": vendor.TOKENS.client_secret,
            "refresh_token": vendor.TOKENS.refresh_token,
        }
        token = httpx.post(f"{self.url}/google_ads/token", data=form).json()["access_token"]
        return {
            "Authorization": f"Bearer {token}",
            "developer-token": vendor.DEVELOPER_TOKEN,
            "login-customer-id": self.manager,
        }

    def post(
        self, body: dict[str, Any], method: str = "search", account: str = "", **headers: str | None
    ) -> httpx.Response:
        given = {k: v for k, v in {**self.headers(), **headers}.items() if v is not None}
        path = f"{self.url}/google_ads/v26/customers/{account or self.accounts[0]}/googleAds:{method}"
        return httpx.post(path, json=body, headers=given)


@pytest.fixture
def sandbox(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    app = make_app(world, date(2026, 11, 15))
    with served_in_thread(app) as url:
        for key, value in vendor.VENDOR.environment(url).items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("SOURCES__GOOGLE_ADS__START_DATE", FIRST.isoformat())
        settings = Settings(_env_file=None, data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore
        yield Sandbox(url, app, settings)


# --- the source ----------------------------------------------------------------------------------------------------


def test_every_level_equals_the_books_also_when_days_are_restated_and_a_night_was_missed(sandbox: Sandbox) -> None:
    report = sandbox.load(15)
    assert (report.status, report.message) == ("loaded", "")
    first = sandbox.found("account_daily")
    assert first == sandbox.books()
    for night in (16, 19):  # two nights were missed
        assert sandbox.load(night).status == "loaded"
        assert sandbox.found("account_daily") == sandbox.found("campaign_daily") == sandbox.books()
        assert sandbox.found("ad_daily") == sandbox.found("ad_group_daily") == sandbox.books("ad_id is not null")
        assert sandbox.found("keyword_daily") == sandbox.books("keyword_id is not null")
    again = {(a, d): rest for a, d, *rest in sandbox.found("account_daily")}
    assert any(again[a, d] != rest for a, d, *rest in first)  # clicks were found invalid
    money = "select account_id, sum(cost_micros::decimal(18, 6) / 1000000)::decimal(18, 2) from account_daily group by 1 order by 1"
    ledger = sandbox.now(
        f"""select account_id, sum(cost_micros)::bigint from truth.ledger_daily where platform = 'google_ads'
            and date >= '{FIRST}' and posted_date <= '2026-11-19' group by 1 order by 1"""
    )
    assert sandbox.raw(money) == [(a, Decimal(m) / 1_000_000) for a, m in ledger]


def test_conversions_are_told_by_action_by_both_days_and_by_lag(sandbox: Sandbox) -> None:
    sandbox.load(19)
    visible = "platform = 'google_ads' and kind = 'click'"
    action = "join now.ad_conversion_actions x using (platform, account_id, action_id)"
    for day, suffix in (("touch_date", ""), ("conversion_date", "_by_conversion_date")):
        told = sandbox.raw(
            f"""select account_id, campaign_id, regexp_extract(conversion_action, '[0-9]+$'), date_day,
                    all_conversions{suffix}::double, all_conversions_value{suffix}::double, conversions{suffix}::double
                from conversion_daily where all_conversions{suffix} <> 0 order by all"""
        )
        meant = sandbox.now(
            f"""select q.account_id, campaign_id, action_id, {day} d, round(sum(credit), 6) n, sum(value_micros) / 1e6 v,
                    round(sum(if(is_primary, credit, 0)), 6) p
                from now.ad_conversions q {action} where {visible} and {day} >= '{FIRST}' and {day} < '2026-11-19'
                group by all order by all"""
        )
        assert len(told) > 10
        assert told == meant
    assert sandbox.raw("select sum(conversions) from conversion_lag_daily") == sandbox.raw(
        "select sum(conversions) from conversion_daily"
    )
    assert sandbox.raw("select sum(conversions), sum(all_conversions) from account_daily") == sandbox.raw(
        "select sum(conversions), sum(all_conversions) from conversion_daily"
    )
    assert sandbox.raw("select count(*) from conversion_actions where include_in_conversions_metric") == [(9,)]


def test_names_states_and_budgets_are_versions_and_a_removed_campaign_is_named_with_its_cost(sandbox: Sandbox) -> None:
    planted = "select kind, entity_id from truth.planted_errors where platform = 'google_ads'"
    ids = dict(sandbox.now(planted))
    renamed, removed = ids["renamed_campaign"], ids["deleted_campaign"]
    sandbox.load(9)
    sandbox.load(16)
    names = sandbox.raw(f"select campaign_name from campaigns where campaign_id = '{renamed}' order by _dlt_valid_from")
    assert [n[0].split("_")[3] for n in names] == ["alle", "sortiment"]
    assert sandbox.raw(f"select status from campaigns where campaign_id = '{removed}' and _dlt_valid_to is null") == [
        ("REMOVED",)
    ]
    assert sandbox.raw("select count(*) from campaigns where advertising_channel_type = 'PERFORMANCE_MAX'")[0][0] >= 3
    urls = sandbox.raw("select min(final_url), count(*) = count(final_url) from ads")
    assert urls[0][0].startswith("https://www.nordlyskontor.example/")
    assert urls[0][1]
    budgets = sandbox.raw(
        """select count(*) from campaigns c join campaign_budgets b using (account_id, budget_id)
           where c._dlt_valid_to is null and b.amount_micros is distinct from c.budget_amount_micros"""
    )
    assert budgets == [(0,)]
    changes = sandbox.raw(
        f"select resource_status from change_status where campaign like '%/{renamed}' and resource_type = 'CAMPAIGN'"
    )
    assert changes == [("CHANGED",)]


def test_clicks_are_asked_for_once_a_day_and_search_terms_are_those_google_shows(sandbox: Sandbox) -> None:
    sandbox.load(15)
    sql = f"""select account_id, date, count(*) from now.ad_clicks
        where platform = 'google_ads' and date >= '{FIRST}' group by all order by all"""
    assert sandbox.raw(
        "select account_id, date_day, count(*) from click_view group by all order by all"
    ) == sandbox.now(sql)
    days: list[str] = []
    sandbox.load(16, progress=lambda source, text: days.append(text) if text.startswith("click_view") else None)
    assert {d.split(" to ")[1][:10] for d in days} == {"2026-11-15"}
    told = "account_id, ad_group_id, search_term, {}, sum(impressions)::bigint i, sum(clicks)::bigint c, sum(cost_micros)::bigint m"
    shown = f"from now.ad_search_terms where platform = 'google_ads' and date >= '{FIRST}' group by all order by all"
    found = sandbox.raw(f"select {told.format('date_day')} from search_term_daily group by all order by all")
    assert len(found) > 100
    assert found == sandbox.now(f"select {told.format('date')} {shown}")


def test_faults_that_pass_are_waited_for_and_leave_no_trace(sandbox: Sandbox) -> None:
    for n, kind in enumerate(("rate_limit", "server_error", "expired_token", "truncated", "reset", "slow")):
        sandbox.fault(kind, after=2 + 5 * n, seconds=0.2)
    sandbox.fault("expired_token", route="listAccessibleCustomers", after=0)
    report = sandbox.load(15)
    assert (report.status, report.message) == ("loaded", "")
    assert len(sandbox.app.state.orders.struck) == 7
    assert sandbox.found("account_daily") == sandbox.found("campaign_daily") == sandbox.books()


def test_a_row_that_cannot_be_read_is_rejected_and_told_and_the_next_night_has_it(sandbox: Sandbox) -> None:
    sandbox.fault("malformed_row", after=10, times=-1)
    report = sandbox.load(15)
    assert report.status == "partial"
    assert report.rejected > 0
    assert "rows could not be read, first: metrics.impressions is not readable as bigint" in report.message
    assert len(sandbox.raw("select * from _rejects")) == report.rejected
    sandbox.app.state.orders.clear()
    assert sandbox.load(16).status == "loaded"
    assert sandbox.found("campaign_daily") == sandbox.books()


@pytest.mark.parametrize(
    ("n_before", "status", "said"),
    [(0, "failed", "has no id that can be read"), (1, "partial", "rows could not be read, first: ")],
)
def test_a_thing_that_cannot_be_read_leaves_the_things_as_they_were(
    sandbox: Sandbox, n_before: int, status: str, said: str
) -> None:
    sandbox.load(15)
    things = "select account_id, currency, time_zone from ad_accounts order by all"
    before = sandbox.raw(things)
    sandbox.fault("malformed_row", after=n_before, times=-1)  # the list of accounts is the first answer
    report = sandbox.load(16)
    assert report.status == status
    assert said in report.message
    assert sandbox.raw(things) == before
    if n_before:
        told = sandbox.raw("select table_name, reason from _rejects")
        assert ("ads", "adGroupAd.ad.id is not readable as text") in told
    sandbox.app.state.orders.clear()
    assert sandbox.load(17).status == "loaded"


def test_a_renamed_field_fails_clearly_and_the_last_good_days_stay(sandbox: Sandbox) -> None:
    sandbox.load(15)
    before = sandbox.found("account_daily"), sandbox.raw("select campaign_id, status from campaigns order by all")
    sandbox.fault("schema_change", times=-1)
    report = sandbox.load(16)
    assert report.is_red
    assert "rows has metrics.costMicros" in report.message
    assert "rows has campaign.status" in report.message
    assert (
        sandbox.found("account_daily"),
        sandbox.raw("select campaign_id, status from campaigns order by all"),
    ) == before
    sandbox.app.state.orders.clear()
    assert sandbox.load(17).status == "loaded"
    assert sandbox.found("account_daily") == sandbox.books()


def test_a_service_that_is_down_fails_the_source_and_the_next_good_night_catches_up(sandbox: Sandbox) -> None:
    sandbox.load(13)
    sandbox.fault("rate_limit", times=-1, after=3)  # the vendor asks to wait a second, again and again
    assert sandbox.load(14).is_red
    sandbox.app.state.orders.clear()
    assert sandbox.load(15).status == "loaded"
    assert sandbox.found("account_daily") == sandbox.found("campaign_daily") == sandbox.books()


def test_a_backfill_takes_its_days_alone(sandbox: Sandbox) -> None:
    report = sandbox.load(15, window=(date(2026, 11, 10), date(2026, 11, 11)))
    assert report.status == "loaded"
    assert sandbox.raw("select distinct date_day from account_daily order by 1") == [
        (date(2026, 11, 10),),
        (date(2026, 11, 11),),
    ]
    assert sandbox.raw("select count(*) from campaigns") == [(0,)]


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("DEVELOPER_TOKEN", "wrong", "(code DEVELOPER_TOKEN_INVALID, HTTP 401); copy the token from the manager account"),
        ("DEVELOPER_TOKEN", "test-only", "(code DEVELOPER_TOKEN_NOT_APPROVED, HTTP 403); the developer token reads test accounts"),
        ("REFRESH_TOKEN", "wrong", "no token: invalid_grant (HTTP 400); grant access anew and set SOURCES__GOOGLE_ADS__REFRESH_TOKEN"),
        ("LOGIN_CUSTOMER_ID", "111-222-3333", "(code USER_PERMISSION_DENIED, HTTP 403); give the user access to the account"),
        ("ACCOUNTS", "1112223333", "account 1112223333 is not among the 3 open accounts under"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_the_vendors_code_and_what_to_do(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"SOURCES__GOOGLE_ADS__{setting}", value)
    report = sandbox.load(15)
    assert report.status == "failed"
    assert message in report.message


def test_accounts_can_be_chosen_and_their_manager_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sandbox.accounts[0]
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__ACCOUNTS", f"{one[:3]}-{one[3:6]}-{one[6:]}")
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID", sandbox.manager)
    assert sandbox.load(12).status == "loaded"
    assert sandbox.raw("select distinct account_id from account_daily") == [(one,)]


def test_without_credentials_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__GOOGLE_ADS__DEVELOPER_TOKEN", raising=False)
    found = SPEC.configured(Settings(_env_file=None))  # type: ignore[call-arg]
    assert (found.ready, found.message) == (False, "no developer token; set SOURCES__GOOGLE_ADS__DEVELOPER_TOKEN")


def test_an_error_is_found_in_a_stream_and_the_wait_is_the_vendors() -> None:
    quota = {"errorCode": {"quotaError": "RESOURCE_EXHAUSTED"}, "message": "m"}
    quota["details"] = {"quotaErrorDetails": {"retryDelay": "30s"}}
    body = [
        {"results": [{}]},
        {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"errors": [quota]}]}},
    ]
    assert envelope(body) == ("RESOURCE_EXHAUSTED", "m")
    assert retry_hint(body, {}) == 30.0
    assert envelope({"error": {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}}) == ("UNAUTHENTICATED", "m")
    assert envelope([{"results": []}]) is None
    assert retry_hint({"results": []}, {}) is None


# --- the protocol --------------------------------------------------------------------------------------------------

DAYS = "segments.date BETWEEN '2026-11-01' AND '2026-11-10'"
CHANGED = "change_status.last_change_date_time"


def code(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    error = (body[0] if isinstance(body, list) else body)["error"]
    detail = error["details"][0]
    return error["code"], next(iter(detail["errors"][0]["errorCode"].values())) if "errors" in detail else detail[
        "reason"
    ]


REFUSED = [
    ("SELECT campaign.nome FROM campaign", "UNRECOGNIZED_FIELD"),
    ("SELECT campaign.id FROM campaigns", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
    ("SELECT ad_group.id FROM campaign", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"),
    ("SELECT campaign.id FROM campaign WHERE ad_group.id = 1", "PROHIBITED_RESOURCE_TYPE_IN_WHERE_CLAUSE"),
    ("SELECT campaign_budget.id, metrics.clicks FROM campaign_budget", "PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE"),
    (f"SELECT segments.device FROM search_term_view WHERE {DAYS}", "PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE"),
    (
        f"SELECT segments.conversion_action, metrics.clicks FROM campaign WHERE {DAYS}",
        "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
    ),
    (
        f"SELECT segments.conversion_lag_bucket, metrics.conversions_by_conversion_date FROM campaign WHERE {DAYS}",
        "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
    ),
    ("SELECT segments.date, metrics.clicks FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
    (
        "SELECT segments.date, metrics.clicks FROM campaign WHERE segments.date >= '2026-11-01'",
        "EXPECTED_FILTERS_ON_DATE_RANGE",
    ),
    (
        "SELECT metrics.clicks FROM campaign WHERE segments.device = MOBILE",
        "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
    ),
    ("SELECT campaign.id FROM campaign WHERE campaign.status = 'ACTIVE'", "BAD_ENUM_CONSTANT"),
    ("SELECT campaign.id FROM campaign WHERE campaign.status > 'PAUSED'", "OPERATOR_FIELD_MISMATCH"),
    ("SELECT campaign.id FROM campaign WHERE campaign.id = 'x'", "BAD_NUMBER"),
    ("SELECT campaign.id FROM campaign WHERE campaign.id IN ()", "PROHIBITED_EMPTY_LIST_IN_CONDITION"),
    ("SELECT segments.date FROM campaign WHERE segments.date = '11/01/2026'", "INVALID_DATE_FORMAT"),
    ("SELECT segments.date FROM campaign WHERE segments.date DURING LAST_8_DAYS", "INVALID_VALUE_WITH_DURING_OPERATOR"),
    ("SELECT campaign.id FROM campaign WHERE campaign.name = 'x", "STRING_NOT_TERMINATED"),
    ("SELECT campaign.id FROM campaign LIMIT 0", "LIMIT_VALUE_TOO_LOW"),
    ("SELECT campaign.id FROM campaign WHERE campaign.id = 1 OR campaign.id = 2", "UNEXPECTED_INPUT"),
    ("campaign.id FROM campaign", "EXPECTED_SELECT"),
    ("SELECT campaign.id", "EXPECTED_FROM"),
    ("SELECT campaign.id, FROM campaign", "EXPECTED_FROM"),
    ("SELECT change_status.campaign FROM change_status", "LIMIT_NOT_SPECIFIED"),
    ("SELECT change_status.campaign FROM change_status LIMIT 10", "CHANGE_DATE_RANGE_INFINITE"),
    (
        f"SELECT change_status.campaign FROM change_status WHERE {CHANGED} DURING LAST_14_DAYS LIMIT 10001",
        "INVALID_LIMIT_CLAUSE",
    ),
    (
        f"SELECT change_status.campaign FROM change_status WHERE {CHANGED} BETWEEN '2026-01-01' AND '2026-11-01' LIMIT 10",
        "START_DATE_TOO_OLD",
    ),
    (f"SELECT click_view.gclid FROM click_view WHERE {DAYS}", "EXPECTED_FILTER_ON_A_SINGLE_DAY"),
    ("SELECT click_view.gclid FROM click_view WHERE segments.date = '2026-01-01'", "DATE_TOO_OLD"),
]


def test_a_query_google_would_refuse_is_refused_with_its_code(sandbox: Sandbox) -> None:
    found = [(query, *code(sandbox.post({"query": query}))) for query, _ in REFUSED]
    assert found == [(query, 400, expected) for query, expected in REFUSED]


def test_a_call_google_would_refuse_is_refused_with_its_code(sandbox: Sandbox) -> None:
    body = {"query": "SELECT campaign.id FROM campaign"}
    metrics = {"query": f"SELECT segments.date, metrics.clicks FROM customer WHERE {DAYS}"}
    assert code(sandbox.post(body, Authorization="Bearer old")) == (401, "ACCESS_TOKEN_EXPIRED")
    assert code(sandbox.post(body, "searchStream", Authorization=None)) == (401, "CREDENTIALS_MISSING")
    assert code(sandbox.post(body, **{"developer-token": None})) == (400, "DEVELOPER_TOKEN_PARAMETER_MISSING")
    assert code(sandbox.post(body, **{"login-customer-id": None})) == (403, "USER_PERMISSION_DENIED")
    assert code(sandbox.post(body, account="1112223333")) == (403, "USER_PERMISSION_DENIED")
    assert code(sandbox.post(body, account="111-222-3333")) == (400, "INVALID_CUSTOMER_ID")
    assert code(sandbox.post(metrics, account=sandbox.manager)) == (400, "REQUESTED_METRICS_FOR_MANAGER")
    assert code(sandbox.post({**body, "pageSize": 100})) == (400, "PAGE_SIZE_NOT_SUPPORTED")
    assert code(sandbox.post({**body, "pageToken": "1-2"})) == (400, "INVALID_PAGE_TOKEN")
    assert code(sandbox.post({**body, "rows": 100})) == (400, "UNKNOWN_FIELD")
    assert code(sandbox.post({**body, "pageToken": ""}, "searchStream")) == (400, "UNKNOWN_FIELD")
    assert isinstance(sandbox.post({"query": "x"}, "searchStream").json(), list)  # a stream's error comes in its array


def test_search_gives_pages_and_a_stream_the_same_rows_in_chunks(sandbox: Sandbox) -> None:
    small = {vendor.PAGE_ROWS_HEADER: "20"}
    query = f"""SELECT campaign.id, segments.date, segments.device, metrics.clicks, metrics.cost_micros, metrics.conversions
        FROM campaign WHERE {DAYS} AND campaign.status IN ('ENABLED', 'PAUSED') AND metrics.clicks >= 1
        ORDER BY metrics.cost_micros DESC, campaign.id, segments.date, segments.device"""
    body: dict[str, Any] = {"query": query, "searchSettings": {"returnTotalResultsCount": True}}
    rows: list[Any] = []
    while True:
        page = sandbox.post(body, **small).json()
        rows += page["results"]
        if "nextPageToken" not in page:
            break
        assert len(page["results"]) == 20
        body["pageToken"] = page["nextPageToken"]
    assert int(page["totalResultsCount"]) == len(rows) > 40
    chunks = sandbox.post({"query": query}, "searchStream", **small).json()
    assert [r for c in chunks for r in c["results"]] == rows
    assert len(chunks) > 2
    costs = [int(r["metrics"]["costMicros"]) for r in rows]
    assert costs == sorted(costs, reverse=True)
    assert isinstance(rows[0]["metrics"]["conversions"], float)
    assert (
        rows[0]["campaign"]["resourceName"] == f"customers/{sandbox.accounts[0]}/campaigns/{rows[0]['campaign']['id']}"
    )
    mask = "campaign.id,segments.date,segments.device,metrics.clicks,metrics.costMicros,metrics.conversions"
    assert {c["fieldMask"] for c in chunks} == {page["fieldMask"]} == {mask}


def test_days_without_anything_have_no_row_and_a_query_without_segments_has_every_thing(sandbox: Sandbox) -> None:
    empty = "SELECT segments.date, metrics.clicks FROM customer WHERE segments.date = '2020-01-01'"
    assert "results" not in sandbox.post({"query": empty}).json()
    assert "results" not in sandbox.post({"query": empty}, "searchStream").json()[0]
    query = "SELECT campaign.id, metrics.clicks FROM campaign WHERE segments.date = '2020-01-01'"
    rows = sandbox.post({"query": query}).json()["results"]
    n = "select count(*) from now.ad_campaigns where platform = 'google_ads' and account_id = "
    assert [(len(rows),)] == sandbox.now(f"{n} '{sandbox.accounts[0]}'")
    assert {r["metrics"]["clicks"] for r in rows} == {"0"}
