"""adAnalytics: figures by day and by what they are grouped by. No paging; what is over the limit is silently cut off."""

from __future__ import annotations

from datetime import date
from typing import Any

from ingestion.sandbox.server.vendor import Desk
from ingestion.sandbox.server.vendors.linkedin_ads.restli import Refused, illegal

MAX_METRICS = 20
REACH_DAYS = 92  # approximateMemberReach is null for longer ranges
# pivot -> (column of the facts, what the value begins with)
PIVOTS = {
    "ACCOUNT": ("account_id", "urn:li:sponsoredAccount:"),
    "CAMPAIGN_GROUP": ("campaign_id", "urn:li:sponsoredCampaignGroup:"),
    "CAMPAIGN": ("ad_group_id", "urn:li:sponsoredCampaign:"),
    "CREATIVE": ("ad_id", "urn:li:sponsoredCreative:"),
    "CONVERSION": ("action_id", "urn:lla:llaPartnerConversion:"),
    "IMPRESSION_DEVICE_TYPE": ("device", ""),
}
FACETS = {
    "accounts": ("account_id", "urn:li:sponsoredAccount:"),
    "campaignGroups": ("campaign_id", "urn:li:sponsoredCampaignGroup:"),
    "campaigns": ("ad_group_id", "urn:li:sponsoredCampaign:"),
    "creatives": ("ad_id", "urn:li:sponsoredCreative:"),
}
_MONEY = "cast({} // 10000 as decimal(18, 0)) * cast(0.01 as decimal(3, 2))"
METRICS = {
    "impressions": "sum(impressions)::bigint",
    "clicks": "sum(clicks)::bigint",
    "landingPageClicks": "sum(clicks)::bigint",
    "totalEngagements": "sum(clicks)::bigint",
    "costInLocalCurrency": f"({_MONEY.format('sum(cost_micros)')})::varchar",
    "costInUsd": "round(sum(cost_micros * to_usd) / 1e6, 6)::decimal(18, 6)::varchar",
    "externalWebsiteConversions": "sum(clicked + viewed)::bigint",
    "externalWebsitePostClickConversions": "sum(clicked)::bigint",
    "externalWebsitePostViewConversions": "sum(viewed)::bigint",
    "conversionValueInLocalCurrency": f"({_MONEY.format('sum(value_micros)')})::varchar",
    "oneClickLeads": "sum(leads)::bigint",
    "oneClickLeadFormOpens": "sum(leads)::bigint",
    # of the people an ad can reach, those that so many impressions have met; never adds up
    "approximateMemberReach": "coalesce(round(max(audience) * (1 - exp(-sum(impressions) / max(audience)))), 0)::bigint",
}  # what the company does not do counts nothing
METRICS |= {
    name: "0::bigint"
    for name in [
        "actionClicks",
        "adUnitClicks",
        "cardClicks",
        "cardImpressions",
        "commentLikes",
        "comments",
        "companyPageClicks",
        "follows",
        "likes",
        "opens",
        "otherEngagements",
        "qualifiedLeads",
        "reactions",
        "registrations",
        "sends",
        "shares",
        "textUrlClicks",
        "validWorkEmailLeads",
        "videoCompletions",
        "videoFirstQuartileCompletions",
        "videoMidpointCompletions",
        "videoStarts",
        "videoThirdQuartileCompletions",
        "videoViews",
        "viralImpressions",
        "viralClicks",
    ]
}
_PERIODS = {"DAILY": "date", "MONTHLY": "date_trunc('month', date)::date", "ALL": "$start::date"}
_FACTS = """
    select date, account_id, campaign_id, ad_group_id, ad_id, null as action_id, upper(device) as device, impressions, clicks,
           cost_micros, 0 as clicked, 0 as viewed, 0 as value_micros, 0 as leads
    from now.ad_delivery where platform = 'linkedin_ads'
    union all
    select touch_date, account_id, campaign_id, ad_group_id, ad_id, action_id, upper(device), 0, 0,
           0, (kind = 'click')::int, (kind = 'view')::int, value_micros, 0
    from now.ad_conversions where platform = 'linkedin_ads'
    union all
    select (submitted_at at time zone 'UTC')::date, account_id, campaign_id, ad_group_id, ad_id, null, null, 0, 0,
           0, 0, 0, 0, 1
    from now.lead_form_responses
"""


def answer(desk: Desk, query: dict[str, Any], max_elements: int) -> dict[str, Any]:
    """{"paging", "elements": [{"pivotValues", "dateRange", metrics..}]}. Conversions are told on the day of the click or view."""
    pivots = _pivots(query)
    first, last = _range(query, desk.clock)
    granularity = query.get("timeGranularity")
    if granularity not in _PERIODS:
        raise illegal(f"Invalid value for timeGranularity: {granularity!r}")
    fields = query.get("fields", ["impressions", "clicks"])
    if unknown := [f for f in fields if f not in METRICS and f not in ("pivotValues", "dateRange")]:
        raise illegal(
            f"Unpermitted fields present in PARAMETER: Data Processing Exception while processing fields [/{unknown[0]}]"
        )
    if len(metrics := [f for f in fields if f in METRICS]) > MAX_METRICS:
        raise illegal(f"Too many fields requested: {len(metrics)}; at most {MAX_METRICS}")

    given = {name: _ids(query[name], name) for name in FACETS if name in query}
    if not given:
        raise illegal("At least one of accounts, campaignGroups, campaigns, creatives must be present")
    parameters: dict[str, Any] = {"start": first, "end": last, "cut": max_elements, **given}
    inside = " and ".join(f"list_contains(${name}, {FACETS[name][0]})" for name in given)
    columns = [PIVOTS[p][0] for p in pivots]
    keep = " and ".join(f"{c} is not null" for c in columns)
    period = _PERIODS[granularity]
    picked = ", ".join(f'{METRICS[m]} as "{m}"' for m in metrics)
    usd = "now.exchange_rates where currency = 'USD' order by date"
    sql = f"""
        with facts as (
            select f.*, greatest(a.audience_size, 1)::double as audience
            from (select * from ({_FACTS}) where date between $start and $end and {inside} and {keep}) f
            left join now.ads a on a.platform = 'linkedin_ads' and a.ad_id = f.ad_id
        ),
        valued as (  -- with what a unit of the account's currency is in dollars
            select facts.*, (case when a.currency = 'USD' then 1 else r.rate / r.unit / (u.rate / u.unit) end)::double as to_usd
            from facts
            join now.ad_accounts a on a.platform = 'linkedin_ads' and a.account_id = facts.account_id
            asof left join (select * from now.exchange_rates order by date) r
                on r.currency = a.currency and facts.date >= r.date
            asof left join (select * from {usd}) u on facts.date >= u.date
        )
        select {period} as "_day", {", ".join(columns)}{"," if picked else ""} {picked}
        from {"valued" if "costInUsd" in metrics else "facts"}
        group by all order by all limit $cut
    """
    elements = []
    for row in desk.rows(sql, parameters):
        day = row.pop("_day")
        if "approximateMemberReach" in row and (last - first).days >= REACH_DAYS:
            row["approximateMemberReach"] = None
        values = [PIVOTS[p][1] + row.pop(c) for p, c in zip(pivots, columns, strict=True)]
        if "dateRange" in fields:
            row["dateRange"] = {"start": _parts(day), "end": _parts(day if granularity == "DAILY" else last)}
        if "pivotValues" in fields:
            row["pivotValues"] = values
        elements.append(row)
    return {"paging": {"start": 0, "count": 10, "links": []}, "elements": elements}


def _pivots(query: dict[str, Any]) -> list[str]:
    finder = query.get("q")
    if finder == "analytics":
        pivots = [query.get("pivot")]
    elif finder == "statistics":
        pivots = query.get("pivots", [])
    else:
        raise Refused(404, "RESOURCE_NOT_FOUND", f"No virtual resource found for finder {finder!r}")
    if not isinstance(pivots, list) or not 1 <= len(pivots) <= 3 or None in pivots:
        raise illegal("From one to three pivots must be present")
    if unknown := [p for p in pivots if p not in PIVOTS]:
        raise illegal(f"Invalid value for pivot: {unknown[0]!r}")
    return pivots


def _range(query: dict[str, Any], clock: date) -> tuple[date, date]:
    given = query.get("dateRange")
    if not isinstance(given, dict) or "start" not in given:
        raise illegal("Parameter 'dateRange' is required and must be a record with a start")
    try:
        first, last = (
            date(**{part: int(value) for part, value in given[end].items()}) if end in given else clock
            for end in ("start", "end")
        )
    except (ValueError, TypeError, AttributeError):
        raise illegal("Invalid date range") from None
    if first > last:
        raise illegal("Invalid date range: the start is after the end")
    return first, last


def _ids(urns: Any, name: str) -> list[str]:
    start = FACETS[name][1]
    if not isinstance(urns, list) or not all(isinstance(u, str) and u.startswith(start) for u in urns):
        raise illegal(f"Parameter {name!r} must be a list of {start}.. URNs")
    return [u.removeprefix(start) for u in urns]


def _parts(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}
