"""google-ads' own messages read the sandbox: every chunk through SearchGoogleAdsStreamResponse.from_json, pages through
SearchGoogleAdsResponse.from_json. The package speaks gRPC only, so the calls are made by hand. Usage: check.py <url>.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from typing import Any

from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure
from google.ads.googleads.v26.services.types.google_ads_service import (
    SearchGoogleAdsResponse,
    SearchGoogleAdsStreamResponse,
)
from google.protobuf.json_format import ParseError

URL = sys.argv[1]
SETTING = "SOURCES__GOOGLE_ADS__"
FIRST, LAST = "2026-11-06", "2026-11-18"
FIGURES = "metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions"


class Client:
    """Bearer token, developer token, and the manager through which accounts are entered."""

    def __init__(self) -> None:
        self.base = os.environ[f"{SETTING}BASE_URL"]
        self.token = ""
        self.manager = ""
        self.renew()
        self.manager = self.call("GET", "v26/customers:listAccessibleCustomers")["resourceNames"][0].split("/")[1]

    def renew(self) -> None:
        form = {k.lower(): os.environ[SETTING + k] for k in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")}
        data = urllib.parse.urlencode({"grant_type": "refresh_token", **form}).encode()
        with urllib.request.urlopen(os.environ[f"{SETTING}TOKEN_URL"], data, timeout=30) as answer:
            self.token = json.load(answer)["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "developer-token": os.environ[f"{SETTING}DEVELOPER_TOKEN"],
            "Content-Type": "application/json",
            "X-Sandbox-Page-Rows": "1000",  # Google's pages have 10,000 rows, and the company of this check is small
            **({"login-customer-id": self.manager} if self.manager else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stream(self, account: str, query: str) -> list[Any]:
        """The rows as the package's messages."""
        chunks = self.call("POST", f"v26/customers/{account}/googleAds:searchStream", {"query": query})
        return [r for c in chunks for r in SearchGoogleAdsStreamResponse.from_json(json.dumps(c)).results]

    def search(self, account: str, query: str) -> tuple[list[Any], int]:
        """The rows and the number of pages."""
        body: dict[str, Any] = {"query": query, "searchSettings": {"returnTotalResultsCount": True}}
        rows: list[Any] = []
        n = 0
        while True:
            answer = self.call("POST", f"v26/customers/{account}/googleAds:search", body)
            page = SearchGoogleAdsResponse.from_json(json.dumps(answer))
            rows, n = [*rows, *page.results], n + 1
            if not page.next_page_token:
                assert page.total_results_count == len(rows)
                return rows, n
            body["pageToken"] = page.next_page_token


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def sandbox(what: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(f"{URL}/_sandbox/{what}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60):
        pass


def refused(client: Client, account: str, query: str) -> tuple[int, str, list[str]]:
    """(HTTP status, status word, codes) of a call that must fail; its details are read by the package."""
    try:
        client.stream(account, query)
    except urllib.error.HTTPError as e:
        error = json.load(e)[0]["error"]
        codes = []
        for detail in error["details"]:
            if detail.pop("@type").endswith("GoogleAdsFailure"):
                for fault in GoogleAdsFailure.from_json(json.dumps(detail)).errors:
                    which = fault.error_code._pb.WhichOneof("error_code")
                    codes.append(getattr(fault.error_code, which).name)
        return e.code, error["status"], codes
    raise AssertionError(f"not refused: {query}")


def totals(rows: list[Any]) -> dict[str, tuple[int, int, int]]:
    """Impressions, clicks and cost by day."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        m = row.metrics
        for i, figure in enumerate((m.impressions, m.clicks, m.cost_micros)):
            found[row.segments.date][i] += figure
    return {day: (n[0], n[1], n[2]) for day, n in found.items()}


def main() -> None:
    client = Client()
    clients = client.stream(client.manager, "SELECT customer_client.id, customer_client.manager FROM customer_client")
    accounts = [str(r.customer_client.id) for r in clients if not r.customer_client.manager]
    assert len(accounts) >= 2, accounts
    days = f"segments.date BETWEEN '{FIRST}' AND '{LAST}'"
    figures = {}
    for account in accounts:
        own = client.stream(account, f"SELECT segments.date, {FIGURES} FROM customer WHERE {days}")
        campaigns = client.stream(
            account,
            "SELECT campaign.id, campaign.advertising_channel_type, segments.date, segments.device, "
            f"segments.ad_network_type, {FIGURES} FROM campaign WHERE {days}",
        )
        assert totals(own) == totals(campaigns), account
        assert len(totals(own)) == 13 and all(figure > 0 for figure in map(sum, totals(own).values()))
        figures[account] = totals(own)
        for query in (
            "SELECT campaign.name, campaign.status, campaign.start_date_time, campaign_budget.amount_micros FROM campaign",
            "SELECT ad_group.name, ad_group.type, ad_group.cpc_bid_micros FROM ad_group",
            "SELECT ad_group_ad.ad.final_urls, ad_group_ad.ad.type, ad_group_ad.status FROM ad_group_ad",
            "SELECT ad_group_criterion.keyword.text, ad_group_criterion.keyword.match_type FROM ad_group_criterion",
            "SELECT conversion_action.category, conversion_action.counting_type FROM conversion_action",
            f"SELECT segments.date, segments.conversion_action, segments.conversion_action_category, "
            f"metrics.all_conversions_by_conversion_date FROM campaign WHERE {days}",
            f"SELECT segments.date, segments.conversion_lag_bucket, metrics.conversions FROM campaign WHERE {days}",
            f"SELECT segments.date, segments.keyword.info.text, segments.search_term_match_type, metrics.clicks, "
            f"search_term_view.search_term FROM search_term_view WHERE {days}",
            "SELECT change_status.resource_type, change_status.resource_status, change_status.campaign FROM change_status "
            f"WHERE change_status.last_change_date_time BETWEEN '2026-09-01' AND '{LAST}' LIMIT 10000",
            f"SELECT click_view.gclid, click_view.keyword_info.text, metrics.clicks FROM click_view "
            f"WHERE segments.date = '{LAST}'",
        ):
            client.stream(account, query)
    say(
        f"{len(accounts)} accounts: campaigns add up to the account on {len(figures[accounts[0]])} days; every resource is read"
    )

    keywords = (
        "SELECT ad_group_ad.ad.id, segments.date, segments.device, segments.ad_network_type, metrics.impressions "
        "FROM ad_group_ad WHERE segments.date BETWEEN '2026-10-31' AND '2026-11-19'"
    )
    big = max(accounts, key=lambda a: sum(n[0] for n in figures[a].values()))
    paged, n_pages = client.search(big, keywords)
    streamed = client.stream(big, keywords)
    assert len(paged) == len(streamed) > 2000
    assert n_pages >= 3
    say(f"search: {len(paged):,} rows on {n_pages} pages, the stream the same")

    query = "SELECT campaign.id, campaign.status FROM campaign"
    sandbox("faults", {"route": "searchStream", "kind": "rate_limit"})
    assert refused(client, big, query) == (429, "RESOURCE_EXHAUSTED", ["RESOURCE_TEMPORARILY_EXHAUSTED"])
    assert client.stream(big, query)
    sandbox("faults", {"route": "searchStream", "kind": "expired_token"})
    assert refused(client, big, query) == (401, "UNAUTHENTICATED", [])
    assert refused(client, big, query) == (401, "UNAUTHENTICATED", [])  # the old token stays refused
    client.renew()
    assert client.stream(big, query)
    assert refused(client, big, "SELECT campaign.nome FROM campaign") == (
        400,
        "INVALID_ARGUMENT",
        ["UNRECOGNIZED_FIELD"],
    )
    say("429, expired token and unknown field are told in Google's envelope")

    sandbox("clock", {"as_of": "2026-11-13"})
    asked = f"SELECT segments.date, {FIGURES} FROM customer WHERE segments.date BETWEEN '{FIRST}' AND '2026-11-12'"
    early = {a: totals(client.stream(a, asked)) for a in accounts}
    sandbox("clock", {"as_of": "2026-11-20"})
    late = {a: totals(client.stream(a, asked)) for a in accounts}
    changed = [(a, d) for a in accounts for d in late[a] if late[a][d] != early[a][d]]
    assert changed, "no day was restated"
    assert all(late[a][d] <= early[a][d] for a, d in changed)
    assert all(late[a][d] == figures[a][d] for a in accounts for d in late[a])
    say(f"{len(changed)} days were restated downwards within the week, to what the whole window says")

    for kind in ("malformed_row", "schema_change"):
        sandbox("faults", {"route": "searchStream", "kind": kind})
        try:
            client.stream(big, f"SELECT segments.date, {FIGURES} FROM customer WHERE {days}")
        except ParseError as e:
            say(f"it bites: {kind}: {str(e)[:100]}")
        else:
            raise AssertionError(f"{kind}: the package read it all the same")


main()
