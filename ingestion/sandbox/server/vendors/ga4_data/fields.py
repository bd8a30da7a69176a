"""What a GA4 report can be asked for: dimensions and metrics as SQL over the visits that the property counts, and their tables.

Schema `ga4_data` holds two tables, made anew when the clock is turned: `visits` (a row a counted visit) and `hits` (a row a counted
visit and event name, for reports by event); columns mean the same in both. Counted are all visits with consent to analytics,
and MODELLED_SHARE of the others, each as a user of its own: GA4 models what consent hides, and so its figures lie above the export's.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ingestion.sandbox.ga4 import EVENTS, has_arrived

if TYPE_CHECKING:
    from ingestion.sandbox.server.vendor import Desk

MODELLED_SHARE = 0.7  # of the visits without consent; which ones follows from their ids
KEY_EVENTS = ("purchase", "generate_lead", "sign_up")


@dataclass(frozen=True)
class Field:
    """`type` is a metric's; `many` marks dimensions whose rare values go to (other)."""

    sql: str
    ui_name: str
    category: str
    type: str = ""
    many: bool = False


_DIMENSIONS = """
date | strftime(date, '%Y%m%d') | Date | Time
year | strftime(date, '%Y') | Year | Time
month | strftime(date, '%m') | Month | Time
yearMonth | strftime(date, '%Y%m') | Year month | Time
isoYear | strftime(date, '%G') | ISO year | Time
isoWeek | strftime(date, '%V') | ISO week of the year | Time
isoYearIsoWeek | strftime(date, '%G%V') | ISO week of ISO year | Time
sessionSource | session_source | Session source | Traffic source
sessionMedium | session_medium | Session medium | Traffic source
sessionSourceMedium | session_source || ' / ' || session_medium | Session source / medium | Traffic source
sessionCampaignName | session_campaign | Session campaign | Traffic source
sessionDefaultChannelGroup | channel_group | Session default channel group | Traffic source
landingPage | landing_page | Landing page | Page / screen
landingPagePlusQueryString | landing_page || landing_query | Landing page + query string | Page / screen
hostName | host_name | Hostname | Page / screen
deviceCategory | device | Device category | Platform / device
browser | browser | Browser | Platform / device
countryId | country | Country ID | Geography
eventName | event_name | Event name | Event
"""
_METRICS = """
sessions | count(distinct visit_id) | Sessions | Session | TYPE_INTEGER
engagedSessions | count(distinct visit_id) filter (is_engaged) | Engaged sessions | Session | TYPE_INTEGER
engagementRate | count(distinct visit_id) filter (is_engaged) / count(distinct visit_id) | Engagement rate | Session | TYPE_FLOAT
totalUsers | count(distinct user_key) | Total users | User | TYPE_INTEGER
activeUsers | count(distinct user_key) filter (is_engaged or is_first) | Active users | User | TYPE_INTEGER
newUsers | count(distinct user_key) filter (is_first) | New users | User | TYPE_INTEGER
eventCount | sum(n_events) | Event count | Event | TYPE_INTEGER
keyEvents | sum(n_key_events) | Key events | Event | TYPE_FLOAT
screenPageViews | sum(n_page_views) | Views | Page / screen | TYPE_INTEGER
transactions | count(distinct order_id) | Transactions | Ecommerce | TYPE_INTEGER
purchaseRevenue | cast(sum(revenue_ore) * 0.008 as decimal(18, 3)) | Purchase revenue | Ecommerce | TYPE_CURRENCY
"""
_MANY = {"sessionCampaignName", "landingPage", "landingPagePlusQueryString"}


def _fields(text: str) -> dict[str, Field]:
    found = {}
    for line in text.strip().splitlines():
        name, sql, ui_name, category, *kind = line.split(" | ")
        found[name] = Field(sql, ui_name, category, "".join(kind), name in _MANY)
    return found


DIMENSIONS, METRICS = _fields(_DIMENSIONS), _fields(_METRICS)

# Google's default channel group, as far as the company's traffic needs it; Google Ads clicks are grouped by the campaign's type.
_CHANNEL = """
case
    when source = '(direct)' then 'Direct'
    when landing_url like '%gclid=%' and campaign ilike '%performance-max%' then 'Cross-network'
    when landing_url like '%gclid=%' and campaign ilike '%demand-gen%' then 'Cross-network'
    when landing_url like '%gclid=%' and campaign ilike '%_display_%' then 'Display'
    when landing_url like '%gclid=%' and campaign ilike '%_video_%' then 'Paid Video'
    when regexp_matches(lower(coalesce(campaign, '')), '^(.*(([^a-df-z]|^)shop|shopping).*)$')
        and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Shopping'
    when source in ('google', 'bing') and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Search'
    when regexp_matches(source, '(facebook|instagram|linkedin|tiktok)')
        and regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Social'
    when regexp_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') then 'Paid Other'
    when medium = 'email' or regexp_matches(source, 'e[-_ ]?mail') then 'Email'
    when regexp_matches(source, '(facebook|instagram|linkedin|tiktok)') or medium = 'social' then 'Organic Social'
    when regexp_matches(source, '(chatgpt|perplexity|copilot|gemini|claude)') then 'AI Assistant'
    when medium = 'organic' then 'Organic Search'
    when medium in ('referral', 'app', 'link') then 'Referral'
    else 'Unassigned'
end
"""


def _query(clock: date) -> str:
    modelled = f"('0x' || md5(visit_id)[1:4])::int < {int(MODELLED_SHARE * 65536)}"  # digits of the ids are not even
    return f"""
create schema if not exists ga4_data;
create or replace table ga4_data.hits as
with
baskets as (select order_id, sum(amount_ore)::bigint as revenue_ore from world.order_lines group by order_id),
counted as (
    select *, unnest({EVENTS}).name as event_name,
        coalesce(client_id, 'modelled-' || visit_id) as user_key, {_CHANNEL} as channel_group
    from world.visits
    where date < '{clock}' and {has_arrived("date", clock)} and (consent_analytics or {modelled})
)
select
    date, visit_id, any_value(user_key) as user_key, event_name, count(*) as n_events,
    case when event_name in {KEY_EVENTS} then count(*) else 0 end as n_key_events,
    case when event_name = 'page_view' then count(*) else 0 end as n_page_views,
    any_value(session_number = 1) as is_first,
    any_value(counted.n_page_views > 1 or engagement_ms > 10000) as is_engaged,
    case when event_name = 'purchase' then any_value(order_id) end as order_id,
    case when event_name = 'purchase' then any_value(revenue_ore) else 0 end as revenue_ore,
    any_value(source) as session_source, any_value(medium) as session_medium,
    coalesce(any_value(campaign), case when any_value(source) = '(direct)' then '(direct)'
        when any_value(medium) in ('organic', 'referral') then '(' || any_value(medium) || ')' else '(not set)' end)
        as session_campaign,
    any_value(channel_group) as channel_group,
    '/' || regexp_extract(any_value(landing_url), '^https?://[^/?]+/?([^?]*)', 1) as landing_page,
    coalesce(regexp_extract(any_value(landing_url), '[?].*$'), '') as landing_query,
    split_part(split_part(any_value(landing_url), '/', 3), '?', 1) as host_name,
    any_value(device) as device, any_value(browser) as browser, any_value(country) as country
from counted left join baskets using (order_id)  -- 1:1, grouped by order_id
group by date, visit_id, event_name;
create or replace table ga4_data.visits as
select * replace (null::varchar as event_name) from (
    select date, visit_id, any_value(event_name) as event_name, sum(n_events) as n_events, sum(n_key_events) as n_key_events,
        sum(n_page_views) as n_page_views, any_value(order_id) as order_id, sum(revenue_ore) as revenue_ore,
        any_value(columns(* exclude (date, visit_id, event_name, n_events, n_key_events, n_page_views, order_id, revenue_ore)))
    from ga4_data.hits group by date, visit_id
);
"""


_made: WeakKeyDictionary[Desk, tuple[date, float]] = WeakKeyDictionary()
_lock = threading.Lock()


def make_tables(desk: Desk) -> None:
    """Make the tables for where the clock stands, unless they are there."""
    with _lock:
        if _made.get(desk) != (desk.clock, MODELLED_SHARE):
            desk.world.con().execute(_query(desk.clock))
            _made[desk] = (desk.clock, MODELLED_SHARE)
