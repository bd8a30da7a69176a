"""Google Ads' raw tables, and the query behind each: every column names its field.

Amounts and ids come as strings of digits and are kept as such: micros as integers, ids as text. Words are Google's.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.arrow import Wire, WireType
from ingestion.spec import Column, ColumnType, Table, history_table

_WIRES: dict[ColumnType, WireType] = {"decimal": "double", "double": "double", "bool": "bool"}


@dataclass(frozen=True)
class Asked:
    """A raw column and the field it is asked from."""

    column: Column
    field: str

    @property
    def wire(self) -> Wire:
        """Where the value lies in a row: the field in the JSON names of protobuf."""
        return Wire(".".join(camel(part) for part in self.field.split(".")), _WIRES.get(self.column.type, "text"))


@dataclass(frozen=True)
class Report:
    """A raw table and its query: `SELECT <fields> FROM <resource> WHERE <condition>`."""

    table: Table
    resource: str
    asked: tuple[Asked, ...]
    condition: str = ""

    @property
    def wire(self) -> dict[str, Wire]:
        return {a.column.name: a.wire for a in self.asked}

    @property
    def required(self) -> list[str]:
        """Columns without which a row cannot be used; Google leaves out what has no value."""
        key = [c for c in self.table.row_key if c in self.wire and c != "keyword"]  # dynamic search ads have no keyword
        return [*key, *(c for c in self.wire if c in ("impressions", "clicks", "cost_micros", "currency", "status"))]

    def query(self, *conditions: str, tail: str = "") -> str:
        where = " AND ".join(c for c in (self.condition, *conditions) if c)
        select = ", ".join(a.field for a in self.asked)
        return f"SELECT {select} FROM {self.resource}" + (f" WHERE {where}" if where else "") + tail


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _asked(name: str, type: ColumnType, field: str, description: str, **options: bool) -> Asked:
    return Asked(Column(name, type, description, **options), field)


_ACCOUNT = Column("account_id", "text", "customer.id: the ad account")
_DELETED = Column("_deleted", "bool", "takes out what came before; no row of raw has it", hard_delete=True)
_CAMPAIGN = _asked("campaign_id", "text", "campaign.id", "campaign")
_AD_GROUP = _asked("ad_group_id", "text", "ad_group.id", "ad group")
_AD = _asked("ad_id", "text", "ad_group_ad.ad.id", "ad")
_KEYWORD = _asked(
    "keyword_id", "text", "ad_group_criterion.criterion_id", "criterion of the keyword, unique in its ad group"
)
_DAY = _asked("date_day", "date", "segments.date", "the account's own day")
_CURRENCY = _asked("currency", "text", "customer.currency_code", "of every amount, ISO 4217")
_NETWORK = _asked(
    "network",
    "text",
    "segments.ad_network_type",
    "SEARCH, SEARCH_PARTNERS, CONTENT, YOUTUBE, MIXED (Performance Max), ...",
)
_DEVICE = _asked("device", "text", "segments.device", "MOBILE, DESKTOP, TABLET, CONNECTED_TV, OTHER")
_DELIVERY = (
    _asked("impressions", "bigint", "metrics.impressions", "times shown"),
    _asked("clicks", "bigint", "metrics.clicks", "clicks, without those found invalid by then"),
    _asked("cost_micros", "bigint", "metrics.cost_micros", "media cost without VAT, 1e-6 of the account's currency"),
)
_CONVERSIONS = (
    _asked("conversions", "decimal", "metrics.conversions", "of primary actions, on the day of the click"),
    _asked("conversions_value", "decimal", "metrics.conversions_value", "their value, account's currency"),
)
_FIGURES = (*_DELIVERY, *_CONVERSIONS)
_ALL = (
    _asked("all_conversions", "decimal", "metrics.all_conversions", "of all actions, on the day of the click"),
    _asked("all_conversions_value", "decimal", "metrics.all_conversions_value", "their value, account's currency"),
    _asked(
        "view_through_conversions",
        "bigint",
        "metrics.view_through_conversions",
        "after a view without a click; in no other count",
    ),
)


def _versions(
    name: str, resource: str, key: tuple[str, ...], description: str, *asked: Asked, condition: str = ""
) -> Report:
    columns = (_ACCOUNT, *(a.column for a in asked))
    return Report(history_table(name, columns, ("account_id", *key), description), resource, asked, condition)


def _things(
    name: str, resource: str, key: tuple[str, ...], description: str, *asked: Asked, condition: str = ""
) -> Report:
    columns = (_ACCOUNT, *(a.column for a in asked), _DELETED)
    return Report(Table(name, columns, ("account_id", *key), ("account_id",), description), resource, asked, condition)


def _daily(
    name: str, resource: str, key: tuple[str, ...], description: str, *asked: Asked, provides: str = "ad_performance"
) -> Report:
    table = Table(
        name,
        (_ACCOUNT, _DAY.column, *(a.column for a in asked), _DELETED),
        row_key=("account_id", "date_day", *key),
        merge_key=("account_id", "date_day"),
        description=description,
        date_column="date_day",
        provides=provides,
    )
    return Report(table, resource, (_DAY, *asked))


_BY_CONVERSION_DATE = tuple(
    _asked(f"{name}_by_conversion_date", "decimal", f"metrics.{name}_by_conversion_date", text)
    for name, text in {
        "conversions": "of primary actions, on the day of the conversion",
        "conversions_value": "their value, account's currency",
        "all_conversions": "of all actions, on the day of the conversion",
        "all_conversions_value": "their value, account's currency",
    }.items()
)

AD_ACCOUNTS = _versions(
    "ad_accounts", "customer", (), "Ad accounts (customers), as versions.",
    _asked("account_name", "text", "customer.descriptive_name", "the account's name; null where none was given"),
    _CURRENCY,
    _asked("time_zone", "text", "customer.time_zone", "of every date, IANA name"),
    _asked("status", "text", "customer.status", "ENABLED, CANCELED, SUSPENDED, CLOSED"),
    _asked("auto_tagging_enabled", "bool", "customer.auto_tagging_enabled", "whether clicks carry a gclid"),
)  # fmt: skip
CAMPAIGNS = _versions(
    "campaigns", "campaign", ("campaign_id",), "Campaigns, removed ones too, with their budgets, as versions.",
    _CAMPAIGN,
    _asked("campaign_name", "text", "campaign.name", "its name"),
    _asked("status", "text", "campaign.status", "ENABLED, PAUSED, REMOVED"),
    _asked("advertising_channel_type", "text", "campaign.advertising_channel_type", "SEARCH, SHOPPING, PERFORMANCE_MAX, DISPLAY, VIDEO, DEMAND_GEN, ..."),
    _asked("advertising_channel_sub_type", "text", "campaign.advertising_channel_sub_type", "a finer type; mostly null"),
    _asked("bidding_strategy_type", "text", "campaign.bidding_strategy_type", "MAXIMIZE_CONVERSIONS, TARGET_ROAS, TARGET_SPEND, MANUAL_CPC, ..."),
    _asked("budget_id", "text", "campaign_budget.id", "its budget; several campaigns may share one"),
    _asked("budget_amount_micros", "bigint", "campaign_budget.amount_micros", "of the budget's period, 1e-6 of the account's currency"),
    _asked("budget_period", "text", "campaign_budget.period", "DAILY, CUSTOM_PERIOD"),
    _asked("start_date_time", "text", "campaign.start_date_time", "planned start, account's time"),
    _asked("end_date_time", "text", "campaign.end_date_time", "planned end, account's time; null without one"),
)  # fmt: skip
AD_GROUPS = _versions(
    "ad_groups", "ad_group", ("ad_group_id",), "Ad groups, removed ones too, as versions. Performance Max has none.",
    _CAMPAIGN, _AD_GROUP,
    _asked("ad_group_name", "text", "ad_group.name", "its name"),
    _asked("status", "text", "ad_group.status", "ENABLED, PAUSED, REMOVED"),
    _asked("type", "text", "ad_group.type", "SEARCH_STANDARD, SHOPPING_PRODUCT_ADS, DISPLAY_STANDARD, ..."),
    _asked("cpc_bid_micros", "bigint", "ad_group.cpc_bid_micros", "highest bid a click, 1e-6 of the account's currency"),
)  # fmt: skip
ADS = _versions(
    "ads", "ad_group_ad", ("ad_group_id", "ad_id"), "Ads, removed ones too, as versions.",
    _CAMPAIGN, _AD_GROUP, _AD,
    _asked("ad_name", "text", "ad_group_ad.ad.name", "its name; null for most kinds of ads"),
    _asked("status", "text", "ad_group_ad.status", "ENABLED, PAUSED, REMOVED"),
    _asked("type", "text", "ad_group_ad.ad.type", "RESPONSIVE_SEARCH_AD, SHOPPING_PRODUCT_AD, RESPONSIVE_DISPLAY_AD, ..."),
    _asked("final_url", "text", "ad_group_ad.ad.final_urls", "where it leads: the first of its final URLs; null where it has none"),
)  # fmt: skip
CAMPAIGN_BUDGETS = _things(
    "campaign_budgets", "campaign_budget", ("budget_id",), "Budgets as they are now.",
    _asked("budget_id", "text", "campaign_budget.id", "budget"),
    _asked("budget_name", "text", "campaign_budget.name", "its name"),
    _asked("amount_micros", "bigint", "campaign_budget.amount_micros", "of its period, 1e-6 of the account's currency"),
    _asked("period", "text", "campaign_budget.period", "DAILY, CUSTOM_PERIOD"),
    _asked("delivery_method", "text", "campaign_budget.delivery_method", "STANDARD, ACCELERATED"),
    _asked("explicitly_shared", "bool", "campaign_budget.explicitly_shared", "whether several campaigns may use it"),
    _asked("status", "text", "campaign_budget.status", "ENABLED, REMOVED"),
)  # fmt: skip
CAMPAIGN_USER_LISTS = _things(
    "campaign_user_lists", "campaign_criterion", ("campaign_id", "criterion_id"),
    "Lists of people (former visitors, customers) that campaigns are shown to, as they are now.",
    _CAMPAIGN,
    _asked("criterion_id", "text", "campaign_criterion.criterion_id", "criterion"),
    _asked("user_list", "text", "campaign_criterion.user_list.user_list", "resource name of the list"),
    condition="campaign_criterion.type = 'USER_LIST' AND campaign_criterion.negative = FALSE "
    "AND campaign_criterion.status != 'REMOVED'",
)  # fmt: skip
KEYWORDS = _things(
    "keywords", "ad_group_criterion", ("ad_group_id", "keyword_id"), "Keywords bid on, removed ones too, as they are now.",
    _CAMPAIGN, _AD_GROUP, _KEYWORD,
    _asked("keyword_text", "text", "ad_group_criterion.keyword.text", "the words"),
    _asked("match_type", "text", "ad_group_criterion.keyword.match_type", "EXACT, PHRASE, BROAD"),
    _asked("status", "text", "ad_group_criterion.status", "ENABLED, PAUSED, REMOVED"),
    condition="ad_group_criterion.type = 'KEYWORD' AND ad_group_criterion.negative = FALSE",
)  # fmt: skip
CONVERSION_ACTIONS = _things(
    "conversion_actions", "conversion_action", ("conversion_action_id",), "What the account counts as conversions, as it is now.",
    _asked("conversion_action_id", "text", "conversion_action.id", "conversion action"),
    _asked("conversion_action_name", "text", "conversion_action.name", "its name"),
    _asked("category", "text", "conversion_action.category", "PURCHASE, SUBMIT_LEAD_FORM, PHONE_CALL_LEAD, SIGNUP, ADD_TO_CART, PAGE_VIEW, ..."),
    _asked("type", "text", "conversion_action.type", "WEBPAGE, WEBSITE_CALL, UPLOAD_CLICKS, ..."),
    _asked("status", "text", "conversion_action.status", "ENABLED, REMOVED, HIDDEN"),
    _asked("include_in_conversions_metric", "bool", "conversion_action.include_in_conversions_metric", "primary: in `conversions`, and bid on"),
    _asked("counting_type", "text", "conversion_action.counting_type", "ONE_PER_CLICK, MANY_PER_CLICK"),
    _asked("click_through_lookback_window_days", "bigint", "conversion_action.click_through_lookback_window_days", "days after a click in which it counts"),
    _asked("view_through_lookback_window_days", "bigint", "conversion_action.view_through_lookback_window_days", "days after a view in which it counts"),
)  # fmt: skip

ACCOUNT_DAILY = _daily(
    "account_daily", "customer", (), "Results by day from the account's own report. One row a day.",
    _CURRENCY, *_FIGURES, *_ALL,
)  # fmt: skip
CAMPAIGN_DAILY = _daily(
    "campaign_daily", "campaign", ("campaign_id", "network", "device"), "Results of campaigns. One row a campaign, network, device and day.",
    _CAMPAIGN, _NETWORK, _DEVICE, _CURRENCY, *_FIGURES, *_ALL,
)  # fmt: skip
AD_GROUP_DAILY = _daily(
    "ad_group_daily", "ad_group", ("ad_group_id", "network", "device"), "Results of ad groups. One row an ad group, network, device and day.",
    _CAMPAIGN, _AD_GROUP, _NETWORK, _DEVICE, _CURRENCY, *_FIGURES,
)  # fmt: skip
AD_DAILY = _daily(
    "ad_daily", "ad_group_ad", ("ad_group_id", "ad_id", "network", "device"), "Results of ads. One row an ad, network, device and day.",
    _CAMPAIGN, _AD_GROUP, _AD, _NETWORK, _DEVICE, _CURRENCY, *_FIGURES,
)  # fmt: skip
KEYWORD_DAILY = _daily(
    "keyword_daily", "keyword_view", ("ad_group_id", "keyword_id", "network", "device"), "Results of keywords. One row a keyword, network, device and day.",
    _CAMPAIGN, _AD_GROUP, _KEYWORD, _NETWORK, _DEVICE, _CURRENCY, *_FIGURES, provides="",
)  # fmt: skip
CONVERSION_DAILY = _daily(
    "conversion_daily", "campaign", ("campaign_id", "conversion_action"), "Conversions of campaigns by action, on the day of the click and on that of the conversion.",
    _CAMPAIGN,
    _asked("conversion_action", "text", "segments.conversion_action", "resource name of the action; ends in its id"),
    _asked("conversion_action_name", "text", "segments.conversion_action_name", "its name"),
    _asked("conversion_action_category", "text", "segments.conversion_action_category", "PURCHASE, SUBMIT_LEAD_FORM, ..."),
    _CURRENCY, *_CONVERSIONS, *_ALL, *_BY_CONVERSION_DATE, provides="",
)  # fmt: skip
CONVERSION_LAG_DAILY = _daily(
    "conversion_lag_daily", "campaign", ("campaign_id", "conversion_lag_bucket"), "Conversions of primary actions by the time from click to conversion.",
    _CAMPAIGN,
    _asked("conversion_lag_bucket", "text", "segments.conversion_lag_bucket", "LESS_THAN_ONE_DAY, ONE_TO_TWO_DAYS, ..., SIXTY_TO_NINETY_DAYS"),
    _CURRENCY, *_CONVERSIONS, provides="ad_conversion_lags",
)  # fmt: skip
SEARCH_TERM_DAILY = _daily(
    "search_term_daily", "search_term_view", ("ad_group_id", "keyword", "match_type", "search_term"), "Searches that showed an ad, but for the rare ones. One row a search, keyword and day.",
    _CAMPAIGN, _AD_GROUP,
    _asked("keyword", "text", "segments.keyword.ad_group_criterion", "resource name of the keyword; ends in its id"),
    _asked("keyword_text", "text", "segments.keyword.info.text", "the words bid on"),
    _asked("match_type", "text", "segments.search_term_match_type", "EXACT, PHRASE, BROAD, NEAR_EXACT, NEAR_PHRASE, ..."),
    _asked("search_term", "text", "search_term_view.search_term", "what was searched; may hold an address someone typed"),
    _CURRENCY, *_FIGURES, provides="search_terms",
)  # fmt: skip
CHANGE_STATUS = Report(
    Table(
        "change_status",
        (
            _ACCOUNT,
            Column("resource_name", "text", "resource name of the change"),
            Column("changed_at", "text", "when it last changed, account's time"),
            Column("date_day", "date", "the day of it"),
            Column(
                "resource_type", "text", "CAMPAIGN, CAMPAIGN_BUDGET, AD_GROUP, AD_GROUP_AD, AD_GROUP_CRITERION, ..."
            ),
            Column("resource_status", "text", "ADDED, CHANGED, REMOVED"),
            Column("campaign", "text", "resource name of the campaign; null where it is about none"),
            Column("ad_group", "text", "resource name of the ad group; null where it is about none"),
            Column("ad_group_ad", "text", "resource name of the ad; null where it is about none"),
            Column("ad_group_criterion", "text", "resource name of the keyword; null where it is about none"),
            Column("campaign_budget", "text", "resource name of the budget; null where it is about none"),
            _DELETED,
        ),
        row_key=("account_id", "resource_name"),
        merge_key=("account_id", "date_day"),
        description="The last change of each thing, as it was known on the day it was asked. Kept for longer than Google's 90 days.",
        date_column="date_day",
    ),
    "change_status",
    tuple(
        _asked(name, type_, f"change_status.{field}", "")
        for name, type_, field in (
            ("resource_name", "text", "resource_name"),
            ("changed_at", "text", "last_change_date_time"),
            ("date_day", "date", "last_change_date_time"),
            ("resource_type", "text", "resource_type"),
            ("resource_status", "text", "resource_status"),
            ("campaign", "text", "campaign"),
            ("ad_group", "text", "ad_group"),
            ("ad_group_ad", "text", "ad_group_ad"),
            ("ad_group_criterion", "text", "ad_group_criterion"),
            ("campaign_budget", "text", "campaign_budget"),
        )
    ),
)
CLICK_VIEW = _daily(
    "click_view", "click_view", ("gclid",), "Clicks with their gclid, which joins them to web analytics and the CRM. One row a click.",
    _asked("gclid", "text", "click_view.gclid", "Google's click id", personal=True),
    _CAMPAIGN, _AD_GROUP,
    _asked("ad_group_ad", "text", "click_view.ad_group_ad", "resource name of the ad; null for Performance Max"),
    _asked("keyword", "text", "click_view.keyword", "resource name of the keyword; null outside search"),
    _NETWORK, _DEVICE,
    _asked("clicks", "bigint", "metrics.clicks", "1"),
    provides="",
)  # fmt: skip

DAILY = (
    ACCOUNT_DAILY, CAMPAIGN_DAILY, AD_GROUP_DAILY, AD_DAILY, KEYWORD_DAILY, CONVERSION_DAILY, CONVERSION_LAG_DAILY,
    SEARCH_TERM_DAILY,
)  # fmt: skip
ENTITIES = (
    AD_ACCOUNTS, CAMPAIGNS, AD_GROUPS, ADS, CAMPAIGN_BUDGETS, CAMPAIGN_USER_LISTS, KEYWORDS, CONVERSION_ACTIONS,
)  # fmt: skip
ALL = (*ENTITIES, *DAILY, CHANGE_STATUS, CLICK_VIEW)
