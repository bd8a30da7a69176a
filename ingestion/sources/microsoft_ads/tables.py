"""Microsoft Advertising's raw tables, and for each report the vendor's type and columns."""

from __future__ import annotations

from ingestion.spec import Column, Table, history_table

_ACCOUNT = Column("account_id", "text", "ad account")
_CAMPAIGN = Column("campaign_id", "text", "campaign")
_AD_GROUP = Column("ad_group_id", "text", "ad group")
_STATUS = Column("status", "text", "Active, Paused, ...; what is deleted is no longer listed")
_DELETED = Column("_deleted", "bool", "takes out what a pull replaces; no row of raw has it", hard_delete=True)

AD_ACCOUNTS = history_table(
    "ad_accounts",
    (
        _ACCOUNT,
        Column("customer_id", "text", "ParentCustomerId: the customer that owns it"),
        Column("name", "text", "the account's name"),
        Column("number", "text", "the account's number, as people know it"),
        Column("currency", "text", "CurrencyCode: of every amount, ISO 4217"),
        Column("time_zone", "text", "of every date, in Microsoft's word (EasternTimeUSCanada)"),
        Column("status", "text", "AccountLifeCycleStatus: Active, Pause, Suspended, ..."),
    ),
    ("account_id",),
    "Ad accounts, as versions.",
)
CAMPAIGNS = history_table(
    "campaigns",
    (
        _ACCOUNT,
        _CAMPAIGN,
        Column("name", "text", "its name"),
        _STATUS,
        Column("campaign_type", "text", "Search, Shopping, DynamicSearchAds, Audience, PerformanceMax, Hotel, App"),
        Column("marketing_objective", "text", "what it is set up for; null where it was not asked"),
        Column("daily_budget", "decimal", "of a day, in the account's currency"),
        Column("budget_type", "text", "DailyBudgetStandard, DailyBudgetAccelerated, LifetimeBudgetStandard"),
        Column("budget_id", "text", "the shared budget, where it has one"),
        Column("bidding_scheme", "text", "MaxConversions, TargetRoas, ManualCpc, ..."),
        Column("start_date", "date", "planned first day; null where ad groups plan it"),
        Column("end_date", "date", "planned last day; null without one"),
    ),
    ("account_id", "campaign_id"),
    "Campaigns, as versions.",
)
AD_GROUPS = history_table(
    "ad_groups",
    (
        _ACCOUNT,
        _CAMPAIGN,
        _AD_GROUP,
        Column("name", "text", "its name"),
        _STATUS,
        Column("cpc_bid", "decimal", "bid a click, in the account's currency; null where the vendor bids"),
        Column("network", "text", "where it may be shown, as OwnedAndOperatedAndSyndicatedSearch"),
    ),
    ("account_id", "ad_group_id"),
    "Ad groups, as versions.",
)
ADS = history_table(
    "ads",
    (
        _ACCOUNT,
        _CAMPAIGN,
        _AD_GROUP,
        Column("ad_id", "text", "ad"),
        Column("type", "text", "ResponsiveSearch, Product, ExpandedText, DynamicSearch, ..."),
        _STATUS,
        Column("editorial_status", "text", "Active, Inactive, Disapproved, ..."),
        Column("title", "text", "first headline, or what it says; ads have no name here"),
        Column("final_url", "text", "where it leads, with its tags"),
    ),
    ("account_id", "ad_id"),
    "Ads, as versions.",
)
KEYWORDS = Table(
    "keywords",
    (
        _ACCOUNT,
        _CAMPAIGN,
        _AD_GROUP,
        Column("keyword_id", "text", "keyword"),
        Column("text", "text", "the words bid on"),
        Column("match_type", "text", "Exact, Phrase, Broad"),
        _STATUS,
        Column("editorial_status", "text", "Active, Inactive, Disapproved, ..."),
        Column("bid", "decimal", "bid a click; null: the ad group's"),
        _DELETED,
    ),
    row_key=("account_id", "keyword_id"),
    merge_key=("account_id",),
    description="Keywords as they are now.",
)
CONVERSION_ACTIONS = Table(
    "conversion_actions",
    (
        _ACCOUNT,
        Column("goal_id", "text", "conversion goal"),
        Column("name", "text", "its name"),
        Column("type", "text", "Event, Url, OfflineConversion, ..."),
        Column("goal_category", "text", "Purchase, SubmitLeadForm, Contact, Signup, AddToCart, PageView, ..."),
        Column("status", "text", "Active, Paused, Deleted"),
        Column("exclude_from_bidding", "bool", "true: not counted in Conversions, only in AllConversions"),
        Column("count_type", "text", "All or Unique: how often a click counts"),
        Column("click_window_minutes", "bigint", "ConversionWindowInMinutes: time after a click in which it counts"),
        Column("view_window_minutes", "bigint", "ViewThroughConversionWindowInMinutes: time after a view"),
        _DELETED,
    ),
    row_key=("account_id", "goal_id"),
    merge_key=("account_id",),
    description="Conversion goals as they are now.",
)

# Columns of reports: ours -> the vendor's.
_IDS = {
    "campaign_id": "CampaignId",
    "ad_group_id": "AdGroupId",
    "ad_id": "AdId",
    "keyword_id": "KeywordId",
    "goal_id": "GoalId",
}
_SEGMENTS = {"network": "Network", "device_type": "DeviceType"}
_DELIVERY = {"impressions": "Impressions", "clicks": "Clicks", "spend": "Spend"}
_CONVERSIONS = {"conversions": "Conversions", "revenue": "Revenue"}
_ALL_CONVERSIONS = {
    **_CONVERSIONS,
    "all_conversions": "AllConversions",
    "all_revenue": "AllRevenue",
    "view_through_conversions": "ViewThroughConversions",
}
_ABOUT = {
    "campaign_id": Column("campaign_id", "text", "campaign"),
    "ad_group_id": Column("ad_group_id", "text", "ad group"),
    "ad_id": Column("ad_id", "text", "ad"),
    "keyword_id": Column("keyword_id", "text", "keyword"),
    "goal_id": Column("goal_id", "text", "conversion goal"),
    "goal": Column("goal", "text", "the goal's name"),
    "network": Column(
        "network", "text", "Microsoft sites and select traffic, Syndicated search partners, Audience, ..."
    ),
    "device_type": Column("device_type", "text", "Computer, Smartphone, Tablet, Unknown"),
    "keyword": Column("keyword", "text", "the words bid on"),
    "bid_match_type": Column("bid_match_type", "text", "Exact, Phrase, Broad: as the keyword is set"),
    "delivered_match_type": Column("delivered_match_type", "text", "Exact, Phrase, Broad: as it matched"),
    "search_query": Column("search_query", "text", "what was searched; searches that are rare are not told"),
    "impressions": Column("impressions", "bigint", "times shown"),
    "clicks": Column("clicks", "bigint", "clicks"),
    "spend": Column("spend", "decimal", "media cost without VAT, account's currency"),
    "conversions": Column(
        "conversions", "decimal", "of goals that bidding uses, after clicks, on the day of the click"
    ),
    "revenue": Column("revenue", "decimal", "value of conversions, account's currency"),
    "all_conversions": Column("all_conversions", "decimal", "of all goals, after clicks, on the day of the click"),
    "all_revenue": Column("all_revenue", "decimal", "value of all_conversions, account's currency"),
    "view_through_conversions": Column(
        "view_through_conversions", "bigint", "of all goals, after views; in no other column"
    ),
    "view_through_revenue": Column("view_through_revenue", "decimal", "value of view_through_conversions"),
}

# table -> the vendor's report, and its columns beside AccountId and TimePeriod. The report requests take them as they stand.
REPORTS: dict[str, tuple[str, dict[str, str]]] = {
    "account_daily": ("AccountPerformanceReportRequest", {**_DELIVERY, **_ALL_CONVERSIONS}),
    "campaign_daily": (
        "CampaignPerformanceReportRequest",
        {"campaign_id": "CampaignId", **_SEGMENTS, **_DELIVERY, **_ALL_CONVERSIONS},
    ),
    "ad_group_daily": (
        "AdGroupPerformanceReportRequest",
        {k: _IDS[k] for k in ("campaign_id", "ad_group_id")} | _SEGMENTS | _DELIVERY | _ALL_CONVERSIONS,
    ),
    "ad_daily": (
        "AdPerformanceReportRequest",
        {k: _IDS[k] for k in ("campaign_id", "ad_group_id", "ad_id")} | _SEGMENTS | _DELIVERY | _ALL_CONVERSIONS,
    ),
    "keyword_daily": (
        "KeywordPerformanceReportRequest",
        {k: _IDS[k] for k in ("campaign_id", "ad_group_id", "keyword_id")}
        | {"keyword": "Keyword", "bid_match_type": "BidMatchType"}
        | _DELIVERY
        | _CONVERSIONS,
    ),
    "search_term_daily": (
        "SearchQueryPerformanceReportRequest",
        {k: _IDS[k] for k in ("campaign_id", "ad_group_id", "keyword_id")}
        | {"search_query": "SearchQuery", "delivered_match_type": "DeliveredMatchType", "keyword": "Keyword"}
        | _DELIVERY
        | _CONVERSIONS,
    ),
    "conversion_daily": (
        "ConversionPerformanceReportRequest",
        {"campaign_id": "CampaignId", "goal_id": "GoalId", "goal": "Goal"}
        | _ALL_CONVERSIONS
        | {"view_through_revenue": "ViewThroughRevenue"},
    ),
}
_NO_KEY = {"keyword", "goal", "bid_match_type", *_DELIVERY, *_ALL_CONVERSIONS, "view_through_revenue"}


def _daily(name: str) -> Table:
    kind, columns = REPORTS[name]
    return Table(
        name,
        (
            _ACCOUNT,
            Column("date_day", "date", "TimePeriod: the account's own day"),
            *(_ABOUT[c] for c in columns),
            _DELETED,
        ),
        row_key=("account_id", "date_day", *(c for c in columns if c not in _NO_KEY)),
        merge_key=("account_id", "date_day"),
        description=f"{kind.removesuffix('ReportRequest')} report by day.",
        date_column="date_day",
        provides={"search_term_daily": "search_terms"}.get(
            name, "ad_performance" if name.removesuffix("_daily") in ("account", "campaign", "ad_group", "ad") else ""
        ),
    )


DAILY = tuple(_daily(name) for name in REPORTS)
