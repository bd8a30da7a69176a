"""The raw tables of Meta Ads, in Meta's words. Amounts and days are the account's: its currency, its time zone."""

from __future__ import annotations

from ingestion.spec import REJECTS, Column, Table, history_table

ACCOUNT = Column("account_id", "text", "ad account, without the act_ before it")
DELETED = Column("_deleted", "bool", "marks of a replacement; never kept", hard_delete=True)
CAMPAIGN = Column("campaign_id", "text", "campaign")
ADSET = Column("adset_id", "text", "ad set")
AD = Column("ad_id", "text", "ad")
_STATES = (
    Column("status", "text", "what the advertiser set: ACTIVE, PAUSED, ARCHIVED, DELETED"),
    Column("effective_status", "text", "what holds, with the status of what is above it: also CAMPAIGN_PAUSED, IN_PROCESS, ..."),
)  # fmt: skip
_BUDGET = Column(
    "daily_budget",
    "bigint",
    "a day's budget in the currency's smallest unit as Meta counts it; null: none at this level",
)
_RETARGETING = Column(
    "is_retargeting", "bool", "shown to custom audiences of known people (lookalikes are not); null: not told"
)

AD_ACCOUNTS = history_table(
    "ad_accounts",
    (
        ACCOUNT,
        Column("name", "text", "the account's name"),
        Column("currency", "text", "of every amount, ISO 4217"),
        Column("timezone_name", "text", "IANA zone of the account's days"),
        Column("account_status", "bigint", "1 active, 2 disabled, 3 unsettled, 9 in grace period, 101 closed"),
        Column("created_date", "date", "day it was opened (created_time), in its own zone"),
    ),
    ("account_id",),
    "Ad accounts the token may read. One row a version.",
)
CAMPAIGNS = history_table(
    "campaigns",
    (
        ACCOUNT,
        CAMPAIGN,
        Column("name", "text", "the campaign's name"),
        *_STATES,
        Column("objective", "text", "OUTCOME_SALES, OUTCOME_LEADS, OUTCOME_TRAFFIC, OUTCOME_AWARENESS, ..."),
        Column("bid_strategy", "text", "LOWEST_COST_WITHOUT_CAP, COST_CAP, ...; null where the ad sets have their own"),
        _BUDGET,
        Column("start_date", "date", "planned first day (start_time), in the account's zone"),
        Column("stop_date", "date", "planned last day (stop_time), in the account's zone; null: none"),
        Column("created_date", "date", "day it was made (created_time), in the account's zone"),
        Column(_RETARGETING.name, "bool", "all of its ad sets are shown to custom audiences of known people; null: it has none"),
    ),
    ("account_id", "campaign_id"),
    "Campaigns that are not deleted. One row a version.",
)  # fmt: skip
AD_SETS = history_table(
    "ad_sets",
    (
        ACCOUNT,
        CAMPAIGN,
        ADSET,
        Column("name", "text", "the ad set's name"),
        *_STATES,
        _BUDGET,
        Column("optimization_goal", "text", "OFFSITE_CONVERSIONS, LEAD_GENERATION, ..."),
        Column("billing_event", "text", "what is paid for: IMPRESSIONS, ..."),
        Column("attribution_spec", "text", "JSON: [{event_type: CLICK_THROUGH or VIEW_THROUGH, window_days}]"),
        Column("attribution_setting", "text", "the same in Meta's short form: 7d_click_1d_view, 1d_click, ..."),
        Column("custom_audiences", "text", "JSON: ids of the custom audiences it is shown to; null: none"),
        _RETARGETING,
    ),
    ("account_id", "adset_id"),
    "Ad sets that are not deleted. One row a version.",
)
ADS = history_table(
    "ads",
    (
        ACCOUNT,
        CAMPAIGN,
        ADSET,
        AD,
        Column("name", "text", "the ad's name"),
        *_STATES,
        Column("creative_id", "text", "the creative it shows"),
        Column("created_date", "date", "day it was made (created_time), in the account's zone"),
    ),
    ("account_id", "ad_id"),
    "Ads that are not deleted. One row a version.",
)
CREATIVES = Table(
    "creatives",
    (
        ACCOUNT,
        Column("creative_id", "text", "creative"),
        Column("name", "text", "the creative's name"),
        Column("title", "text", "headline"),
        Column("object_type", "text", "SHARE, VIDEO, PHOTO, ..."),
        Column("n_cards", "bigint", "cards of a carousel; 0: none"),
        Column("link_url", "text", "where it leads, without url_tags; may hold addresses"),
        Column("url_tags", "text", "query parameters Meta adds to the link"),
        DELETED,
    ),
    ("account_id", "creative_id"),
    ("account_id",),
    "Creatives of the account as they are tonight.",
)
METRICS = (
    Column("currency", "text", "of spend and values, ISO 4217"),
    Column("impressions", "bigint", "times shown"),
    Column("clicks", "bigint", "clicks of every kind"),
    Column("inline_link_clicks", "bigint", "clicks that lead off or on to another place of Meta"),
    Column("spend", "decimal", "media cost without VAT"),
    Column("pixel_purchases", "decimal", "offsite_conversion.fb_pixel_purchase, by the ad sets' own attribution setting"),
    Column("pixel_purchase_value", "decimal", "their value"),
    Column("pixel_leads", "decimal", "offsite_conversion.fb_pixel_lead, by the same setting"),
    Column("form_leads", "decimal", "onsite_conversion.lead_grouped: lead forms and messages on Meta"),
    Column("calls", "decimal", "click_to_call_native_call_placed"),
)  # fmt: skip
_DAY = Column("date_day", "date", "the account's own day")
_PLATFORM = Column("publisher_platform", "text", "facebook, instagram, audience_network, messenger, ...")


def _daily(name: str, keys: tuple[Column, ...], row_key: tuple[str, ...], what: str) -> Table:
    day = ("account_id", "date_day")
    columns = (ACCOUNT, _DAY, *keys, *METRICS, DELETED)
    return Table(name, columns, (*day, *row_key), day, what, "date_day", "ad_performance")


ACCOUNT_DAILY = _daily(
    "account_daily", (), (), "Results of accounts, deleted campaigns and ads included. One row a day."
)
CAMPAIGN_DAILY = _daily(
    "campaign_daily",
    (CAMPAIGN, _PLATFORM),
    ("campaign_id", "publisher_platform"),
    "Results of campaigns, deleted ones included. One row a day and platform.",
)
AD_DAILY = _daily(
    "ad_daily",
    (CAMPAIGN, ADSET, AD, _PLATFORM, Column("device_platform", "text", "mobile_app, mobile_web, desktop")),
    ("ad_id", "publisher_platform", "device_platform"),
    "Results of ads, deleted ones included. One row a day, platform and device.",
)
CONVERSION_DAILY = Table(
    "conversion_daily",
    (
        ACCOUNT,
        _DAY,
        Column("level", "text", "campaign or ad: the report it comes from; never add the two"),
        Column("object_id", "text", "the campaign or ad"),
        CAMPAIGN,
        ADSET,
        AD,
        Column("action_type", "text", "Meta's; they overlap: omni_purchase holds offsite_conversion.fb_pixel_purchase"),
        Column("attribution_window", "text", "value: the ad sets' own setting; or 1d_click, 7d_click, 28d_click, 1d_view"),
        Column("attribution_setting", "text", "the ad sets' own setting; null: they differ"),
        Column("currency", "text", "of conversion_value, ISO 4217"),
        Column("conversions", "decimal", "actions counted"),
        Column("conversion_value", "decimal", "their value; 0: none"),
        DELETED,
    ),
    ("account_id", "date_day", "level", "object_id", "action_type", "attribution_window"),
    ("account_id", "date_day"),
    "What Meta claims by action type and attribution window. Windows and types overlap: never add them.",
    "date_day",
)  # fmt: skip
REACH_WINDOWS = Table(
    "reach_windows",
    (
        ACCOUNT,
        Column("level", "text", "campaign or ad"),
        Column("object_id", "text", "the campaign or ad"),
        CAMPAIGN,
        ADSET,
        AD,
        Column("window_kind", "text", "last_7_days, last_28_days or month"),
        Column("window_start", "date", "first day"),
        Column("window_end", "date", "last day; of the running month: yesterday"),
        Column("impressions", "bigint", "times shown in the window"),
        Column("reach", "bigint", "people who saw it in the window; never add over windows, campaigns or ads"),
        Column("frequency", "decimal", "times a person saw it"),
        DELETED,
    ),
    ("account_id", "window_kind", "window_start", "level", "object_id"),
    ("account_id", "window_kind", "window_start"),
    "Reach and frequency as Meta tells them for whole windows. Each night adds its last 7 and 28 days; a month is replaced.",
)  # fmt: skip
TABLES = (
    AD_ACCOUNTS, CAMPAIGNS, AD_SETS, ADS, CREATIVES, ACCOUNT_DAILY, CAMPAIGN_DAILY, AD_DAILY, CONVERSION_DAILY, REACH_WINDOWS, REJECTS,
)  # fmt: skip
