"""Meta's own Python SDK reads the sandbox: accounts, edges and insights over several pages, at once, as a report run and in a
batch; throttled, with a token that is over, restated.

The SDK checks the type of every row it is given; fields are read by their declared names, which is what a renamed one breaks.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookBadObjectError, FacebookError, FacebookRequestError
from facebook_business.session import FacebookSession

PREFIX = "SOURCES__META_ADS__"
FIELD = AdsInsights.Field
Figures = dict[str, tuple[Decimal, int, int]]  # by day: spend, clicks, impressions


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


def refused(call: Callable[[], Any], kind: type[FacebookError] = FacebookRequestError) -> Any:
    """The SDK's error of a call that must fail."""
    try:
        call()
    except kind as e:
        return e
    raise AssertionError(f"the SDK took what it should refuse with {kind.__name__}")


def patiently(call: Callable[[], Any], codes: list[int]) -> Any:
    """The call's answer; a throttled one is made again."""
    for _ in range(4):
        try:
            return call()
        except FacebookRequestError as e:
            codes.append(int(e.api_error_code()))
            if e.api_error_code() not in (4, 17, 80000, 80004):
                raise
            time.sleep(1)
    raise AssertionError("throttled for ever")


def figures(rows: Iterable[Any]) -> Figures:
    found: defaultdict[str, list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
    for row in rows:
        day = found[row[FIELD.date_start]]
        day[0] += Decimal(row[FIELD.spend])
        day[1] += int(row[FIELD.clicks])
        day[2] += int(row[FIELD.impressions])
    return {k: (v[0], v[1], v[2]) for k, v in found.items()}


def params(level: str, since: date, until: date, **more: Any) -> dict[str, Any]:
    span = {"since": since.isoformat(), "until": until.isoformat()}
    return {"level": level, "time_range": span, "time_increment": "1", "limit": 40, **more}


FIELDS = [FIELD.campaign_id, FIELD.ad_id, FIELD.spend, FIELD.clicks, FIELD.impressions, FIELD.actions]


def main(url: str) -> None:
    clock = date.fromisoformat(control(url, "state", method="GET")["clock"])
    FacebookSession.GRAPH = f"{url}/meta_ads"
    FacebookAdsApi.init(
        app_secret=os.environ[f"{PREFIX}APP_SECRET"],
        access_token=os.environ[f"{PREFIX}ACCESS_TOKEN"],
        api_version="v26.0",
    )
    accounts = list(User("me").get_ad_accounts(fields=[AdAccount.Field.currency, AdAccount.Field.timezone_name]))
    assert len(accounts) == 2, accounts
    account = max(accounts, key=lambda a: len(a.get_campaigns()))
    assert account[AdAccount.Field.currency] == "NOK"

    # edges, by the SDK's cursor
    ads = list(
        account.get_ads(fields=[Ad.Field.name, Ad.Field.effective_status, Ad.Field.creative], params={"limit": 9})
    )
    assert len(ads) > 30, "several pages"
    assert len({a["id"] for a in ads}) == len(ads)
    ad_sets = list(
        account.get_ad_sets(fields=[AdSet.Field.attribution_spec, AdSet.Field.targeting], params={"limit": 9})
    )
    assert {s[AdSet.Field.attribution_spec][0]["event_type"] for s in ad_sets} == {"CLICK_THROUGH"}
    creatives = {
        c["id"] for c in account.get_ad_creatives(fields=[AdCreative.Field.object_story_spec], params={"limit": 50})
    }
    assert {a[Ad.Field.creative]["id"] for a in ads} <= creatives
    campaigns = list(account.get_campaigns(fields=[Campaign.Field.name, Campaign.Field.objective], params={"limit": 3}))
    assert {c[Campaign.Field.objective] for c in campaigns} <= set(Campaign.Objective.__dict__.values())

    # insights at once: each level from its own report, over pages, through a throttle
    since, until = clock - timedelta(days=10), clock - timedelta(days=1)
    codes: list[int] = []
    control(url, "faults", {"route": "/meta_ads/.*/insights", "kind": "rate_limit", "times": 2})
    by_level: dict[str, Figures] = {}
    for level in ("account", "campaign", "adset", "ad"):
        asked = params(level, since, until)
        rows = patiently(lambda asked=asked: list(account.get_insights(fields=FIELDS, params=asked)), codes)
        assert all(isinstance(r, AdsInsights) for r in rows)
        by_level[level] = figures(rows)
    assert codes == [80000, 80000], codes
    assert len(by_level["account"]) == 10
    assert all(f == by_level["account"] for f in by_level.values()), "levels differ"

    # the same as a report run
    run = account.get_insights_async(fields=FIELDS, params=params("ad", since, until))
    assert isinstance(run, AdReportRun)
    seen = []
    while not seen or seen[-1] != "Job Completed":
        run = run.api_get()
        seen.append(run[AdReportRun.Field.async_status])
        assert len(seen) < 20
    assert seen[0] == "Job Running"
    assert figures(run.get_insights(params={"limit": 60})) == by_level["ad"], "a report run differs"

    # the same in a batch, object by object
    batch, parts = FacebookAdsApi.get_default_api().new_batch(), []
    for campaign in campaigns:
        whole = {"time_range": {"since": since.isoformat(), "until": until.isoformat()}}
        campaign.get_insights(
            fields=[FIELD.spend, FIELD.clicks, FIELD.impressions], params=whole, batch=batch,
            success=lambda answer: parts.extend(answer.json()["data"]),
            failure=lambda answer: sys.exit(f"batch: {answer.error()}"),
        )  # fmt: skip
    batch.execute()
    assert sum(Decimal(p["spend"]) for p in parts) == sum(f[0] for f in by_level["account"].values()), "a batch differs"

    # refusals, in the words the SDK reads
    much = refused(lambda: account.get_insights(fields=["spend"], params=params("ad", date(2020, 1, 1), until)))
    assert much.api_error_code() == 3018
    control(url, "faults", {"route": "/meta_ads/", "kind": "expired_token"})
    over = refused(lambda: account.get_campaigns())
    assert (over.api_error_code(), over.api_error_subcode(), over.http_status()) == (190, 463, 400)
    stranger = refused(lambda: account.get_insights(fields=["cost_micros"], params=params("ad", since, until)))
    assert stranger.api_error_code() == 100

    # restated: invalid clicks are credited, and late conversions added, days later
    def by_ad() -> dict[tuple[str, str], Any]:
        rows = account.get_insights(fields=FIELDS, params=params("ad", since, until, limit=200))
        return {(r[FIELD.date_start], r[FIELD.ad_id]): r.export_all_data() for r in rows}

    now = by_ad()
    control(url, "clock", {"as_of": (clock - timedelta(days=5)).isoformat()})
    early = by_ad()
    control(url, "clock", {"as_of": clock.isoformat()})
    assert {day for day, _ in early} == {day for day, _ in now if day < (clock - timedelta(days=5)).isoformat()}
    assert any(row != now[key] for key, row in early.items()), "nothing was restated"
    assert by_ad() == now

    # it bites
    def read() -> Figures:
        return figures(account.get_insights(fields=FIELDS, params=params("account", since, until)))

    control(url, "faults", {"route": "/meta_ads/.*/insights", "kind": "malformed_row"})
    refused(read, FacebookBadObjectError)
    control(url, "faults", {"route": "/meta_ads/.*/insights", "kind": "schema_change"})
    try:
        read()
    except KeyError as e:
        assert e.args == (FIELD.spend,), e
    else:
        raise AssertionError("the SDK read a renamed field")
    assert read() == by_level["account"]
    spent = sum(f[0] for f in by_level["ad"].values())
    sys.stdout.write(f"{len(ads)} ads, {len(campaigns)} campaigns, {spent} NOK on every level and way\n")


if __name__ == "__main__":
    main(sys.argv[1])
