"""What may be asked of TikTok, and the SQL that answers it. Its words are the vendor's; no protocol here."""

from __future__ import annotations

from collections.abc import Mapping

# what sells, in the vendor's words: (objective_type, optimization_goal, optimization_event, the event's category)
_GOALS = """(values ('sales', '', 'WEB_CONVERSIONS', 'CONVERT', 'SHOPPING', 'purchase'),
    ('leads', '', 'LEAD_GENERATION', 'CONVERT', 'FORM', 'lead'), ('traffic', '', 'TRAFFIC', 'CLICK', null, null),
    ('awareness', '', 'REACH', 'REACH', null, null), ('awareness', 'video', 'VIDEO_VIEWS', 'VIDEO_VIEW', null, null)
    ) goals(objective, kind, objective_type, optimization_goal, optimization_event, category)
    on goals.objective = c.objective and goals.kind = if(c.objective = 'awareness' and c.campaign_type = 'video', 'video', '')"""
_WINDOWS = "map {{0: 'OFF', 1: 'ONE_DAY', 7: 'SEVEN_DAYS', 14: 'FOURTEEN_DAYS', 28: 'TWENTY_EIGHT_DAYS'}}[{}]"

# Entities: the vendor's fields as SQL; what stands here is all that may be asked for.
_STATUS = "case {a}.status when 'active' then 'ENABLE' else 'DISABLE' end"
_SECONDARY = """case when {a}.status = 'removed' then '{p}_STATUS_DELETE' when {a}.status = 'paused' then '{p}_STATUS_DISABLE'
    else '{p}_STATUS_{ok}' end"""
_CREATED = "strftime({}, '%Y-%m-%d 08:00:00')"
_MONEY = "round({} / 1e6, 2)"
_CAMPAIGN = {
    "advertiser_id": "c.account_id",
    "campaign_id": "c.campaign_id",
    "campaign_name": "c.name",
    "objective_type": "goals.objective_type",
    "budget_mode": "'BUDGET_MODE_DAY'",
    "budget": _MONEY.format("c.daily_budget_micros"),
    "operation_status": _STATUS.format(a="c"),
    "secondary_status": _SECONDARY.format(a="c", p="CAMPAIGN", ok="ENABLE"),
    "create_time": _CREATED.format("c.first_valid_from"),
    "modify_time": _CREATED.format("c.valid_from"),
}
_AD_GROUP = {
    "advertiser_id": "g.account_id",
    "campaign_id": "g.campaign_id",
    "adgroup_id": "g.ad_group_id",
    "adgroup_name": "g.name",
    "operation_status": _STATUS.format(a="g"),
    "secondary_status": _SECONDARY.format(a="g", p="ADGROUP", ok="DELIVERY_OK"),
    "budget_mode": "'BUDGET_MODE_INFINITE'",
    "budget": "0::double",
    "bid_price": _MONEY.format("g.bid_micros"),
    "schedule_start_time": _CREATED.format("g.first_valid_from"),
    "schedule_end_time": "strftime(coalesce(c.end_date, date '2035-12-31'), '%Y-%m-%d 23:59:59')",
    "optimization_goal": "goals.optimization_goal",
    "optimization_event": "goals.optimization_event",
    "click_attribution_window": _WINDOWS.format("w.click_window_days"),
    "view_attribution_window": _WINDOWS.format("w.view_window_days"),
    "attribution_event_count": "'EVERY'",
    "audience_ids": "if(c.is_retargeting, ['190' || c.campaign_id[1:12]], [])",
    "excluded_audience_ids": "[]::varchar[]",
    "create_time": _CREATED.format("g.first_valid_from"),
    "modify_time": _CREATED.format("g.valid_from"),
}
_AD = {
    "advertiser_id": "a.account_id",
    "campaign_id": "a.campaign_id",
    "adgroup_id": "a.ad_group_id",
    "ad_id": "a.ad_id",
    "ad_name": "a.name",
    "operation_status": _STATUS.format(a="a"),
    "secondary_status": _SECONDARY.format(a="a", p="AD", ok="DELIVERY_OK"),
    "ad_format": "case a.format when 'video' then 'SINGLE_VIDEO' when 'carousel' then 'CAROUSEL_ADS' else 'SINGLE_IMAGE' end",
    "ad_text": "a.headline",
    "video_id": "case a.format when 'video' then a.creative_id end",
    "landing_page_url": "a.final_url",
    "create_time": _CREATED.format("a.created_date"),
    "modify_time": _CREATED.format("a.valid_from"),
}
_C_FROM = f"now.ad_campaigns c join {_GOALS} where c.platform = 'tiktok_ads'"
_G_FROM = f"""now.ad_groups g join now.ad_campaigns c using (platform, campaign_id) join {_GOALS}
    join (select account_id, max(click_window_days) as click_window_days, max(view_window_days) as view_window_days
          from now.ad_conversion_actions where platform = 'tiktok_ads' group by account_id) w on w.account_id = g.account_id
    where g.platform = 'tiktok_ads'"""
# path -> (prefix of its statuses, fields, from .. where, id, its filter's parameters)
ENTITIES: dict[str, tuple[str, Mapping[str, str], str, str, tuple[str, ...]]] = {
    "campaign": ("CAMPAIGN", _CAMPAIGN, _C_FROM, "campaign_id", ("campaign_ids",)),
    "adgroup": ("ADGROUP", _AD_GROUP, _G_FROM, "adgroup_id", ("campaign_ids", "adgroup_ids")),
    "ad": ("AD", _AD, "now.ads a where a.platform = 'tiktok_ads'", "ad_id", ("campaign_ids", "adgroup_ids", "ad_ids")),
}
ADVERTISER = {
    "advertiser_id": "account_id",
    "name": "account_name",
    "currency": "currency",
    "timezone": "time_zone",
    "display_timezone": "time_zone",
    "status": "'STATUS_ENABLE'",
    "company": "'Nordlys AS'",
    "country": "'NO'",
    "create_time": "epoch(created_date)::bigint",
}

# The report: level -> (its id, the company's column, the attributes it can carry as metrics)
LEVELS = {
    "AUCTION_ADVERTISER": ("advertiser_id", "account_id", ()),
    "AUCTION_CAMPAIGN": ("campaign_id", "campaign_id", ()),
    "AUCTION_ADGROUP": ("adgroup_id", "ad_group_id", ("campaign_id",)),
    "AUCTION_AD": ("ad_id", "ad_id", ("campaign_id", "adgroup_id")),
}
_EVENTS = {
    "complete_payment": ("purchase", "total_complete_payment_rate"),
    "form": ("lead", "total_form_value"),
    "online_consult": ("phone_call", "total_online_consult_value"),
    "user_registration": ("sign_up", "total_user_registration_value"),
    "web_event_add_to_cart": ("add_to_cart", "total_web_event_add_to_cart_value"),
}


def _amount(micros: str, condition: str = "true") -> str:
    return f"((coalesce(sum({micros}) filter ({condition}), 0)::hugeint // 10000)::decimal(15, 0) * 0.01)::decimal(17, 2)::varchar"


def _count(condition: str) -> str:
    return f"(count(*) filter ({condition}))::varchar"


METRICS = {
    "spend": _amount("cost_micros"),
    "impressions": "coalesce(sum(impressions), 0)::bigint::varchar",
    "clicks": "coalesce(sum(clicks), 0)::bigint::varchar",
    "ctr": "printf('%.2f', coalesce(100.0 * sum(clicks) / nullif(sum(impressions), 0), 0))",
    "cpc": "printf('%.2f', coalesce(sum(cost_micros) / 1e6 / nullif(sum(clicks), 0), 0))",
    "cpm": "printf('%.2f', coalesce(sum(cost_micros) / 1e3 / nullif(sum(impressions), 0), 0))",
    "conversion": _count("category = goal"),
    "cta_conversion": _count("category = goal and kind = 'click'"),
    "vta_conversion": _count("category = goal and kind = 'view'"),
    "vta_complete_payment": _count("category = 'purchase' and kind = 'view'"),
    "vta_complete_payment_value": _amount("value_micros", "category = 'purchase' and kind = 'view'"),
}
for _metric, (_category, _value) in _EVENTS.items():
    METRICS[_metric] = _count(f"category = '{_category}'")
    METRICS[_value] = _amount("value_micros", f"category = '{_category}'")

# `filtering` of reports: field -> (table, its id). Deleted things are left out unless their status is asked for.
REPORT_STATUS = {
    "AUCTION_CAMPAIGN": ("campaign_status", "ad_campaigns", "campaign_id"),
    "AUCTION_ADGROUP": ("adgroup_status", "ad_groups", "ad_group_id"),
    "AUCTION_AD": ("ad_status", "ads", "ad_id"),
}
FACTS = f"""facts as (
    select date, account_id, campaign_id, ad_group_id, ad_id, impressions, clicks, cost_micros,
           null as category, null as kind, null as value_micros, null as goal
    from now.ad_delivery where platform = 'tiktok_ads'
    union all
    select touch_date, v.account_id, v.campaign_id, ad_group_id, ad_id, null, null, null,
           x.category, v.kind, value_micros, goals.category
    from now.ad_conversions v
    join now.ad_conversion_actions x using (platform, action_id)
    join now.ad_campaigns c using (platform, campaign_id) join {_GOALS}
    where v.platform = 'tiktok_ads')"""
