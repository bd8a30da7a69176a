"""LinkedIn's own Python client reads the sandbox: OAuth, accounts, structure by pages, reports plain and tunnelled, posts.

The client types envelopes and writes Rest.li; elements are plain dicts. It raises on no status, so `Reader.ask` looks at it, as its
examples do. The proof that it bites is the reading of an element's figures.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from linkedin_api.clients.auth.client import AuthClient
from linkedin_api.clients.restli.client import RestliClient
from linkedin_api.common import constants
from linkedin_api.common.errors import ResponseFormattingError

PREFIX = "SOURCES__LINKEDIN_ADS__"
VERSION = "202610"
FIELDS = "dateRange,pivotValues,impressions,clicks,costInLocalCurrency,externalWebsiteConversions"
Figures = dict[str, tuple[Decimal, int, int, int]]  # by day: cost, clicks, impressions, conversions


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


class Reader:
    """What a user of the client would write."""

    def __init__(self, url: str) -> None:
        constants.OAUTH_BASE_URL = f"{url}/linkedin_ads/oauth/v2"
        constants.VERSIONED_BASE_URL = f"{url}/linkedin_ads/rest"
        self.auth = AuthClient(os.environ[f"{PREFIX}CLIENT_ID"], os.environ[f"{PREFIX}CLIENT_SECRET"])
        self.client = RestliClient()
        self.methods: list[str] = []
        self.codes: list[str] = []
        self.renew()

    def renew(self) -> None:
        got = self.auth.exchange_refresh_token_for_access_token(os.environ[f"{PREFIX}REFRESH_TOKEN"])
        assert (got.status_code, got.expires_in, got.refresh_token_expires_in) == (200, 60 * 86400, 365 * 86400)
        self.token = got.access_token
        assert self.auth.introspect_access_token(self.token).active

    def ask(self, path: str, finder: str, version: str = VERSION, **query: Any) -> Any:
        """A finder's answer; a throttled call is made again, a token renewed. Raises PermissionError with the vendor's code."""
        keys = {"account": query.pop("account")} if "{account}" in path else None
        for _ in range(4):
            answer = self.client.finder(
                resource_path=path, finder_name=finder, access_token=self.token, path_keys=keys, query_params=query,
                version_string=version,
            )  # fmt: skip
            self.methods.append(answer.response.request.method)
            if answer.status_code == 200:
                return answer
            said = answer.response.json()
            assert said["status"] == answer.status_code
            self.codes.append(said["code"])
            if said["code"] == "TOO_MANY_REQUESTS":
                time.sleep(int(answer.headers["Retry-After"]))
            elif said["code"] == "EXPIRED_ACCESS_TOKEN":
                self.renew()
            else:
                raise PermissionError(said["code"])
        raise AssertionError("throttled for ever")

    def pages(self, path: str, finder: str, size: int, **query: Any) -> tuple[list[Any], int]:
        rows: list[Any] = []
        n_pages, more = 0, dict[str, str]()
        while True:
            answer = self.ask(path, finder, pageSize=size, **query, **more)
            rows, n_pages = rows + answer.elements, n_pages + 1
            token = answer.response.json()["metadata"].get("nextPageToken")  # the client drops metadata
            if not token:
                return rows, n_pages
            more = {"pageToken": token}

    def report(self, account: str, pivot: str, start: date, end: date, **only: Any) -> Figures:
        days = {"start": _parts(start), "end": _parts(end)}
        answer = self.ask(
            "/adAnalytics", "analytics", pivot=pivot, timeGranularity="DAILY", dateRange=days, fields=FIELDS,
            accounts=[f"urn:li:sponsoredAccount:{account}"], **only,
        )  # fmt: skip
        found: Figures = {}
        for row in answer.elements:
            assert isinstance(row["impressions"], int) and row["pivotValues"][0].startswith("urn:li:sponsored")
            day = date(**row["dateRange"]["start"]).isoformat()
            new = (
                Decimal(row["costInLocalCurrency"]),
                row["clicks"],
                row["impressions"],
                row["externalWebsiteConversions"],
            )
            found[day] = tuple(a + b for a, b in zip(found.get(day, (Decimal(0), 0, 0, 0)), new, strict=True))
        return found


def _parts(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def main(url: str) -> None:
    reader = Reader(url)
    about = control(url, "state", method="GET")
    clock, earlier = date.fromisoformat(about["clock"]), date.fromisoformat(about["clock"]) - timedelta(days=10)
    start = max(date.fromisoformat(about["from"]), clock - timedelta(days=29))

    accounts, _ = reader.pages(
        "/adAccounts", "search", 10, search={"status": {"values": ["ACTIVE", "DRAFT"]}, "test": False}
    )
    own = "/adAccounts/{account}"
    account, creatives, n_pages = "", list[Any](), 0
    for one in (str(a["id"]) for a in accounts):
        rows, n = reader.pages(
            f"{own}/creatives", "criteria", 3, account=one, intendedStatuses=["ACTIVE", "PAUSED", "REMOVED"]
        )
        if len(rows) > len(creatives):
            account, creatives, n_pages = one, rows, n
    assert n_pages > 1 and len({c["id"] for c in creatives}) == len(creatives)
    campaigns, _ = reader.pages(f"{own}/adCampaigns", "search", 2, account=account)
    groups, _ = reader.pages(f"{own}/adCampaignGroups", "search", 2, account=account)
    assert {c["campaign"] for c in creatives} <= {f"urn:li:sponsoredCampaign:{c['id']}" for c in campaigns}
    assert {c["campaignGroup"] for c in campaigns} <= {f"urn:li:sponsoredCampaignGroup:{g['id']}" for g in groups}
    ids = [c["content"]["reference"] for c in creatives]
    posts = reader.client.batch_get(resource_path="/posts", ids=ids, access_token=reader.token, version_string=VERSION)
    assert all(posts.results[i]["contentLandingPage"].startswith("https://") for i in ids)

    control(url, "clock", {"as_of": earlier.isoformat()})
    first = reader.report(account, "ACCOUNT", start, earlier)
    control(url, "clock", {"as_of": clock.isoformat()})
    control(url, "faults", {"route": "/linkedin_ads/.*Analytics", "kind": "rate_limit", "after": 1})
    control(url, "faults", {"route": "/linkedin_ads/.*Analytics", "kind": "expired_token", "after": 2})
    days = reader.report(account, "ACCOUNT", start, clock)
    assert all(
        reader.report(account, pivot, start, clock) == days for pivot in ("CAMPAIGN_GROUP", "CAMPAIGN", "CREATIVE")
    )
    assert reader.codes == ["TOO_MANY_REQUESTS", "EXPIRED_ACCESS_TOKEN"]
    many = [f"urn:li:sponsoredCampaign:{c['id']}" for c in campaigns] + [
        f"urn:li:sponsoredCampaign:{n}" for n in range(200)
    ]
    assert "POST" not in reader.methods
    assert (
        reader.report(account, "CREATIVE", start, clock, campaigns=many) == days
    )  # so long that the client tunnels it
    assert "POST" in reader.methods
    restated = [day for day, figures in first.items() if days[day] != figures]
    assert restated
    assert all(days[day][1] <= first[day][1] for day in restated)  # invalid clicks are taken back

    must_fail(
        PermissionError,
        lambda: reader.ask("/adAnalytics", "analytics", pivot="CREATIVE", fields="spend"),
        "an unknown field",
    )
    must_fail(PermissionError, lambda: reader.ask("/adAccounts", "search", version="202401"), "a version switched off")
    must_fail(PermissionError, lambda: reader.ask("/adAccounts", "search", colour="blue"), "an unknown parameter")
    assert reader.codes[-3:] == ["ILLEGAL_ARGUMENT", "NONEXISTENT_VERSION", "QUERY_PARAM_NOT_ALLOWED"]
    for kind, error in {
        "malformed_row": InvalidOperation, "schema_change": KeyError, "truncated": ResponseFormattingError,
    }.items():  # fmt: skip
        control(url, "faults", {"route": "/linkedin_ads/.*Analytics", "kind": kind})
        must_fail(error, lambda: reader.report(account, "CREATIVE", start, clock), kind)
    currency = next(a["currency"] for a in accounts if str(a["id"]) == account)
    sys.stdout.write(
        f"{len(creatives)} creatives on {n_pages} pages, {len(days)} days of {sum(f[0] for f in days.values())} {currency}; "
        f"{len(restated)} days restated; malformed, renamed and cut-off answers do not pass\n"
    )


def must_fail(error: type[Exception], call: Any, what: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    main(sys.argv[1])
