"""Meta's insights: parameters read and checked, rows made by one query over deliveries and conversions.

A day of something off Meta (a purchase on the site) is the day it happened, a day of something on Meta (a lead form) the
day of the click or view: what Meta calls `mixed`, the only report time since 2025-06-10. Metrics are texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ingestion.sandbox.server.vendor import Desk
from ingestion.sandbox.server.vendors.meta_ads.errors import GraphError, bad_param, check_params
from ingestion.sandbox.server.vendors.meta_ads.objects import TREE, Scope, dense, filters, names_of

LEVELS = ("account", "campaign", "adset", "ad")
_KEYS = {"account": "account_id", "campaign": "campaign_id", "adset": "ad_group_id", "ad": "ad_id"}
PARAMS = frozenset({
    "level", "time_range", "time_increment", "date_preset", "filtering", "breakdowns", "action_attribution_windows",
    "use_account_attribution_setting", "use_unified_attribution_setting", "action_report_time", "action_breakdowns",
    "default_summary",
})  # fmt: skip
# `7d_view` and `28d_view` are taken and not returned, since 2026-01-12.
WINDOWS = (
    "1d_view", "7d_view", "28d_view", "1d_click", "7d_click", "28d_click", "1d_ev", "dda", "default",
    "skan_view", "skan_click", "incrementality",
)  # fmt: skip
RETURNED = ("1d_click", "7d_click", "28d_click", "1d_view")
# A breakdown's value for a network and device of the desk.
BREAKDOWNS = {
    "publisher_platform": "network",
    "device_platform": "case device when 'desktop' then 'desktop' else 'mobile_app' end",
    "impression_device": "case device when 'desktop' then 'desktop' when 'tablet' then 'ipad' else 'android_smartphone' end",
}
# (category, lead form on Meta?) -> the action types under which Meta tells it: they overlap, the first says where it happened.
ACTION_TYPES = {
    ("purchase", None): ("offsite_conversion.fb_pixel_purchase", "purchase", "omni_purchase"),
    ("lead", True): ("onsite_conversion.lead_grouped", "lead"),
    ("lead", False): ("offsite_conversion.fb_pixel_lead", "lead"),
    ("sign_up", None): ("offsite_conversion.fb_pixel_complete_registration", "complete_registration", "omni_complete_registration"),
    ("add_to_cart", None): ("offsite_conversion.fb_pixel_add_to_cart", "add_to_cart", "omni_add_to_cart"),
    ("page_view", None): ("offsite_conversion.fb_pixel_view_content", "view_content", "omni_view_content"),
    ("phone_call", None): ("click_to_call_native_call_placed",),
}  # fmt: skip
# level at which a field is there -> its SQL over the grouped rows
_FIELDS: dict[str, tuple[str, str]] = {
    "account_id": ("account", "account_id"), "account_name": ("account", "account_name"),
    "account_currency": ("account", "currency"), "campaign_id": ("campaign", "campaign_id"),
    "campaign_name": ("campaign", "campaign_name"), "objective": ("campaign", "objective"),
    "buying_type": ("campaign", "'AUCTION'"), "adset_id": ("adset", "ad_group_id"), "adset_name": ("adset", "adset_name"),
    "ad_id": ("ad", "ad_id"), "ad_name": ("ad", "ad_name"), "attribution_setting": ("account", "setting"),
    "impressions": ("account", "cast(impressions as varchar)"), "clicks": ("account", "cast(clicks as varchar)"),
    "inline_link_clicks": ("account", "cast(clicks as varchar)"),
    "spend": ("account", "cast(cast(cost_micros // 10000 as decimal(18, 0)) * 0.01 as varchar)"),
    "reach": ("account", "cast(reach as varchar)"),
    "frequency": ("account", "cast(round(impressions / nullif(reach, 0), 6) as varchar)"),
    "cpm": ("account", "cast(round(cost_micros / 1e3 / nullif(impressions, 0), 6) as varchar)"),
    "cpc": ("account", "cast(round(cost_micros / 1e6 / nullif(clicks, 0), 6) as varchar)"),
    "ctr": ("account", "cast(round(100.0 * clicks / nullif(impressions, 0), 6) as varchar)"),
    "actions": ("account", "actions"), "action_values": ("account", "action_values"),
    "date_start": ("account", "strftime(date_start, '%Y-%m-%d')"), "date_stop": ("account", "strftime(date_stop, '%Y-%m-%d')"),
}  # fmt: skip


@dataclass(frozen=True)
class Query:
    """A checked request for insights."""

    account_id: str
    scope: Scope
    level: str
    since: date
    until: date
    increment: int | None  # days; None with monthly False: all days as one
    monthly: bool
    fields: tuple[str, ...]
    breakdowns: tuple[str, ...]
    windows: tuple[str, ...]
    filters: Mapping[str, Mapping[str, list[str]]]


def query(desk: Desk, scope: Scope, params: Mapping[str, str], common: frozenset[str]) -> Query:
    """Reads and checks the parameters. Raises GraphError as Meta does."""
    check_params(params, common | PARAMS)
    level = params.get("level", scope.level)
    if level not in LEVELS:
        raise bad_param("level", f"must be one of {{{', '.join(LEVELS)}}}")
    since, until = _range(desk, params)
    increment = params.get("time_increment", "all_days").strip('"')
    if increment not in ("all_days", "monthly") and not (increment.isdigit() and 1 <= int(increment) <= 90):
        raise bad_param("time_increment", "must be 1 to 90, monthly or all_days")
    fields = names_of(params.get("fields", "")) or ["account_id", "impressions", "spend"]
    if unknown := [f for f in fields if f not in _FIELDS]:
        where = "https://developers.facebook.com/docs/marketing-api/reference/ads-insights/"
        why = f"are not valid for fields param. please check {where} for all valid values"
        raise GraphError(100, f"(#100) {', '.join(unknown)} {why}")
    breakdowns = names_of(params.get("breakdowns", ""))
    if unknown := [b for b in breakdowns if b not in BREAKDOWNS]:
        raise bad_param("breakdowns[0]", f"must be one of {{{', '.join(BREAKDOWNS)}}}, not {unknown[0]}")
    windows = names_of(params.get("action_attribution_windows", ""))
    if unknown := [w for w in windows if w not in WINDOWS]:
        raise bad_param("action_attribution_windows[0]", f"must be one of {{{', '.join(WINDOWS)}}}, not {unknown[0]}")
    return Query(
        scope.account_id, scope, level, since, until, int(increment) if increment.isdigit() else None,
        increment == "monthly", tuple(fields), tuple(breakdowns), tuple(w for w in RETURNED if w in windows),
        filters(params),
    )  # fmt: skip


def rows(desk: Desk, q: Query, limit: int) -> list[dict[str, Any]]:
    """At most `limit` rows, in the order of day and ids; a row is there where something was shown or counted."""
    values = ", ".join(
        f"('{category}', {'null' if form is None else str(form).lower()}, '{types[0]}', '{t}')"
        for (category, form), types in ACTION_TYPES.items()
        for t in types
    )
    keys = ["account_id", *(_KEYS[x] for x in LEVELS[1 : LEVELS.index(q.level) + 1])]
    names = ", ".join(f'"{b}"' for b in q.breakdowns)
    group = ", ".join(["bucket", *keys, *(f'"{b}"' for b in q.breakdowns)])
    broken = "".join(f', {BREAKDOWNS[b]} as "{b}"' for b in q.breakdowns)
    if q.monthly:
        bucket, stop = "greatest(date_trunc('month', day)::date, $since)", "least(last_day(bucket), $until)"
    elif q.increment:
        bucket = f"$since + cast((day - $since) // {q.increment} * {q.increment} as integer)"
        stop = f"least(bucket + {q.increment - 1}, $until)"
    else:
        bucket, stop = "$since", "$until"
    where, bound = _where(q)
    windows = {w: f"kind = '{w.split('_')[1]}' and lag <= {w.split('d_')[0]}" for w in RETURNED}
    own = "kind = 'click' and lag <= case when is_lead then 1 else 7 end or kind = 'view' and not is_lead and lag <= 1"
    stats = [("value", own), *((w, windows[w]) for w in q.windows)]

    def told(unit: str, text: str) -> str:
        return ", ".join(f"\"{name}\": nullif({text.format(f'{unit}_{name}')}, '0')" for name, _ in stats)

    summed = ", ".join(
        f'sum({amount}) filter ({when}) as "{unit}_{name}"'
        for unit, amount in (("n", "credit"), ("v", "value_micros"))
        for name, when in stats
    )
    clicked = ", ".join(f'"{name}": {"null" if name == "1d_view" else "cast(clicks as varchar)"}' for name, _ in stats)
    chosen = [f for f in [*q.fields, "date_start", "date_stop"] if LEVELS.index(_FIELDS[f][0]) <= LEVELS.index(q.level)]
    columns = ", ".join(f'{_FIELDS[f][1]} as "{f}"' for f in dict.fromkeys(chosen)) + (f", {names}" if names else "")
    reach = "cast(greatest(1, floor({0} * (1 - exp(-{1} / {0})))) as bigint)"
    # Reach is people, not a sum: of an ad by how often it was shown to its audience, above that never more than the ads
    # together and never less than the greatest. Full join by union: each side is unique on the group's columns.
    sql = f"""
        with {TREE},
        seen as (
            select x.*, a.currency, a.account_name from ads x join accounts a using (account_id) where {where}
        ),
        types(category, form, leaf, action_type) as (values {values}),
        delivered as (
            select d.date as day, d.network, d.device, d.impressions, d.clicks, d.cost_micros, s.*
            exclude (platform) from now.ad_delivery d join seen s on d.ad_id = s.ad_id
            where d.platform = 'meta_ads' and d.date between $since and $until
        ),
        by_ad as (
            select {bucket} as bucket, account_id, campaign_id, ad_group_id, ad_id{broken}, any_value(audience_size) as people,
                   sum(impressions) as impressions, sum(clicks) as clicks, sum(cost_micros) as cost_micros
            from delivered group by all having sum(impressions) > 0 or sum(cost_micros) > 0
        ),
        shown as (
            select {group}, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
                   sum(cost_micros)::bigint as cost_micros,
                   least(sum({reach.format("people", "impressions")}), sum(impressions),
                         {reach.format("max(people)", "sum(impressions)")})::bigint as reach
            from by_ad group by {group}
        ),
        counted as (
            select case when t.leaf like 'offsite%' then k.conversion_date else k.touch_date end as day, t.action_type, k.kind,
                   k.conversion_date - k.touch_date as lag, k.network, k.device, k.credit, k.value_micros, s.*
                   exclude (platform)
            from now.ad_conversions k
            join seen s on k.ad_id = s.ad_id
            join now.ad_conversion_actions a on a.action_id = k.action_id and a.platform = k.platform
                and a.account_id = k.account_id
            join types t on t.category = a.category and (t.form is null or t.form = s.is_lead)
            where k.platform = 'meta_ads'
        ),
        summed as (
            select {bucket} as bucket, {", ".join(keys)}{broken}, action_type, {summed}, sum(value_micros) as total_value
            from counted where day between $since and $until group by all
        ),
        done as (
            select {group}, action_type, total_value,
                   {{'action_type': action_type, {told("n", 'cast(cast(round("{0}") as bigint) as varchar)')}}} as one,
                   {{'action_type': action_type,
                    {told("v", 'cast(cast("{0}" // 10000 as decimal(18, 0)) * 0.01 as varchar)')}}} as worth
            from summed
            union all
            select {group}, 'link_click', 0, {{'action_type': 'link_click', {clicked}}}, null from shown where clicks > 0
        ),
        lists as (
            select {group}, list(one order by action_type) filter (one."value" is not null{_any(q)}) as actions,
                   list(worth order by action_type) filter (total_value > 0) as action_values
            from done group by {group}
        ),
        whole as (
            select {group}, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
                   sum(cost_micros)::bigint as cost_micros, sum(reach)::bigint as reach,
                   any_value(actions) as actions, any_value(action_values) as action_values
            from (select {group}, impressions, clicks, cost_micros, reach, null as actions, null as action_values from shown
                  union all by name select {group}, 0 as impressions, 0 as clicks, 0 as cost_micros, 0 as reach, actions,
                  action_values from lists where actions is not null)
            group by {group}
        ),
        about as (
            select {", ".join(keys)}, any_value(account_name) as account_name, any_value(currency) as currency,
                   any_value(campaign_name) as campaign_name, any_value(adset_name) as adset_name, any_value(name) as ad_name,
                   any_value('OUTCOME_' || upper(objective)) as objective,
                   case when count(distinct setting) = 1 then any_value(setting) end as setting
            from seen group by {", ".join(keys)}
        ),
        told as (
            select whole.*, about.* exclude ({", ".join(keys)}), bucket as date_start, {stop} as date_stop
            from whole join about using ({", ".join(keys)})
        )
        select {columns} from told order by date_start, {", ".join(keys)}{"".join(f', "{b}"' for b in q.breakdowns)} limit {limit}
    """
    return [dense(row) for row in desk.rows(sql, bound)]


def _any(q: Query) -> str:
    return "".join(f' or one."{w}" is not null' for w in q.windows)


def _where(q: Query) -> tuple[str, dict[str, Any]]:
    """Which ads count: those of the object asked, less what is deleted at the level of the rows unless a filter asks for it."""
    where, bound = ["x.account_id = $account"], {"account": q.account_id, "since": q.since, "until": q.until}
    if q.scope.column:
        where.append(f"x.{q.scope.column} = $own")
        bound["own"] = q.scope.id
    state = {
        "campaign": "(select state from campaigns c where c.campaign_id = x.campaign_id)",
        "adset": "(select state from adsets s where s.ad_group_id = x.ad_group_id)",
        "ad": "x.state",
    }
    for n, (name, operators) in enumerate(q.filters.items()):
        level, what = name.split(".")
        for operator, values in operators.items():
            column = state[level] if what == "effective_status" else f"x.{_KEYS[level]}"
            where.append(f"{'not ' if operator == 'NOT_IN' else ''}list_contains($f{n}{operator[0]}, {column})")
            bound[f"f{n}{operator[0]}"] = values
    if q.level != "account" and q.level != q.scope.level and f"{q.level}.effective_status" not in q.filters:
        where.append(f"{state[q.level]} <> 'DELETED'")
    return " and ".join(where), bound


def _range(desk: Desk, params: Mapping[str, str]) -> tuple[date, date]:
    today = desk.clock
    if "time_range" in params:
        try:
            asked = json.loads(params["time_range"])
            since, until = date.fromisoformat(asked["since"]), date.fromisoformat(asked["until"])
        except (ValueError, KeyError, TypeError):
            raise bad_param("time_range", 'must be {"since": "YYYY-MM-DD", "until": "YYYY-MM-DD"}') from None
        if since > until:
            raise bad_param("time_range", "since must not be after until")
    else:
        preset = params.get("date_preset", "last_30d")
        month = today.replace(day=1)
        presets = {
            "today": (today, today), "yesterday": (today - timedelta(1), today - timedelta(1)),
            **{f"last_{n}d": (today - timedelta(n), today - timedelta(1)) for n in (3, 7, 14, 28, 30, 90)},
            "this_month": (month, today), "last_month": ((month - timedelta(1)).replace(day=1), month - timedelta(1)),
            "maximum": (_months_back(today, 37), today),
        }  # fmt: skip
        if preset not in presets:
            raise bad_param("date_preset", f"must be one of {{{', '.join(presets)}}}")
        since, until = presets[preset]
    if since < _months_back(today, 37):
        raise GraphError(
            3018, "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
        )
    return since, until


def _months_back(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, min(day.day, 28))
