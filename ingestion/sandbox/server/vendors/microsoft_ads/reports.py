"""Reports: a request -> a zipped CSV in the vendor's layout, made by one query. Columns are the vendor's, as far as they stand here."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from typing import Any

from ingestion.sandbox.server.vendor import Desk
from ingestion.sandbox.server.vendors.microsoft_ads.words import (
    CAMPAIGN_TYPES,
    DEVICES,
    MATCH_TYPES,
    NETWORKS,
    STATUSES,
    Refused,
    case_of,
    refuse_unknown,
)

# column -> (what of a fact it is grouped by, how it is shown)
_DIMENSIONS = {
    "TimePeriod": ("date", "strftime(f.date, '%Y-%m-%d')"),
    "AccountId": ("account_id", "f.account_id"),
    "AccountName": ("account_id", "a.account_name"),
    "CurrencyCode": ("account_id", "a.currency"),
    "Network": ("network", case_of("f.network", NETWORKS)),
    "DeviceType": ("device", case_of("f.device", DEVICES)),
    "CampaignId": ("campaign_id", "f.campaign_id"),
    "CampaignName": ("campaign_id", "c.name"),
    "CampaignStatus": ("campaign_id", case_of("c.status", STATUSES)),
    "CampaignType": ("campaign_id", case_of("c.campaign_type", CAMPAIGN_TYPES)),
    "AdGroupId": ("ad_group_id", "f.ad_group_id"),
    "AdGroupName": ("ad_group_id", "g.name"),
    "AdId": ("ad_id", "f.ad_id"),
    "KeywordId": ("keyword_id", "f.keyword_id"),
    "Keyword": ("keyword_id", "k.text"),
    "BidMatchType": ("keyword_id", case_of("k.match_type", MATCH_TYPES)),
    "SearchQuery": ("search_term", "f.search_term"),
    "DeliveredMatchType": ("match_type", case_of("f.match_type", MATCH_TYPES)),
    "Goal": ("action_id", "o.name"),
    "GoalId": ("action_id", "f.action_id"),
    "GoalType": ("action_id", "case when f.action_id is not null then 'Event' end"),
}


def _amount(column: str) -> str:
    return f"((coalesce({column}, 0)::hugeint // 10000)::decimal(15, 0) * 0.01)::decimal(17, 2)::varchar"


_MEASURES = {
    "Impressions": "f.impressions::bigint::varchar",
    "Clicks": "f.clicks::bigint::varchar",
    "Spend": _amount("f.cost_micros"),
    "Ctr": "printf('%.2f%%', coalesce(100.0 * f.clicks / nullif(f.impressions, 0), 0))",
    "Conversions": "f.conversions::decimal(17, 2)::varchar",
    "Revenue": _amount("f.revenue"),
    "AllConversions": "f.all_conversions::decimal(17, 2)::varchar",
    "AllRevenue": _amount("f.all_revenue"),
    "ViewThroughConversions": "f.views::bigint::varchar",
    "ViewThroughRevenue": _amount("f.view_revenue"),
}
_ACCOUNT = ("TimePeriod", "AccountId", "AccountName", "CurrencyCode", "Network", "DeviceType")
_CAMPAIGN = (*_ACCOUNT, "CampaignId", "CampaignName", "CampaignStatus", "CampaignType")
_AD_GROUP = (*_ACCOUNT, "CampaignId", "CampaignName", "AdGroupId", "AdGroupName", "Goal", "GoalId", "GoalType")
_NO_CURRENCY = tuple(c for c in _AD_GROUP if c not in ("CurrencyCode", "Goal", "GoalId", "GoalType"))
_ALL = tuple(_MEASURES)
# type -> (dimensions, measures, which facts it is about)
REPORTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "AccountPerformanceReportRequest": (_ACCOUNT, _ALL, "true"),
    "CampaignPerformanceReportRequest": (_CAMPAIGN, _ALL, "true"),
    "AdGroupPerformanceReportRequest": (_AD_GROUP, _ALL, "ad_group_id is not null"),
    "AdPerformanceReportRequest": ((*_AD_GROUP, "AdId"), _ALL, "ad_id is not null"),
    "KeywordPerformanceReportRequest": (
        (*_AD_GROUP, "KeywordId", "Keyword", "BidMatchType", "DeliveredMatchType"), _ALL, "keyword_id is not null",
    ),
    "SearchQueryPerformanceReportRequest": (
        (*_NO_CURRENCY, "KeywordId", "Keyword", "BidMatchType", "SearchQuery", "DeliveredMatchType"),
        tuple(m for m in _ALL if not m.startswith("View")),
        "search_term is not null",
    ),
    "ConversionPerformanceReportRequest": (
        (*(c for c in _AD_GROUP if c not in ("CurrencyCode", "Network")), "KeywordId", "Keyword"), _ALL, "action_id is not null",
    ),
}  # fmt: skip
_CONVERTED = """select touch_date as date, v.account_id, v.campaign_id, v.ad_group_id, v.ad_id, v.keyword_id, v.network, v.device,
    {term} as search_term, {match} as match_type, v.action_id,
    null::bigint as impressions, null::bigint as clicks, null::bigint as cost_micros,
    if(kind = 'click' and is_primary, credit, 0) as conversions, if(kind = 'click' and is_primary, value_micros, 0) as revenue,
    if(kind = 'click', credit, 0) as all_conversions, if(kind = 'click', value_micros, 0) as all_revenue,
    if(kind = 'view', 1, 0) as views, if(kind = 'view', value_micros, 0) as view_revenue
    from now.ad_conversions v join now.ad_conversion_actions x using (platform, account_id, action_id) {more}
    where v.platform = 'microsoft_ads'"""
_DELIVERED = """select date, account_id, campaign_id, ad_group_id, ad_id, keyword_id, network, device, {term} as search_term,
    {match} as match_type, null as action_id, impressions, clicks, cost_micros, 0, 0, 0, 0, 0, 0
    from {source} where platform = 'microsoft_ads'"""
# What was searched is told where it was searched often enough to be listed.
_SEARCHED = """join now.ad_clicks using (platform, click_id) join now.ad_search_terms s on s.date = v.touch_date
    and s.ad_group_id = v.ad_group_id and s.keyword_id = v.keyword_id and s.search_term = ad_clicks.search_term"""


def report(desk: Desk, body: Mapping[str, Any]) -> bytes | None:
    """The zipped CSV; None when the report has no rows. Raises Refused."""
    refuse_unknown(body, "ReportRequest")
    asked = body.get("ReportRequest") or {}
    kind = asked.get("Type")
    if kind not in REPORTS:
        raise Refused(2002, "ReportingServiceInvalidReportType", f"The report request type {kind!r} is not valid.")
    refuse_unknown(
        asked, "Type", "ReportName", "Format", "FormatVersion", "ReturnOnlyCompleteData", "ExcludeReportHeader",
        "ExcludeReportFooter", "ExcludeColumnHeaders", "Scope", "Filter", "Time", "Aggregation", "Columns",
    )  # fmt: skip
    dimensions, measures, about = REPORTS[kind]
    columns = list(asked.get("Columns") or [])
    if unknown := [c for c in columns if c not in dimensions and c not in measures]:
        raise Refused(201, "ApiInputValidationError", f"Columns: {unknown[0]!r} is not a column of {kind}.")
    if not set(columns) & set(measures) or not set(columns) & set(dimensions):
        raise Refused(2034, "ReportingServiceMissingColumns", "A report needs an attribute and a measure.")
    if asked.get("Format", "Csv") != "Csv" or asked.get("Aggregation") not in ("Daily", "Summary"):
        raise Refused(204, "OperationNotSupported", "Here reports are Csv, and Daily or Summary.")
    if ("TimePeriod" in columns) != (asked["Aggregation"] == "Daily"):
        raise Refused(2007, "ReportingServiceInvalidReportAggregation", "TimePeriod goes with a daily aggregation.")
    time = asked.get("Time") or {}
    start, end = _day(time, "CustomDateRangeStart", 2009), _day(time, "CustomDateRangeEnd", 2010)
    if start > end:
        raise Refused(
            2011, "ReportingServiceInvalidCustomDateRange", "The end of the date range lies before its start."
        )
    accounts = (asked.get("Scope") or {}).get("AccountIds") or []
    if not accounts:
        raise Refused(203, "NullParameter", "Scope.AccountIds: an account is required.")
    ours = {
        r["account_id"] for r in desk.rows("select account_id from now.ad_accounts where platform = 'microsoft_ads'")
    }
    if set(accounts) - ours:
        raise Refused(106, "UserIsNotAuthorized", "User is not authorized to perform this operation.")
    sql = _sql(columns, about, kind)
    rows = desk.arrow(sql, {"accounts": accounts, "start": start, "end": end, "today": desk.clock})
    return (
        zipped(_layout(asked, rows, start, end), f"{asked.get('ReportName') or 'report'}.csv")
        if rows.num_rows
        else None
    )


def _sql(columns: list[str], about: str, kind: str) -> str:
    keys = dict.fromkeys(_DIMENSIONS[c][0] for c in columns if c in _DIMENSIONS)
    searched = kind.startswith("SearchQuery")
    match = {"term": "ad_clicks.search_term", "match": "s.match_type", "more": _SEARCHED} if searched else {}
    conversions = _CONVERTED.format(**(match or {"term": "null", "match": "null", "more": ""}))
    if searched:
        source = "(select *, null as ad_id, null as network, null as device from now.ad_search_terms)"
        delivered = _DELIVERED.format(source=source, term="search_term", match="match_type")
    else:
        delivered = _DELIVERED.format(source="now.ad_delivery", term="null", match="null")
    goals = any(c.startswith("Goal") for c in columns) or "action_id" in about
    facts = conversions + ("" if goals else f" union all {delivered}")
    shown = {c: _DIMENSIONS[c][1] if c in _DIMENSIONS else _MEASURES[c] for c in columns}
    joins = {
        "campaign_id": "now.ad_campaigns c on c.platform = 'microsoft_ads' and c.campaign_id = f.campaign_id",
        "ad_group_id": "now.ad_groups g on g.platform = 'microsoft_ads' and g.ad_group_id = f.ad_group_id",
        "keyword_id": "now.ad_keywords k on k.platform = 'microsoft_ads' and k.keyword_id = f.keyword_id",
        "action_id": "now.ad_conversion_actions o on o.platform = 'microsoft_ads' and o.action_id = f.action_id",
        "account_id": "now.ad_accounts a on a.platform = 'microsoft_ads' and a.account_id = f.account_id",
    }
    return f"""
        with facts as ({facts}),
        grouped as (
            select {", ".join(keys)}, coalesce(sum(impressions), 0) as impressions, coalesce(sum(clicks), 0) as clicks,
                   sum(cost_micros) as cost_micros, sum(conversions) as conversions, sum(revenue) as revenue,
                   sum(all_conversions) as all_conversions, sum(all_revenue) as all_revenue, sum(views) as views,
                   sum(view_revenue) as view_revenue
            from facts
            where list_contains($accounts, account_id) and date between $start and $end and date < $today and {about}
            group by {", ".join(keys)})
        select {", ".join(f'{e} as "{c}"' for c, e in shown.items())} from grouped f
        {" ".join(f"left join {join}" for key, join in joins.items() if key in keys)}
        order by {", ".join(f"f.{k}" for k in keys)}"""


def _layout(asked: Mapping[str, Any], rows: Any, start: date, end: date) -> str:
    import pyarrow as pa
    from pyarrow import csv

    out = pa.BufferOutputStream()
    headed = not asked.get("ExcludeColumnHeaders")
    csv.write_csv(rows, out, csv.WriteOptions(include_header=headed, quoting_style="all_valid"))
    text: str = out.getvalue().to_pybytes().decode().replace("\n", "\r\n")
    if not asked.get("ExcludeReportHeader"):
        about = {
            "Report Name": asked.get("ReportName") or "", "Report Time": f"{start:%m/%d/%Y},{end:%m/%d/%Y}",
            "Time Zone": "(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Report Aggregation": asked["Aggregation"],
            "Report Filter": "", "Potential Incomplete Data": "True", "Rows": str(rows.num_rows),
        }  # fmt: skip
        text = "".join(f'"{k}: {v}"\r\n' for k, v in about.items()) + "\r\n" + text
    if not asked.get("ExcludeReportFooter"):
        text += '\r\n"©2026 Microsoft Corporation. All rights reserved. "\r\n'
    return text


def zipped(text: str, name: str) -> bytes:
    """The file as it is downloaded: UTF-8 with a byte order mark, in a zip."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(name, text.encode("utf-8-sig"))
    return packed.getvalue()


def _day(time: Mapping[str, Any], name: str, code: int) -> date:
    given = time.get(name) or {}
    try:
        return date(given["Year"], given["Month"], given["Day"])
    except (KeyError, TypeError, ValueError):
        raise Refused(code, f"ReportingServiceInvalid{name}", f"Time.{name} is not valid.") from None
