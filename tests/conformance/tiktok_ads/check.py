"""TikTok's own Python SDK reads the sandbox: accounts, entities, the report over several pages, throttled, revoked, restated.

The SDK types requests, and the envelope of answers; `data` is an untyped object in the vendor's OpenAPI files. So the proof that
it bites is the reading of a row's figures through the SDK.
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

import business_api_client as sdk
from business_api_client.api_client import TiktokSDKError

PREFIX = "SOURCES__TIKTOK_ADS__"
METRICS = ["spend", "clicks", "impressions", "complete_payment", "web_event_add_to_cart"]
LEVELS = {"AUCTION_ADVERTISER": "advertiser_id", "AUCTION_CAMPAIGN": "campaign_id", "AUCTION_AD": "ad_id"}
Figures = dict[str, tuple[Decimal, ...]]  # by day: each of METRICS


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


class Reader:
    """What a user of the SDK would write."""

    def __init__(self, url: str) -> None:
        configuration = sdk.Configuration()
        configuration.host = f"{url}/tiktok_ads"
        client = sdk.ApiClient(configuration)
        self.reports, self.ads = sdk.ReportingApi(client), sdk.AdApi(client)
        self.campaigns, self.ad_groups = sdk.CampaignCreationApi(client), sdk.AdgroupApi(client)
        self.management, self.authentication = sdk.AccountManagementApi(client), sdk.AuthenticationApi(client)
        self.token = os.environ[f"{PREFIX}ACCESS_TOKEN"]
        self.codes: list[str] = []

    def data(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer's data; a throttled call is made again. Raises the SDK's error."""
        for _ in range(4):
            try:
                return call(*args, self.token, **kwargs)["data"]
            except TiktokSDKError as e:
                self.codes.append(str(e))
                if "40100" not in str(e):
                    raise
                time.sleep(1)
        raise AssertionError("throttled for ever")

    def pages(self, call: Any, *args: Any, page_size: int, **kwargs: Any) -> tuple[list[Any], int]:
        rows: list[Any] = []
        page = n_pages = 1
        while page <= n_pages:
            data = self.data(call, *args, page=page, page_size=page_size, **kwargs)
            rows += data["list"]
            n_pages, page = data["page_info"]["total_page"], page + 1
        assert len(rows) == data["page_info"]["total_number"]
        return rows, n_pages

    def report(self, account: str, level: str, start: date, end: date, page_size: int = 20) -> tuple[Figures, int]:
        rows, n_pages = self.pages(
            self.reports.report_integrated_get, "BASIC", page_size=page_size, advertiser_id=account, data_level=level,
            service_type="AUCTION", dimensions=[LEVELS[level], "stat_time_day"], metrics=METRICS,
            start_date=start.isoformat(), end_date=end.isoformat(),
        )  # fmt: skip
        found: Figures = {}
        for row in rows:
            assert all(isinstance(v, str) for v in row["metrics"].values())
            day = row["dimensions"]["stat_time_day"][:10]
            figures = [Decimal(row["metrics"][metric]) for metric in METRICS]
            found[day] = tuple(a + b for a, b in zip(found.get(day, (Decimal(0),) * 5), figures, strict=True))
        return found, n_pages


def main(url: str) -> None:
    reader = Reader(url)
    about = control(url, "state", method="GET")
    clock = date.fromisoformat(about["clock"])
    start = max(date.fromisoformat(about["from"]), clock - timedelta(days=29))

    app = (os.environ[f"{PREFIX}APP_ID"], os.environ[f"{PREFIX}SECRET"])
    [account] = [a["advertiser_id"] for a in reader.data(reader.authentication.oauth2_advertiser_get, *app)["list"]]
    [info] = reader.data(reader.management.advertiser_info, [account])["list"]
    assert (info["currency"], info["timezone"]) == ("NOK", "Europe/Oslo")
    ads, n_pages = reader.pages(reader.ads.ad_get, account, page_size=4)
    assert n_pages > 1
    groups, _ = reader.pages(reader.ad_groups.adgroup_get, account, page_size=100)
    campaigns, _ = reader.pages(
        reader.campaigns.campaign_get,
        account,
        page_size=100,
        filtering=sdk.FilteringCampaignGet(primary_status="STATUS_ALL"),
    )
    assert {a["adgroup_id"] for a in ads} <= {g["adgroup_id"] for g in groups}
    assert {g["campaign_id"] for g in groups} <= {c["campaign_id"] for c in campaigns}

    seen_before: Figures = {}  # each day as it was told first; clicks are taken back and conversions come late
    for nights_ago in range((clock - start).days, 0, -1):
        control(url, "clock", {"as_of": (clock - timedelta(days=nights_ago)).isoformat()})
        seen_before = reader.report(account, "AUCTION_ADVERTISER", start, clock)[0] | seen_before
    control(url, "clock", {"as_of": clock.isoformat()})
    control(url, "faults", {"route": "/tiktok_ads/.*report", "kind": "rate_limit", "after": 1})
    totals = {level: reader.report(account, level, start, clock) for level in LEVELS}
    assert any("40100" in said for said in reader.codes)
    assert totals["AUCTION_AD"][1] > 1
    account_days = totals["AUCTION_ADVERTISER"][0]
    assert all(figures == account_days for figures, _ in totals.values())
    restated = [day for day, figures in seen_before.items() if account_days[day] != figures]
    assert restated
    assert all(account_days[day][1] <= seen_before[day][1] for day in restated)  # never more than at first

    control(url, "faults", {"route": "/tiktok_ads/", "kind": "expired_token"})
    must_fail(TiktokSDKError, lambda: reader.report(account, "AUCTION_AD", start, clock), "a revoked token")
    assert reader.report(account, "AUCTION_AD", start, clock)[0] == account_days
    bad = {"advertiser_id": account, "data_level": "AUCTION_AD", "dimensions": ["ad_id"], "metrics": ["cost"]}
    days = {"start_date": start.isoformat(), "end_date": clock.isoformat()}
    must_fail(
        TiktokSDKError,
        lambda: reader.data(reader.reports.report_integrated_get, "BASIC", **bad, **days),
        "an unknown metric",
    )
    for kind, error in {"malformed_row": InvalidOperation, "schema_change": KeyError, "truncated": TypeError}.items():
        control(url, "faults", {"route": "/tiktok_ads/.*report", "kind": kind})
        must_fail(error, lambda: reader.report(account, "AUCTION_AD", start, clock), kind)
    sys.stdout.write(
        f"{len(ads)} ads, {len(account_days)} days of {sum(f[0] for f in account_days.values())} {info['currency']}; "
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
