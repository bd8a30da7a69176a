"""What can be asked of Google Ads: fields with their SQL on the desk's tables, resources, and which go together.

Words, types and JSON names are those of the protobuf messages of v26 (google-ads 34).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

# Aliases: a account, c campaign, g ad group, d ad, k keyword (also of the click), v what the resource lists beside
# these, f figures by segment, x conversion action.
_STATUS = "case {} when 'active' then 'ENABLED' when 'paused' then 'PAUSED' else 'REMOVED' end"
_CATEGORY = """case x.category when 'purchase' then 'PURCHASE' when 'lead' then 'SUBMIT_LEAD_FORM'
    when 'phone_call' then 'PHONE_CALL_LEAD' when 'sign_up' then 'SIGNUP' when 'add_to_cart' then 'ADD_TO_CART'
    when 'page_view' then 'PAGE_VIEW' else 'DEFAULT' end"""
_BUDGET = "'customers/' || a.account_id || '/campaignBudgets/' || c.budget_id"
_CRITERION = "'customers/' || a.account_id || '/adGroupCriteria/' || k.ad_group_id || '~' || k.keyword_id"

WORDS: dict[str, str] = {
    "status": "ENABLED PAUSED REMOVED",
    "customer_status": "ENABLED CANCELED SUSPENDED CLOSED",
    "channel": "SEARCH DISPLAY SHOPPING HOTEL VIDEO MULTI_CHANNEL LOCAL SMART PERFORMANCE_MAX LOCAL_SERVICES TRAVEL DEMAND_GEN",
    "sub_channel": "SEARCH_MOBILE_APP DISPLAY_SMART_CAMPAIGN VIDEO_ACTION VIDEO_REACH_TARGET_FREQUENCY",
    "bidding": "MANUAL_CPC MANUAL_CPM MAXIMIZE_CONVERSIONS MAXIMIZE_CONVERSION_VALUE TARGET_CPA TARGET_CPM TARGET_ROAS TARGET_SPEND",
    "delivery": "STANDARD ACCELERATED",
    "period": "DAILY CUSTOM_PERIOD",
    "match": "EXACT PHRASE BROAD",
    "criterion": "KEYWORD USER_LIST",
    "ad": "RESPONSIVE_SEARCH_AD SHOPPING_PRODUCT_AD RESPONSIVE_DISPLAY_AD VIDEO_RESPONSIVE_AD DEMAND_GEN_MULTI_ASSET_AD "
    "DEMAND_GEN_CAROUSEL_AD DEMAND_GEN_VIDEO_RESPONSIVE_AD IMAGE_AD",
    "group": "SEARCH_STANDARD DISPLAY_STANDARD SHOPPING_PRODUCT_ADS VIDEO_RESPONSIVE",
    "action": "WEBPAGE WEBSITE_CALL",
    "category": "DEFAULT PAGE_VIEW PURCHASE SIGNUP ADD_TO_CART PHONE_CALL_LEAD SUBMIT_LEAD_FORM",
    "counting": "ONE_PER_CLICK MANY_PER_CLICK",
    "network": "SEARCH SEARCH_PARTNERS CONTENT MIXED YOUTUBE GOOGLE_TV GOOGLE_OWNED_CHANNELS GMAIL DISCOVER MAPS",
    "device": "MOBILE TABLET DESKTOP CONNECTED_TV OTHER",
    "term_match": "BROAD EXACT PHRASE NEAR_EXACT NEAR_PHRASE AI_MAX PERFORMANCE_MAX",
    "term_status": "ADDED EXCLUDED ADDED_EXCLUDED NONE",
    "lag": "",  # filled below
    "changed": "AD_GROUP AD_GROUP_AD AD_GROUP_CRITERION CAMPAIGN CAMPAIGN_BUDGET",
    "operation": "ADDED CHANGED REMOVED",
}
_NUMBERS = (
    "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN", "ELEVEN", "TWELVE", "THIRTEEN",
    "FOURTEEN",
)  # fmt: skip
# (bucket, first day, day after the last)
LAG_BUCKETS: tuple[tuple[str, int, int], ...] = (
    ("LESS_THAN_ONE_DAY", 0, 1),
    *((f"{a}_TO_{b}_DAYS", i, i + 1) for i, (a, b) in enumerate(pairwise(_NUMBERS), 1)),
    ("FOURTEEN_TO_TWENTY_ONE_DAYS", 14, 21),
    ("TWENTY_ONE_TO_THIRTY_DAYS", 21, 30),
    ("THIRTY_TO_FORTY_FIVE_DAYS", 30, 45),
    ("FORTY_FIVE_TO_SIXTY_DAYS", 45, 60),
    ("SIXTY_TO_NINETY_DAYS", 60, 91),
)
WORDS["lag"] = " ".join(name for name, _, _ in LAG_BUCKETS)

# field, JSON type (int: a string of digits; enum:<words>), SQL
_FIELDS = f"""
customer.id int a.account_id
customer.descriptive_name text a.account_name
customer.currency_code text a.currency
customer.time_zone text a.time_zone
customer.manager bool a.manager
customer.test_account bool false
customer.auto_tagging_enabled bool true
customer.status enum:customer_status 'ENABLED'

customer_client.client_customer name 'customers/' || v.account_id
customer_client.id int v.account_id
customer_client.descriptive_name text v.account_name
customer_client.currency_code text v.currency
customer_client.time_zone text v.time_zone
customer_client.level int v.level
customer_client.manager bool v.manager
customer_client.hidden bool false
customer_client.test_account bool false
customer_client.status enum:customer_status 'ENABLED'

campaign.id int c.campaign_id
campaign.name text c.name
campaign.status enum:status {_STATUS.format("c.status")}
campaign.advertising_channel_type enum:channel upper(c.campaign_type)
campaign.advertising_channel_sub_type enum:sub_channel null::varchar
campaign.campaign_budget name {_BUDGET}
campaign.bidding_strategy_type enum:bidding
    case c.bid_strategy when 'maximize_clicks' then 'TARGET_SPEND' when 'lowest_cost' then 'MAXIMIZE_CONVERSIONS'
    else upper(c.bid_strategy) end
campaign.start_date_time time c.start_date || ' 00:00:00'
campaign.end_date_time time c.end_date || ' 23:59:59'

campaign_budget.id int c.budget_id
campaign_budget.name text 'Budget ' || c.budget_id
campaign_budget.amount_micros int c.daily_budget_micros
campaign_budget.status enum:status case when c.status = 'removed' then 'REMOVED' else 'ENABLED' end
campaign_budget.delivery_method enum:delivery 'STANDARD'
campaign_budget.explicitly_shared bool false
campaign_budget.period enum:period 'DAILY'

campaign_criterion.campaign name 'customers/' || a.account_id || '/campaigns/' || c.campaign_id
campaign_criterion.criterion_id int '9' || right(c.campaign_id, 9)
campaign_criterion.type enum:criterion 'USER_LIST'
campaign_criterion.negative bool false
campaign_criterion.status enum:status 'ENABLED'
campaign_criterion.user_list.user_list name 'customers/' || a.account_id || '/userLists/7' || right(a.account_id, 8)

ad_group.id int g.ad_group_id
ad_group.name text g.name
ad_group.status enum:status {_STATUS.format("g.status")}
ad_group.campaign name 'customers/' || a.account_id || '/campaigns/' || g.campaign_id
ad_group.type enum:group
    case c.campaign_type when 'search' then 'SEARCH_STANDARD' when 'shopping' then 'SHOPPING_PRODUCT_ADS'
    when 'video' then 'VIDEO_RESPONSIVE' else 'DISPLAY_STANDARD' end
ad_group.cpc_bid_micros int g.bid_micros

ad_group_ad.status enum:status {_STATUS.format("d.status")}
ad_group_ad.ad_group name 'customers/' || a.account_id || '/adGroups/' || d.ad_group_id
ad_group_ad.ad.id int d.ad_id
ad_group_ad.ad.name text d.name
ad_group_ad.ad.type enum:ad
    case d.format when 'responsive_search' then 'RESPONSIVE_SEARCH_AD' when 'product' then 'SHOPPING_PRODUCT_AD'
    when 'carousel' then 'DEMAND_GEN_CAROUSEL_AD'
    when 'video' then if(c.campaign_type = 'demand_gen', 'DEMAND_GEN_VIDEO_RESPONSIVE_AD', 'VIDEO_RESPONSIVE_AD')
    else if(c.campaign_type = 'demand_gen', 'DEMAND_GEN_MULTI_ASSET_AD', 'RESPONSIVE_DISPLAY_AD') end
ad_group_ad.ad.final_urls texts [d.final_url]

ad_group_criterion.criterion_id int k.keyword_id
ad_group_criterion.type enum:criterion 'KEYWORD'
ad_group_criterion.status enum:status {_STATUS.format("k.status")}
ad_group_criterion.negative bool false
ad_group_criterion.ad_group name 'customers/' || a.account_id || '/adGroups/' || k.ad_group_id
ad_group_criterion.keyword.text text k.text
ad_group_criterion.keyword.match_type enum:match upper(k.match_type)

conversion_action.id int x.action_id
conversion_action.name text x.name
conversion_action.category enum:category {_CATEGORY}
conversion_action.type enum:action case x.category when 'phone_call' then 'WEBSITE_CALL' else 'WEBPAGE' end
conversion_action.status enum:status 'ENABLED'
conversion_action.primary_for_goal bool x.is_primary
conversion_action.include_in_conversions_metric bool x.is_primary
conversion_action.counting_type enum:counting case x.counting when 'one' then 'ONE_PER_CLICK' else 'MANY_PER_CLICK' end
conversion_action.click_through_lookback_window_days int x.click_window_days
conversion_action.view_through_lookback_window_days int nullif(x.view_window_days, 0)

search_term_view.search_term text f.search_term
search_term_view.status enum:term_status 'NONE'
search_term_view.ad_group name 'customers/' || a.account_id || '/adGroups/' || g.ad_group_id

change_status.last_change_date_time time v.changed || ' 00:00:00.000000'
change_status.resource_type enum:changed v.resource_type
change_status.resource_status enum:operation v.operation
change_status.campaign name 'customers/' || a.account_id || '/campaigns/' || v.campaign_id
change_status.ad_group name 'customers/' || a.account_id || '/adGroups/' || v.ad_group_id
change_status.ad_group_ad name 'customers/' || a.account_id || '/adGroupAds/' || v.ad_group_id || '~' || v.ad_id
change_status.ad_group_criterion name 'customers/' || a.account_id || '/adGroupCriteria/' || v.ad_group_id || '~' || v.keyword_id
change_status.campaign_budget name 'customers/' || a.account_id || '/campaignBudgets/' || v.budget_id

click_view.gclid text f.click_id
click_view.ad_group_ad name 'customers/' || a.account_id || '/adGroupAds/' || f.ad_group_id || '~' || f.ad_id
click_view.keyword name 'customers/' || a.account_id || '/adGroupCriteria/' || f.ad_group_id || '~' || f.keyword_id
click_view.keyword_info.text text k.text
click_view.keyword_info.match_type enum:match upper(k.match_type)

segments.date date f.date::varchar
segments.ad_network_type enum:network upper(f.network)
segments.device enum:device upper(f.device)
segments.conversion_action name 'customers/' || a.account_id || '/conversionActions/' || f.action_id
segments.conversion_action_name text x.name
segments.conversion_action_category enum:category {_CATEGORY}
segments.conversion_lag_bucket enum:lag f.lag
segments.search_term_match_type enum:term_match upper(f.match_type)
segments.keyword.ad_group_criterion name {_CRITERION}
segments.keyword.info.text text k.text
segments.keyword.info.match_type enum:match upper(k.match_type)

metrics.impressions int f.impressions
metrics.clicks int f.clicks
metrics.cost_micros int f.cost_micros
metrics.conversions double f.conversions
metrics.conversions_value double f.conversions_value
metrics.all_conversions double f.all_conversions
metrics.all_conversions_value double f.all_conversions_value
metrics.view_through_conversions int f.view_through_conversions
metrics.conversions_by_conversion_date double f.conversions_by_conversion_date
metrics.conversions_value_by_conversion_date double f.conversions_value_by_conversion_date
metrics.all_conversions_by_conversion_date double f.all_conversions_by_conversion_date
metrics.all_conversions_value_by_conversion_date double f.all_conversions_value_by_conversion_date
"""


@dataclass(frozen=True)
class Field:
    """`type` as in the table above; `words` are an enum's."""

    name: str
    type: str
    sql: str
    words: frozenset[str] = frozenset()

    @property
    def resource(self) -> str:
        return self.name.split(".")[0]


def _fields() -> dict[str, Field]:
    found = {}
    for line in filter(str.strip, _FIELDS.replace("\n    ", " ").splitlines()):
        name, kind, sql = line.split(maxsplit=2)
        kind, _, words = kind.partition(":")
        known = frozenset([*WORDS[words].split(), "UNKNOWN", "UNSPECIFIED"]) if words else frozenset[str]()
        found[name] = Field(name, kind, sql, known)
    for resource, sql in NAMES.items():
        found[f"{resource}.resource_name"] = Field(f"{resource}.resource_name", "name", sql)
    return found


_C = "'customers/' || a.account_id || "
# resource -> its resource name
NAMES: dict[str, str] = {
    "customer": "'customers/' || a.account_id",
    "customer_client": _C + "'/customerClients/' || v.account_id",
    "campaign": _C + "'/campaigns/' || c.campaign_id",
    "campaign_budget": _BUDGET,
    "campaign_criterion": _C + "'/campaignCriteria/' || c.campaign_id || '~9' || right(c.campaign_id, 9)",
    "ad_group": _C + "'/adGroups/' || g.ad_group_id",
    "ad_group_ad": _C + "'/adGroupAds/' || d.ad_group_id || '~' || d.ad_id",
    "ad_group_ad.ad": _C + "'/ads/' || d.ad_id",
    "ad_group_criterion": _CRITERION,
    "keyword_view": _C + "'/keywordViews/' || k.ad_group_id || '~' || k.keyword_id",
    "conversion_action": _C + "'/conversionActions/' || x.action_id",
    "search_term_view": _C
    + "'/searchTermViews/' || g.campaign_id || '~' || g.ad_group_id || '~' || base64(encode(f.search_term))",
    "change_status": _C + "'/changeStatus/' || v.changed || '-' || v.resource_type || '-' || v.id",
    "click_view": _C + "'/clickViews/' || f.date || '~' || f.click_id",
}
FIELDS = _fields()

DELIVERY = ("impressions", "clicks", "cost_micros")
BY_CLICK = (
    "conversions", "conversions_value", "all_conversions", "all_conversions_value", "view_through_conversions",
)  # fmt: skip
BY_CONVERSION = (
    "conversions_by_conversion_date", "conversions_value_by_conversion_date", "all_conversions_by_conversion_date",
    "all_conversions_value_by_conversion_date",
)  # fmt: skip
_ACTION = ("conversion_action", "conversion_action_name", "conversion_action_category")
CONVERSION_SEGMENTS = (*_ACTION, "conversion_lag_bucket")  # never beside DELIVERY
_KEYWORD = ("keyword.ad_group_criterion", "keyword.info.text", "keyword.info.match_type")
# segment -> the column of the figures it groups by
GROUPS: dict[str, str] = {
    "date": "date", "ad_network_type": "network", "device": "device", **dict.fromkeys(_ACTION, "action_id"),
    "conversion_lag_bucket": "lag", "search_term_match_type": "match_type", **dict.fromkeys(_KEYWORD, "keyword_id"),
}  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """A FROM: its tables (the account is `a`), what else may be selected with it, and how figures join it."""

    tables: str
    attributed: tuple[str, ...]
    keys: tuple[str, ...] | None = None  # columns figures are grouped and joined by; None: it has no figures
    join: str = ""
    metrics: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    condition: str = "true"


_P = "platform = 'google_ads'"
# every account, the manager too; the one asked for is `a` in queries
ACCOUNTS = f"""select account_id, account_name, currency, time_zone, manager_id, false as manager
    from now.ad_accounts where {_P}
    union all select distinct manager_id, 'Nordlys Kontor (manager)', 'NOK', 'Europe/Oslo', null, true
    from now.ad_accounts where {_P} and manager_id is not null"""
_CAMPAIGN = f"join now.ad_campaigns c on c.account_id = a.account_id and c.{_P}"
_GROUP = f"{_CAMPAIGN} join now.ad_groups g on g.campaign_id = c.campaign_id and g.{_P}"
_AD = f"{_GROUP} join now.ads d on d.ad_group_id = g.ad_group_id and d.{_P}"
_KEY = f"{_GROUP} join now.ad_keywords k on k.ad_group_id = g.ad_group_id and k.{_P}"
_CLIENTS = f"""join (
    select account_id, account_name, currency, time_zone, false as manager, 1 as level, manager_id as top
    from now.ad_accounts where {_P}
    union all select account_id, account_name, currency, time_zone, false, 0, account_id from now.ad_accounts where {_P}
    union all select distinct manager_id, 'Nordlys Kontor (manager)', 'NOK', 'Europe/Oslo', true, 0, manager_id
    from now.ad_accounts where {_P}) v on v.top = a.account_id"""
_VERSIONS = f"from world.{{}} where {_P} and valid_from <= $clock"
_CHANGES = f"""join (
    with versions as (
        select 'CAMPAIGN' as resource_type, campaign_id as id, account_id, campaign_id, null as ad_group_id,
            null as ad_id, null as keyword_id, null as budget_id, valid_from, status, md5(concat_ws('|', name, status,
            end_date, bid_strategy)) as look {_VERSIONS.format("ad_campaigns")}
        union all by name select 'CAMPAIGN_BUDGET' as resource_type, budget_id as id, account_id, budget_id, valid_from,
            status, daily_budget_micros::varchar as look {_VERSIONS.format("ad_campaigns")}
        union all by name select 'AD_GROUP' as resource_type, ad_group_id as id, account_id, campaign_id, ad_group_id,
            valid_from, status, valid_from::varchar as look {_VERSIONS.format("ad_groups")}
        union all by name select 'AD_GROUP_AD' as resource_type, ad_id as id, account_id, campaign_id, ad_group_id,
            ad_id, valid_from, status, valid_from::varchar as look {_VERSIONS.format("ads")}
        union all by name select 'AD_GROUP_CRITERION' as resource_type, ad_group_id || '~' || keyword_id as id, account_id,
            campaign_id, ad_group_id, keyword_id, valid_from, status, valid_from::varchar as look
            {_VERSIONS.format("ad_keywords")}),
    changes as (
        select *, lag(look) over (partition by resource_type, id order by valid_from) as before,
            row_number() over (partition by resource_type, id order by valid_from) as version from versions)
    select *, valid_from::varchar as changed, case when version = 1 then 'ADDED'
            when status = 'removed' and resource_type <> 'CAMPAIGN_BUDGET' then 'REMOVED' else 'CHANGED' end as operation
    from changes where look is distinct from before
    qualify row_number() over (partition by resource_type, id order by valid_from desc) = 1
) v on v.account_id = a.account_id"""

_ALL = (*DELIVERY, *BY_CLICK, *BY_CONVERSION)
_SEGMENTS = ("date", "ad_network_type", "device", *CONVERSION_SEGMENTS)
RESOURCES: dict[str, Resource] = {
    "customer": Resource("", ("customer",), (), "true", _ALL, _SEGMENTS),
    "customer_client": Resource(_CLIENTS, ("customer", "customer_client")),
    "campaign": Resource(
        _CAMPAIGN, ("customer", "campaign", "campaign_budget"), ("campaign_id",), "f.campaign_id = c.campaign_id",
        _ALL, _SEGMENTS,
    ),
    "campaign_budget": Resource(_CAMPAIGN, ("customer", "campaign_budget")),
    "campaign_criterion": Resource(
        _CAMPAIGN, ("customer", "campaign", "campaign_criterion"), condition="c.is_retargeting"
    ),
    "ad_group": Resource(
        _GROUP, ("customer", "campaign", "ad_group"), ("ad_group_id",), "f.ad_group_id = g.ad_group_id", _ALL, _SEGMENTS,
    ),
    "ad_group_ad": Resource(
        _AD, ("customer", "campaign", "ad_group", "ad_group_ad"), ("ad_id",), "f.ad_id = d.ad_id", _ALL, _SEGMENTS,
    ),
    "ad_group_criterion": Resource(_KEY, ("customer", "campaign", "ad_group", "ad_group_criterion")),
    "keyword_view": Resource(
        _KEY, ("customer", "campaign", "ad_group", "ad_group_criterion", "keyword_view"), ("ad_group_id", "keyword_id"),
        "f.ad_group_id = g.ad_group_id and f.keyword_id = k.keyword_id", _ALL, _SEGMENTS,
    ),
    "conversion_action": Resource(
        f"join now.ad_conversion_actions x on x.account_id = a.account_id and x.{_P}", ("customer", "conversion_action")
    ),
    "search_term_view": Resource(
        _GROUP, ("customer", "campaign", "ad_group", "search_term_view"), ("ad_group_id", "search_term"),
        "f.ad_group_id = g.ad_group_id", (*DELIVERY, *BY_CLICK[:-1]),
        ("date", "search_term_match_type", *_KEYWORD),
    ),
    "change_status": Resource(_CHANGES, ("customer", "change_status")),
    "click_view": Resource(
        "", ("customer", "campaign", "ad_group", "click_view"), ("click_id",), "true", ("clicks",),
        ("date", "ad_network_type", "device"),
    ),
}  # fmt: skip
