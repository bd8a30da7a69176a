"""Google Ads' raw tables, and the query behind each: every column names its field.

Amounts and ids come as strings of digits: micros are kept as integers, ids as text. Words are Google's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ingestion.arrow import Wire, WireType
from ingestion.spec import Column, ColumnType, Table, history_table

_WIRES: dict[ColumnType, WireType] = {"decimal": "double", "double": "double", "bool": "bool"}
_FIGURES = "impressions clicks cost_micros conversions conversions_value"
_ALL = "all_conversions all_conversions_value view_through_conversions"

# A column: name, type, field: what it means. A line of names: columns told above, under `shared` or in the table itself.
_SHARED = """
currency text customer.currency_code: of every amount, ISO 4217
date_day date segments.date: the account's own day
campaign_id text campaign.id: campaign
ad_group_id text ad_group.id: ad group
ad_id text ad_group_ad.ad.id: ad
keyword_id text ad_group_criterion.criterion_id: criterion of the keyword, unique in its ad group
network text segments.ad_network_type: SEARCH, SEARCH_PARTNERS, CONTENT, YOUTUBE, MIXED (Performance Max), ...
device text segments.device: MOBILE, DESKTOP, TABLET, CONNECTED_TV, OTHER
impressions bigint metrics.impressions: times shown
clicks bigint metrics.clicks: clicks, without those found invalid by then
cost_micros bigint metrics.cost_micros: media cost without VAT, 1e-6 of the account's currency
conversions decimal metrics.conversions: of primary actions, on the day of the click
conversions_value decimal metrics.conversions_value: their value, account's currency
all_conversions decimal metrics.all_conversions: of all actions, on the day of the click
all_conversions_value decimal metrics.all_conversions_value: their value, account's currency
view_through_conversions bigint metrics.view_through_conversions: after a view without a click; in no other count
"""
# kind (versions, things, daily), name, resource, key beside the account (and the day); what it holds
_TABLES = f"""
versions ad_accounts customer -: Ad accounts (customers), as versions.
    account_name text customer.descriptive_name: the account's name; null where none was given
    currency
    time_zone text customer.time_zone: of every date, IANA name
    status text customer.status: ENABLED, CANCELED, SUSPENDED, CLOSED
    auto_tagging_enabled bool customer.auto_tagging_enabled: whether clicks carry a gclid

versions campaigns campaign campaign_id: Campaigns, removed ones too, with their budgets, as versions.
    campaign_id
    campaign_name text campaign.name: its name
    status text campaign.status: ENABLED, PAUSED, REMOVED
    advertising_channel_type text campaign.advertising_channel_type: SEARCH, SHOPPING, PERFORMANCE_MAX, DISPLAY, VIDEO, ...
    advertising_channel_sub_type text campaign.advertising_channel_sub_type: a finer type; mostly null
    bidding_strategy_type text campaign.bidding_strategy_type: MAXIMIZE_CONVERSIONS, TARGET_ROAS, MANUAL_CPC, ...
    budget_id text campaign_budget.id: its budget; several campaigns may share one
    budget_amount_micros bigint campaign_budget.amount_micros: of the budget's period, 1e-6 of the account's currency
    budget_period text campaign_budget.period: DAILY, CUSTOM_PERIOD
    start_date_time text campaign.start_date_time: planned start, account's time
    end_date_time text campaign.end_date_time: planned end, account's time; null without one

versions ad_groups ad_group ad_group_id: Ad groups, removed ones too, as versions. Performance Max has none.
    campaign_id ad_group_id
    ad_group_name text ad_group.name: its name
    status text ad_group.status: ENABLED, PAUSED, REMOVED
    type text ad_group.type: SEARCH_STANDARD, SHOPPING_PRODUCT_ADS, DISPLAY_STANDARD, ...
    cpc_bid_micros bigint ad_group.cpc_bid_micros: highest bid a click, 1e-6 of the account's currency

versions ads ad_group_ad ad_group_id ad_id: Ads, removed ones too, as versions.
    campaign_id ad_group_id ad_id
    ad_name text ad_group_ad.ad.name: its name; null for most kinds of ads
    status text ad_group_ad.status: ENABLED, PAUSED, REMOVED
    type text ad_group_ad.ad.type: RESPONSIVE_SEARCH_AD, SHOPPING_PRODUCT_AD, RESPONSIVE_DISPLAY_AD, ...
    final_url text ad_group_ad.ad.final_urls: where it leads: the first of its final URLs; null where it has none

things campaign_budgets campaign_budget budget_id: Budgets as they are now.
    budget_id text campaign_budget.id: budget
    budget_name text campaign_budget.name: its name
    amount_micros bigint campaign_budget.amount_micros: of its period, 1e-6 of the account's currency
    period text campaign_budget.period: DAILY, CUSTOM_PERIOD
    delivery_method text campaign_budget.delivery_method: STANDARD, ACCELERATED
    explicitly_shared bool campaign_budget.explicitly_shared: whether several campaigns may use it
    status text campaign_budget.status: ENABLED, REMOVED

things campaign_user_lists campaign_criterion campaign_id criterion_id: Lists of people that campaigns are shown to, as they are now.
    campaign_id
    criterion_id text campaign_criterion.criterion_id: criterion
    user_list text campaign_criterion.user_list.user_list: resource name of the list

things keywords ad_group_criterion ad_group_id keyword_id: Keywords bid on, removed ones too, as they are now.
    campaign_id ad_group_id keyword_id
    keyword_text text ad_group_criterion.keyword.text: the words
    match_type text ad_group_criterion.keyword.match_type: EXACT, PHRASE, BROAD
    status text ad_group_criterion.status: ENABLED, PAUSED, REMOVED

things conversion_actions conversion_action conversion_action_id: What the account counts as conversions, as it is now.
    conversion_action_id text conversion_action.id: conversion action
    conversion_action_name text conversion_action.name: its name
    category text conversion_action.category: PURCHASE, SUBMIT_LEAD_FORM, PHONE_CALL_LEAD, SIGNUP, ADD_TO_CART, ...
    type text conversion_action.type: WEBPAGE, WEBSITE_CALL, UPLOAD_CLICKS, ...
    status text conversion_action.status: ENABLED, REMOVED, HIDDEN
    include_in_conversions_metric bool conversion_action.include_in_conversions_metric: primary: in `conversions`, and bid on
    counting_type text conversion_action.counting_type: ONE_PER_CLICK, MANY_PER_CLICK
    click_through_lookback_window_days bigint conversion_action.click_through_lookback_window_days: days it counts after a click
    view_through_lookback_window_days bigint conversion_action.view_through_lookback_window_days: days it counts after a view

daily account_daily customer -: Results by day from the account's own report. One row a day.
    currency {_FIGURES} {_ALL}

daily campaign_daily campaign campaign_id network device: Results of campaigns, by network, device and day.
    campaign_id network device currency {_FIGURES} {_ALL}

daily ad_group_daily ad_group ad_group_id network device: Results of ad groups, by network, device and day.
    campaign_id ad_group_id network device currency {_FIGURES}

daily ad_daily ad_group_ad ad_group_id ad_id network device: Results of ads, by network, device and day.
    campaign_id ad_group_id ad_id network device currency {_FIGURES}

daily keyword_daily keyword_view ad_group_id keyword_id network device: Results of keywords, by network, device and day.
    campaign_id ad_group_id keyword_id network device currency {_FIGURES}

daily conversion_daily campaign campaign_id conversion_action: Conversions by action, on the day of the click and of the conversion.
    campaign_id
    conversion_action text segments.conversion_action: resource name of the action; ends in its id
    conversion_action_name text segments.conversion_action_name: its name
    conversion_action_category text segments.conversion_action_category: PURCHASE, SUBMIT_LEAD_FORM, ...
    currency conversions conversions_value {_ALL}
    conversions_by_conversion_date decimal metrics.conversions_by_conversion_date: of primary actions, on the conversion's day
    conversions_value_by_conversion_date decimal metrics.conversions_value_by_conversion_date: their value, account's currency
    all_conversions_by_conversion_date decimal metrics.all_conversions_by_conversion_date: of all actions, on the conversion's day
    all_conversions_value_by_conversion_date decimal metrics.all_conversions_value_by_conversion_date: their value, account's currency

daily conversion_lag_daily campaign campaign_id conversion_lag_bucket: Primary conversions by the time since the click.
    campaign_id
    conversion_lag_bucket text segments.conversion_lag_bucket: LESS_THAN_ONE_DAY, ONE_TO_TWO_DAYS, ..., SIXTY_TO_NINETY_DAYS
    currency conversions conversions_value

daily search_term_daily search_term_view ad_group_id keyword match_type search_term: Searches that showed an ad, but for rare ones.
    campaign_id ad_group_id
    keyword text segments.keyword.ad_group_criterion: resource name of the keyword; ends in its id
    keyword_text text segments.keyword.info.text: the words bid on
    match_type text segments.search_term_match_type: EXACT, PHRASE, BROAD, NEAR_EXACT, NEAR_PHRASE, ...
    search_term text search_term_view.search_term: what was searched; may hold an address someone typed
    currency {_FIGURES}

daily change_status change_status resource_name: The last change of each thing as known that night, kept longer than at Google.
    resource_name text change_status.resource_name: resource name of the change
    changed_at text change_status.last_change_date_time: when, account's time
    resource_type text change_status.resource_type: CAMPAIGN, CAMPAIGN_BUDGET, AD_GROUP, AD_GROUP_AD, AD_GROUP_CRITERION, ...
    resource_status text change_status.resource_status: ADDED, CHANGED, REMOVED
    campaign text change_status.campaign: resource name of the campaign; null where it is about none
    ad_group text change_status.ad_group: resource name of the ad group; null where it is about none
    ad_group_ad text change_status.ad_group_ad: resource name of the ad; null where it is about none
    ad_group_criterion text change_status.ad_group_criterion: resource name of the keyword; null where it is about none
    campaign_budget text change_status.campaign_budget: resource name of the budget; null where it is about none

daily click_view click_view gclid: Clicks with their gclid, which joins them to web analytics and the CRM.
    gclid text click_view.gclid: Google's click id
    campaign_id ad_group_id
    ad_group_ad text click_view.ad_group_ad: resource name of the ad; null for Performance Max
    keyword text click_view.keyword: resource name of the keyword; null outside search
    network device clicks
"""
_PROVIDES = {
    **dict.fromkeys(("account_daily", "campaign_daily", "ad_group_daily", "ad_daily"), "ad_performance"),
    "search_term_daily": "search_terms",
    "conversion_lag_daily": "ad_conversion_lags",
}
_CONDITIONS = {
    "campaign_user_lists": "campaign_criterion.type = 'USER_LIST' AND campaign_criterion.negative = FALSE "
    "AND campaign_criterion.status != 'REMOVED'",
    "keywords": "ad_group_criterion.type = 'KEYWORD' AND ad_group_criterion.negative = FALSE",
}
_PERSONAL = frozenset({"gclid"})
_ACCOUNT = Column("account_id", "text", "customer.id: the ad account")
_DELETED = Column("_deleted", "bool", "takes out what came before; no row of raw has it", hard_delete=True)


@dataclass(frozen=True)
class Report:
    """A raw table and its query: `SELECT <fields> FROM <resource> WHERE <condition>`. `fields`: by column."""

    table: Table
    kind: str
    resource: str
    fields: dict[str, str]
    condition: str = ""

    @property
    def wire(self) -> dict[str, Wire]:
        """Where each value lies in a row: the field in the JSON names of protobuf."""
        return {
            column: Wire(".".join(map(_camel, field.split("."))), _WIRES.get(self.table.column(column).type, "text"))
            for column, field in self.fields.items()
        }

    @property
    def required(self) -> list[str]:
        """Columns without which a row cannot be used; Google leaves out what has no value."""
        key = [
            c for c in self.table.row_key if c in self.fields and c != "keyword"
        ]  # dynamic search ads have no keyword
        figures = ("impressions", "clicks", "cost_micros", "currency", "status")
        return [*key, *(c for c in self.fields if c in figures and c not in key)]

    def query(self, *conditions: str, tail: str = "") -> str:
        where = " AND ".join(c for c in (self.condition, *conditions) if c)
        select = ", ".join(dict.fromkeys(self.fields.values()))
        return f"SELECT {select} FROM {self.resource}" + (f" WHERE {where}" if where else "") + tail


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _column(line: str) -> tuple[Column, str]:
    what, meaning = line.strip().split(": ", 1)
    name, kind, field = what.split()
    return Column(name, cast(ColumnType, kind), meaning, personal=name in _PERSONAL), field


def _report(block: str, shared: dict[str, tuple[Column, str]]) -> Report:
    head, *lines = block.splitlines()
    what, description = head.split(": ", 1)
    kind, name, resource, *key = what.split()
    found: list[tuple[Column, str]] = []
    for line in lines:
        found += [_column(line)] if ": " in line else [shared[n] for n in line.split()]
    if kind == "daily":
        day, field = shared["date_day"]
        found.insert(0, (day, "change_status.last_change_date_time" if name == "change_status" else field))
    columns = (_ACCOUNT, *(c for c, _ in found))
    ids = tuple(k for k in key if k != "-")
    if kind == "versions":
        table = history_table(name, columns, ("account_id", *ids), description)
    else:
        days = ("date_day",) if kind == "daily" else ()
        by = ("account_id", *days)
        table = Table(name, (*columns, _DELETED), (*by, *ids), by, description, "".join(days), _PROVIDES.get(name, ""))
    return Report(table, kind, resource, {c.name: field for c, field in found}, _CONDITIONS.get(name, ""))


def _reports() -> dict[str, Report]:
    shared = {column.name: (column, field) for column, field in map(_column, _SHARED.strip().splitlines())}
    reports = [_report(block, shared) for block in _TABLES.strip().split("\n\n")]
    return {r.table.name: r for r in reports}


REPORTS = _reports()
