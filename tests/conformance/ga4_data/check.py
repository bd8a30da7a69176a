"""Google's own clients read the sandbox: google-analytics-data over its REST transport, and google-api-python-client with the
discovery document it carries. Usage: check.py <url>.

The first reads JSON into messages and ignores members it does not know, so a renamed one shows as rows without figures: `figures`
reads every value that was asked for, as a user would.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import google.oauth2.credentials
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataRestTransport
from google.analytics.data_v1beta.types import (
    BatchRunReportsRequest,
    DateRange,
    Dimension,
    Filter,
    FilterExpression,
    FilterExpressionList,
    Metric,
    OrderBy,
    RunReportRequest,
)
from google.api_core.exceptions import BadRequest, Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized
from google.auth.exceptions import RefreshError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

URL = sys.argv[1]
SETTING = "SOURCES__GA4_DATA__"
PROPERTY = f"properties/{os.environ[f'{SETTING}PROPERTIES']}"
METRICS = ("sessions", "totalUsers", "newUsers", "keyEvents", "transactions", "purchaseRevenue")
Figures = dict[tuple[str, ...], tuple[Decimal, ...]]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def sandbox(what: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{URL}/_sandbox/{what}", data), timeout=60) as answer:
        return json.load(answer)


def signed_in(secret: str = "") -> Any:
    """Credentials that fetch and renew their tokens by the refresh token, as a user's own."""
    return google.oauth2.credentials.Credentials(
        None, refresh_token=os.environ[f"{SETTING}REFRESH_TOKEN"], client_id=os.environ[f"{SETTING}CLIENT_ID"],
        client_secret=secret or os.environ[f"{SETTING}CLIENT_SECRET"], token_uri=os.environ[f"{SETTING}TOKEN_URL"],
    )  # fmt: skip


class Client:
    """The client under the sandbox's prefix: the transport takes a host, and puts paths behind it."""

    def __init__(self, credentials: Any) -> None:
        host = f"{URL.removeprefix('http://')}/ga4_data"
        transport = BetaAnalyticsDataRestTransport(host=host, url_scheme="http", credentials=credentials)
        self.ask = BetaAnalyticsDataClient(transport=transport)

    def pages(
        self, size: int, dimensions: tuple[str, ...], first: date, last: date, **more: Any
    ) -> tuple[Figures, int]:
        """Figures by dimensions, and the number of pages."""
        found: Figures = {}
        n = 0
        while True:
            answer = self.ask.run_report(
                request(dimensions, first, last, limit=size, offset=n * size, **more), retry=None
            )
            n += 1
            page = figures(answer, dimensions)
            assert not set(page) & set(found), "a row came twice"
            found |= page
            assert answer.metadata.currency_code == "NOK" and answer.metadata.time_zone == "Europe/Oslo"
            if n * size >= answer.row_count:
                assert len(found) == answer.row_count
                return found, n


def request(dimensions: tuple[str, ...], first: date, last: date, **more: Any) -> RunReportRequest:
    return RunReportRequest(
        property=PROPERTY,
        date_ranges=[DateRange(start_date=first.isoformat(), end_date=last.isoformat())],
        dimensions=[Dimension(name=n) for n in dimensions],
        metrics=[Metric(name=n) for n in METRICS],
        order_bys=[OrderBy(dimension=OrderBy.DimensionOrderBy(dimension_name=n)) for n in dimensions],
        **more,
    )


def figures(answer: Any, dimensions: tuple[str, ...]) -> Figures:
    assert [h.name for h in answer.dimension_headers] == list(dimensions)
    assert [(h.name, h.type_.name) for h in answer.metric_headers][5] == ("purchaseRevenue", "TYPE_CURRENCY")
    return {
        tuple(row.dimension_values[n].value for n in range(len(dimensions))): tuple(
            Decimal(row.metric_values[n].value) for n in range(len(METRICS))
        )
        for row in answer.rows
    }


def must_fail(error: type[Exception] | tuple[type[Exception], ...], call: Any, what: str) -> Any:
    try:
        call()
    except error as e:
        return e
    raise AssertionError(f"{what} went unnoticed")


def main() -> None:
    about = sandbox("state")
    clock, first = date.fromisoformat(about["clock"]), date.fromisoformat(about["from"])
    yesterday, earlier = clock - timedelta(days=1), clock - timedelta(days=3)
    credentials = signed_in()
    client = Client(credentials)
    by = ("date", "sessionSource", "sessionMedium", "sessionCampaignName", "sessionDefaultChannelGroup")

    days, _ = client.pages(10_000, ("date",), first, yesterday)
    traffic, n_pages = client.pages(100, by, first, yesterday)
    assert n_pages >= 3
    for at in (0, 3, 4, 5):  # users are no sum
        assert sum(f[at] for f in traffic.values()) == sum(f[at] for f in days.values()) > 0
    weeks, _ = client.pages(10_000, ("isoYearIsoWeek",), first, yesterday)
    assert sum(f[1] for f in weeks.values()) < sum(f[1] for f in days.values())
    about_property = client.ask.get_metadata(name=f"{PROPERTY}/metadata", retry=None)
    assert {*by, *METRICS} <= {f.api_name for f in (*about_property.dimensions, *about_property.metrics)}
    social = Filter(field_name="sessionSource", in_list_filter=Filter.InListFilter(values=["facebook", "tiktok"]))
    match = Filter.StringFilter.MatchType.BEGINS_WITH
    paid = Filter(field_name="sessionMedium", string_filter=Filter.StringFilter(match_type=match, value="paid"))
    both = FilterExpressionList(expressions=[FilterExpression(filter=social), FilterExpression(filter=paid)])
    filtered, _ = client.pages(10_000, by, first, yesterday, dimension_filter=FilterExpression(and_group=both))
    assert (
        filtered
        == {k: f for k, f in traffic.items() if k[1] in ("facebook", "tiktok") and k[2].startswith("paid")}
        != {}
    )
    batch = BatchRunReportsRequest(property=PROPERTY, requests=[request(("date",), first, yesterday)] * 2)
    assert [figures(r, ("date",)) for r in client.ask.batch_run_reports(batch, retry=None).reports] == [days, days]
    quota = client.ask.run_report(
        request(("date",), first, yesterday, return_property_quota=True), retry=None
    ).property_quota
    assert quota.tokens_per_day.consumed > 0 and quota.tokens_per_day.remaining > 0
    say(
        f"google-analytics-data: {len(days)} days, {len(traffic)} rows of traffic on {n_pages} pages that add up to them"
    )

    service = build(
        "analyticsdata", "v1beta", static_discovery=True, credentials=credentials,
        client_options={"api_endpoint": f"{URL}/ga4_data"},
    )  # fmt: skip
    body = {
        "dateRanges": [{"startDate": first.isoformat(), "endDate": "yesterday"}],
        "dimensions": [{"name": "date"}],
        "metrics": [{"name": n} for n in METRICS],
    }
    answer = service.properties().runReport(property=PROPERTY, body=body).execute()
    assert days == {
        (r["dimensionValues"][0]["value"],): tuple(Decimal(v["value"]) for v in r["metricValues"])
        for r in answer["rows"]
    }
    assert service.properties().getMetadata(name=f"{PROPERTY}/metadata").execute()["name"] == f"{PROPERTY}/metadata"
    unknown = must_fail(
        HttpError,
        lambda: service.properties().runReport(property=PROPERTY, body={**body, "dims": []}).execute(),
        "dims",
    )
    assert (unknown.status_code, unknown.reason) == (
        400,
        'Invalid JSON payload received. Unknown name "dims": Cannot find field.',
    )
    say("google-api-python-client: the same days; an unknown member is refused")

    report = request(("date",), first, yesterday)
    sandbox("faults", {"route": "runReport", "kind": "rate_limit"})
    told = must_fail(TooManyRequests, lambda: client.ask.run_report(report, retry=None), "a 429")
    assert told.response.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert figures(client.ask.run_report(report, retry=None), ("date",)) == days
    sandbox("faults", {"route": "runReport", "kind": "server_error"})
    must_fail(ServiceUnavailable, lambda: client.ask.run_report(report, retry=None), "a 503")
    sandbox("faults", {"route": "runReport", "kind": "expired_token"})
    old = credentials.token
    assert figures(client.ask.run_report(report, retry=None), ("date",)) == days  # google-auth renews on 401
    assert credentials.token != old
    stale = Client(google.oauth2.credentials.Credentials(old))
    must_fail((RefreshError, Unauthorized), lambda: stale.ask.run_report(report, retry=None), "a token that is over")
    wrong = Client(signed_in("another secret"))
    must_fail(RefreshError, lambda: wrong.ask.run_report(report, retry=None), "a wrong client secret")
    odd = request(("date",), first, yesterday)
    odd.metrics = [Metric(name="visits")]
    must_fail(BadRequest, lambda: client.ask.run_report(odd, retry=None), "an unknown metric")
    odd.property = "properties/1"
    must_fail(Forbidden, lambda: client.ask.run_report(odd, retry=None), "another property")
    say("429, 503, an expired token, a wrong secret, unknown fields and properties are told in Google's envelope")

    sandbox("clock", {"as_of": earlier.isoformat()})
    before, _ = client.pages(10_000, ("date",), first, earlier - timedelta(days=1))
    sandbox("clock", {"as_of": clock.isoformat()})
    restated = [day for day in before if days[day] != before[day]]
    assert restated and all(days[day][0] >= before[day][0] for day in restated)
    assert min(restated)[0] >= (earlier - timedelta(days=3)).strftime("%Y%m%d")
    say(f"{len(restated)} days were restated upwards by visits that came late")

    for kind, error in {
        "malformed_row": InvalidOperation, "schema_change": IndexError, "truncated": Exception,
    }.items():  # fmt: skip
        sandbox("faults", {"route": "runReport", "kind": kind})
        told = must_fail(error, lambda: figures(client.ask.run_report(report, retry=None), ("date",)), kind)
        say(f"it bites: {kind}: {type(told).__name__}")


main()
