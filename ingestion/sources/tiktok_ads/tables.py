"""TikTok's raw tables, in the vendor's names."""

from __future__ import annotations

from ingestion.spec import Column, Table, history_table

_ACCOUNT = Column("account_id", "text", "advertiser_id: the ad account")
_CAMPAIGN = Column("campaign_id", "text", "campaign")
_AD_GROUP = Column("ad_group_id", "text", "adgroup_id: the ad group")
_STATUSES = (
    Column("operation_status", "text", "what the advertiser set: ENABLE, DISABLE, FROZEN"),
    Column("secondary_status", "text", "why it is shown or not, as .._STATUS_DELIVERY_OK, .._STATUS_DELETE"),
)
_BUDGET = (
    Column(
        "budget_mode",
        "text",
        "BUDGET_MODE_DAY, BUDGET_MODE_DYNAMIC_DAILY_BUDGET, BUDGET_MODE_TOTAL, BUDGET_MODE_INFINITE",
    ),
    Column("budget", "decimal", "of the budget_mode, in the account's currency; 0: none at this level"),
)
_CREATED = Column("create_time", "timestamp", "when it was made")
AD_ACCOUNTS = history_table(
    "ad_accounts",
    (
        _ACCOUNT,
        Column("name", "text", "the account's name"),
        Column("currency", "text", "of every amount, ISO 4217"),
        Column("timezone", "text", "of every date, as an offset (Etc/GMT+8) or a name"),
        Column("display_timezone", "text", "the same by name (America/Los_Angeles)"),
        Column("status", "text", "STATUS_ENABLE, STATUS_LIMIT, ..."),
        Column("company", "text", "who it belongs to"),
        Column("country", "text", "two letters"),
    ),
    ("account_id",),
    "Ad accounts, as versions.",
)
CAMPAIGNS = history_table(
    "campaigns",
    (
        _ACCOUNT,
        _CAMPAIGN,
        Column("campaign_name", "text", "its name"),
        Column(
            "objective_type",
            "text",
            "REACH, TRAFFIC, VIDEO_VIEWS, LEAD_GENERATION, WEB_CONVERSIONS, PRODUCT_SALES, ...",
        ),
        *_BUDGET,
        *_STATUSES,
        _CREATED,
    ),
    ("account_id", "campaign_id"),
    "Campaigns, deleted ones too, as versions.",
)
AD_GROUPS = history_table(
    "ad_groups",
    (
        _ACCOUNT,
        _CAMPAIGN,
        _AD_GROUP,
        Column("adgroup_name", "text", "its name"),
        *_BUDGET,
        Column("bid_price", "decimal", "bid in the account's currency; null where the vendor bids"),
        Column("schedule_start_time", "timestamp", "planned start"),
        Column("schedule_end_time", "timestamp", "planned end; ten years on where none is planned"),
        Column("optimization_goal", "text", "CONVERT, CLICK, REACH, VIDEO_VIEW, ..."),
        Column("optimization_event", "text", "the event of CONVERT: SHOPPING, FORM, ...; else null"),
        Column("click_attribution_window", "text", "OFF, ONE_DAY, SEVEN_DAYS, FOURTEEN_DAYS, TWENTY_EIGHT_DAYS"),
        Column("view_attribution_window", "text", "OFF, ONE_DAY, SEVEN_DAYS"),
        Column("audience_ids", "text", "JSON list of the audiences it is shown to; [] for none"),
        Column("excluded_audience_ids", "text", "JSON list of the audiences it is kept from"),
        *_STATUSES,
        _CREATED,
    ),
    ("account_id", "ad_group_id"),
    "Ad groups, deleted ones too, as versions.",
)
ADS = history_table(
    "ads",
    (
        _ACCOUNT,
        _CAMPAIGN,
        _AD_GROUP,
        Column("ad_id", "text", "ad"),
        Column("ad_name", "text", "its name"),
        Column("ad_format", "text", "SINGLE_VIDEO, SINGLE_IMAGE, CAROUSEL_ADS, ..."),
        Column("ad_text", "text", "what it says"),
        Column("video_id", "text", "the video it shows; null without one"),
        Column("landing_page_url", "text", "where it leads, with its tags"),
        *_STATUSES,
        _CREATED,
    ),
    ("account_id", "ad_id"),
    "Ads, deleted ones too, as versions.",
)

# Metrics of the report that are kept: the vendor's names, of which `total_complete_payment_rate` is an amount.
METRICS = (
    Column("impressions", "bigint", "times shown"),
    Column("clicks", "bigint", "clicks to a destination"),
    Column("spend", "decimal", "media cost without VAT, account's currency"),
    Column("conversion", "bigint", "of the event each ad group is optimised for, after clicks and views"),
    Column("complete_payment", "bigint", "purchases on the website, after clicks and views"),
    Column("total_complete_payment_rate", "decimal", "value of complete_payment, account's currency"),
    Column("vta_complete_payment", "bigint", "the part of complete_payment after views alone"),
    Column("vta_complete_payment_value", "decimal", "value of vta_complete_payment, account's currency"),
    Column("form", "bigint", "forms submitted on the website, after clicks and views"),
    Column("total_form_value", "decimal", "value of form"),
    Column("online_consult", "bigint", "contacts (calls, chats) from the website, after clicks and views"),
    Column("total_online_consult_value", "decimal", "value of online_consult"),
    Column("user_registration", "bigint", "registrations on the website, after clicks and views"),
    Column("total_user_registration_value", "decimal", "value of user_registration"),
    Column("web_event_add_to_cart", "bigint", "additions to the cart, after clicks and views"),
    Column("total_web_event_add_to_cart_value", "decimal", "value of web_event_add_to_cart"),
)
_DAY = Column("date_day", "date", "stat_time_day: the account's own day")
_DELETED = Column("_deleted", "bool", "takes out the account's day; no row of raw has it", hard_delete=True)


def _daily(name: str, ids: tuple[Column, ...]) -> Table:
    key = (*(c.name for c in ids[-1:]), "date_day")
    return Table(
        name,
        (*ids, _DAY, *METRICS, _DELETED),
        row_key=key if key[0] == "account_id" else ("account_id", *key),
        merge_key=("account_id", "date_day"),
        description=f"Results by day from the report of data level {LEVELS[name][0]}. One row {ids[-1].description} and day.",
        date_column="date_day",
        provides="ad_performance",
    )


# table -> (data_level, the report's own id, what else it says of the row)
LEVELS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "account_daily": ("AUCTION_ADVERTISER", "advertiser_id", ()),
    "campaign_daily": ("AUCTION_CAMPAIGN", "campaign_id", ()),
    "ad_group_daily": ("AUCTION_ADGROUP", "adgroup_id", ("campaign_id",)),
    "ad_daily": ("AUCTION_AD", "ad_id", ("campaign_id", "adgroup_id")),
}
_AD = Column("ad_id", "text", "ad")
DAILY = (
    _daily("account_daily", (_ACCOUNT,)),
    _daily("campaign_daily", (_ACCOUNT, _CAMPAIGN)),
    _daily("ad_group_daily", (_ACCOUNT, _CAMPAIGN, _AD_GROUP)),
    _daily("ad_daily", (_ACCOUNT, _CAMPAIGN, _AD_GROUP, _AD)),
)
# Reports leave deleted things out unless their status is asked for; the account's total holds them always.
STATUS_FIELD = {"campaign_daily": "campaign_status", "ad_group_daily": "adgroup_status", "ad_daily": "ad_status"}
