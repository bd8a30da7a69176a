"""LinkedIn Ads' raw tables, in LinkedIn's words: campaign group > campaign > creative."""

from __future__ import annotations

from ingestion.spec import REJECTS, Column, Table, history_table

_ACCOUNT = Column("account_id", "text", "ad account")
_GROUP = Column("campaign_group_id", "text", "campaign group")
_CAMPAIGN = Column("campaign_id", "text", "campaign")
_CREATIVE = Column("creative_id", "text", "creative")
_CONVERSION = Column("conversion_id", "text", "conversion rule")
_FORM = Column("lead_form_id", "text", "lead gen form")
_NAME = Column("name", "text", "as the advertiser called it")
_STATUS = Column("status", "text", "ACTIVE, PAUSED, ARCHIVED, COMPLETED, CANCELED, DRAFT, PENDING_DELETION, REMOVED")
_OBJECTIVE = Column(
    "objective_type", "text", "LEAD_GENERATION, WEBSITE_CONVERSION, WEBSITE_VISIT, BRAND_AWARENESS, VIDEO_VIEW, ..."
)
_CREATED = Column("created_at", "timestamp", "when it was made")
_SCHEDULE = (
    Column("run_start_at", "timestamp", "planned start"),
    Column("run_end_at", "timestamp", "planned end; null without one"),
)
_BUDGET = (
    Column("daily_budget", "decimal", "a day's budget; null when there is none at this level"),
    Column("daily_budget_currency", "text", "its currency, the account's"),
    Column("total_budget", "decimal", "budget of the whole run; null when there is none at this level"),
    Column("total_budget_currency", "text", "its currency, the account's"),
)
_DELETED = Column("_deleted", "bool", "takes out what it replaces; no row of raw has it", hard_delete=True)

AD_ACCOUNTS = history_table(
    "ad_accounts",
    (
        _ACCOUNT,
        _NAME,
        Column("currency", "text", "of every amount of the account, ISO 4217"),
        Column("status", "text", "ACTIVE, DRAFT, CANCELED, PENDING_DELETION, REMOVED"),
        Column("type", "text", "BUSINESS or ENTERPRISE"),
        Column("reference", "text", "URN of the organization it advertises for"),
    ),
    ("account_id",),
    "Ad accounts, as versions. Days of every account are UTC.",
)
CAMPAIGN_GROUPS = history_table(
    "campaign_groups",
    (
        _ACCOUNT, _GROUP, _NAME, _STATUS, _OBJECTIVE, *_BUDGET,
        Column("budget_strategy", "text", "DYNAMIC: the group's budget is spread over its campaigns; else null"),
        *_SCHEDULE, _CREATED,
    ),
    ("account_id", "campaign_group_id"),
    "Campaign groups (called campaigns elsewhere), as versions.",
)  # fmt: skip
CAMPAIGNS = history_table(
    "campaigns",
    (
        _ACCOUNT, _GROUP, _CAMPAIGN, _NAME, _STATUS,
        Column("type", "text", "SPONSORED_UPDATES, TEXT_AD, SPONSORED_INMAILS, DYNAMIC"),
        Column("format", "text", "STANDARD_UPDATE, SINGLE_VIDEO, CAROUSEL, SPONSORED_UPDATE_NATIVE_DOCUMENT, ..."),
        _OBJECTIVE,
        Column("cost_type", "text", "CPC, CPM or CPV"),
        Column("unit_cost", "decimal", "bid, account's currency"),
        *_BUDGET,
        Column("targeting_facets", "text", "facets it is targeted by, sorted, with commas: dynamicSegments,locations,..."),
        *_SCHEDULE, _CREATED,
    ),
    ("account_id", "campaign_id"),
    "Campaigns (called ad groups elsewhere), as versions.",
)  # fmt: skip
CREATIVES = history_table(
    "creatives",
    (
        _ACCOUNT, _CAMPAIGN, _CREATIVE, _NAME,
        Column("intended_status", "text", "ACTIVE, PAUSED, DRAFT, ARCHIVED, CANCELED, PENDING_DELETION, REMOVED"),
        Column("review_status", "text", "APPROVED, PENDING, REJECTED"),
        Column("post_id", "text", "URN of the post it shows; null for text ads"),
        Column("lead_form_id", "text", "lead gen form behind its button; null without one"),
        _CREATED,
    ),
    ("account_id", "creative_id"),
    "Creatives (called ads elsewhere), as versions.",
)  # fmt: skip
POSTS = Table(
    "posts",
    (
        _ACCOUNT,
        Column("post_id", "text", "URN of the post"),
        Column("commentary", "text", "what it says"),
        Column("landing_page", "text", "where it leads, with its tags"),
        Column("content_type", "text", "image, video, document, carousel, article, ..."),
        _CREATED,
        _DELETED,
    ),
    row_key=("account_id", "post_id"),
    merge_key=("account_id",),
    description="Posts that creatives show. One row a post.",
)
CONVERSIONS = Table(
    "conversions",
    (
        _ACCOUNT,
        _CONVERSION,
        _NAME,
        Column("type", "text", "PURCHASE, LEAD, SIGN_UP, ADD_TO_CART, KEY_PAGE_VIEW, PHONE_CALL, ..."),
        Column("enabled", "bool", "whether it counts now"),
        Column("conversion_method", "text", "INSIGHT_TAG or CONVERSIONS_API"),
        Column("attribution_type", "text", "LAST_TOUCH_BY_CAMPAIGN or LAST_TOUCH_BY_CONVERSION"),
        Column("post_click_window_days", "bigint", "days after a click in which it counts"),
        Column("view_through_window_days", "bigint", "days after a view in which it counts"),
        _DELETED,
    ),
    row_key=("account_id", "conversion_id"),
    merge_key=("account_id",),
    description="Conversion rules. One row a rule.",
)
LEAD_FORMS = Table(
    "lead_forms",
    (_ACCOUNT, _FORM, _NAME, Column("state", "text", "DRAFT, PUBLISHED, ARCHIVED"), _CREATED, _DELETED),
    row_key=("account_id", "lead_form_id"),
    merge_key=("account_id",),
    description="Lead gen forms. One row a form.",
)
# The question behind an answer, by the form's predefinedField.
ANSWERS = {
    "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "EMAIL": "email", "WORK_EMAIL": "email", "PHONE_NUMBER": "phone",
    "COMPANY_NAME": "company", "JOB_TITLE": "job_title",
}  # fmt: skip
LEAD_FORM_RESPONSES = Table(
    "lead_form_responses",
    (
        _ACCOUNT,
        Column("date_day", "date", "UTC day of submitted_at"),
        Column("response_id", "text", "id of the response"),
        _FORM,
        Column("submitted_at", "timestamp", "when it was sent"),
        Column("test_lead", "bool", "sent by the advertiser to try the form"),
        _CAMPAIGN,
        _CREATIVE,
        Column("submitter", "text", "URN of the member", personal=True),
        *(Column(name, "text", "as the person wrote it", personal=True) for name in dict.fromkeys(ANSWERS.values())),
        Column(
            "other_answers", "text", "answers to other questions, JSON by question; null without any", personal=True
        ),
        _DELETED,
    ),
    row_key=("account_id", "response_id"),
    merge_key=("account_id", "date_day"),
    description="Forms that people filled in inside LinkedIn. LinkedIn keeps them for 90 days. One row a response.",
    date_column="date_day",
)

_COUNTS = {  # the report's name -> (column, meaning)
    "externalWebsiteConversions": ("external_website_conversions", "conversions of all rules, after clicks and views"),
    "externalWebsitePostClickConversions": ("external_website_post_click_conversions", "those after a click"),
    "externalWebsitePostViewConversions": ("external_website_post_view_conversions", "those after a view"),
}
_VALUE = Column("conversion_value_in_local_currency", "decimal", "value of all conversions, account's currency")
METRICS = {
    "impressions": Column("impressions", "bigint", "times shown"),
    "clicks": Column("clicks", "bigint", "clicks that are charged for"),
    "costInLocalCurrency": Column("cost_in_local_currency", "decimal", "media cost without VAT, account's currency"),
    "landingPageClicks": Column("landing_page_clicks", "bigint", "clicks to the landing page or form"),
    "totalEngagements": Column("total_engagements", "bigint", "interactions of all kinds"),
    **{metric: Column(name, "bigint", about) for metric, (name, about) in _COUNTS.items()},
    "conversionValueInLocalCurrency": _VALUE,
    "oneClickLeads": Column("one_click_leads", "bigint", "lead gen forms sent"),
    "oneClickLeadFormOpens": Column("one_click_lead_form_opens", "bigint", "lead gen forms opened"),
    "videoViews": Column("video_views", "bigint", "videos seen for two seconds or more"),
}
CONVERSION_METRICS = {metric: METRICS[metric] for metric in (*_COUNTS, "conversionValueInLocalCurrency")}
_DAY = Column(
    "date_day", "date", "day of the ad's being shown, UTC; a conversion counts on the day of its click or view"
)


def _daily(name: str, ids: tuple[Column, ...], metrics: dict[str, Column], provides: str, description: str) -> Table:
    return Table(
        name,
        (_ACCOUNT, _DAY, *ids, *metrics.values(), _DELETED),
        row_key=("account_id", "date_day", *(c.name for c in ids)),
        merge_key=("account_id", "date_day"),
        description=description,
        date_column="date_day",
        provides=provides,
    )


def _performance(name: str, ids: tuple[Column, ...], pivot: str) -> Table:
    about = f"Results by day of pivot {pivot}. One row {ids[-1].description if ids else 'ad account'} and day."
    return _daily(name, ids, METRICS, "ad_performance", about)


# table -> the pivots of its report, in the order of the table's ids (the account is always asked for by itself)
DAILY: dict[Table, tuple[str, ...]] = {
    _performance("account_daily", (), "ACCOUNT"): ("ACCOUNT",),
    _performance("campaign_group_daily", (_GROUP,), "CAMPAIGN_GROUP"): ("CAMPAIGN_GROUP",),
    _performance("campaign_daily", (_CAMPAIGN,), "CAMPAIGN"): ("CAMPAIGN",),
    _performance("creative_daily", (_CREATIVE,), "CREATIVE"): ("CREATIVE",),
    _daily(
        "conversion_daily", (_CREATIVE, _CONVERSION), CONVERSION_METRICS, "",
        "Conversions by day of pivots CREATIVE and CONVERSION. One row a creative, rule and day.",
    ): ("CREATIVE", "CONVERSION"),
}  # fmt: skip
REACH_LEVELS = {"campaign_group": "CAMPAIGN_GROUP", "creative": "CREATIVE"}
REACH_WINDOWS = Table(
    "reach_windows",
    (
        _ACCOUNT,
        Column("level", "text", "campaign_group or creative"),
        Column("object_id", "text", "campaign group or creative, as the level says"),
        Column("window_kind", "text", "last_7_days, last_28_days or month, up to the night before"),
        Column("window_start", "date", "first day, UTC"),
        Column("window_end", "date", "last day, UTC"),
        Column("impressions", "bigint", "times shown in the window"),
        Column(
            "approximate_member_reach", "bigint", "members who saw it in the window, an estimate; adds up over nothing"
        ),
        _DELETED,
    ),
    row_key=("account_id", "level", "object_id", "window_kind", "window_start"),
    merge_key=("account_id",),
    description="How many people saw a thing. One row a thing and window; windows of former nights are replaced.",
)
TABLES = (
    AD_ACCOUNTS, CAMPAIGN_GROUPS, CAMPAIGNS, CREATIVES, POSTS, CONVERSIONS, LEAD_FORMS, LEAD_FORM_RESPONSES, *DAILY, REACH_WINDOWS, REJECTS,
)  # fmt: skip
