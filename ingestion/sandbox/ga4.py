"""The visits as GA4 would export them to BigQuery: one file a day, events_YYYYMMDD.parquet, columns and nesting as there.

Events are derived from world.visits by DuckDB: a visit is unrolled into its events (session_start, page views, cart,
purchase, ...), each with its event_params. Advanced consent mode: without consent to analytics there is neither client
id nor session id. Two visits in a hundred reach the export one to three days late, so the last three days are restated.
Source: BigQuery export schema of Google Analytics 4 (support.google.com/analytics/answer/7029846).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

from ingestion.sandbox.store import World

RESTATED_DAYS = 3
PROPERTY_ID = 318_204_771
STREAM_ID = "4711082301"

# A visit's events, in order: name, and the page it happened on.
EVENTS = """
[{'name': 'session_start', 'nth': 0}]
|| case when session_number = 1 then [{'name': 'first_visit', 'nth': 0}] else [] end
|| list_transform(range(n_page_views), x -> {'name': 'page_view', 'nth': x::int})
|| case when n_page_views > 1
    then list_transform(range(1, n_page_views, 2), x -> {'name': 'view_item', 'nth': x::int}) else [] end
|| case when engagement_ms > 10000 then [{'name': 'scroll', 'nth': 0}, {'name': 'user_engagement', 'nth': n_page_views::int}]
    else [] end
|| case when has_cart then [{'name': 'add_to_cart', 'nth': n_page_views::int - 1}] else [] end
|| case when has_checkout then [{'name': 'begin_checkout', 'nth': n_page_views::int - 1}] else [] end
|| case when has_sign_up then [{'name': 'sign_up', 'nth': n_page_views::int}] else [] end
|| case when has_lead then [{'name': 'generate_lead', 'nth': n_page_views::int}] else [] end
|| case when order_id is not null then [{'name': 'purchase', 'nth': n_page_views::int}] else [] end
""".strip()

_PARAM = "{{'key': '{key}', 'value': {{'string_value': {s}, 'int_value': {i}, 'float_value': null::double, 'double_value': {d}}}}}"


def has_arrived(day: str, seen_on: date) -> str:
    """Whether a visit of the SQL date `day` has reached GA4 on the morning of `seen_on`, as SQL over world.visits."""
    late = f"(case when visit_id[1:2] < '05' then 1 + ('0x' || visit_id[3:4])::int % {RESTATED_DAYS} else 0 end)"
    return f"{late} < date '{seen_on}' - {day}"


def counted(seen_on: date) -> str:
    """SQL: date, n_events of each day as it stands on the morning of `seen_on`."""
    return f"""
        select date, sum(len({EVENTS}))::bigint as n_events from world.visits
        where date < '{seen_on}' and {has_arrived("date", seen_on)} group by date"""


def _param(key: str, text: str = "null::varchar", whole: str = "null::bigint", number: str = "null::double") -> str:
    return _PARAM.format(key=key, s=text, i=whole, d=number)


def events_query(world: World, day: date, seen_on: date) -> str:
    """Rows of one day's export as it stands on the morning of `seen_on`."""
    visits, lines = (f"read_parquet({world.chunks(table, day, day)!r})" for table in ("visits", "order_lines"))
    near = f"ordered_at between '{day}'::timestamp - interval 1 day and '{day}'::timestamp + interval 2 days"
    arrived = has_arrived("date", seen_on)
    consented = [
        _param("ga_session_id", whole="session_id"), _param("ga_session_number", whole="session_number"),
    ]  # fmt: skip
    common = [
        _param("page_location", text="page"), _param("page_referrer", text="came_from"),
        _param("engagement_time_msec", whole="step_ms"), _param("session_engaged", text="engaged"),
    ]  # fmt: skip
    with_ids, without_ids = (f"[{', '.join(p)}]" for p in ([*consented, *common], common))
    sale = ", ".join(
        [_param("transaction_id", text="order_id"), _param("value", number="revenue"), _param("currency", text="'NOK'")]
    )
    return f"""
with
visits as (
    -- as a browser has it: a path on every address
    select * replace (regexp_replace(landing_url, '^([a-z]+://[^/?#]+)([?#]|$)', '\\1/\\2') as landing_url),
        epoch_us(started_at) as began_us, epoch_us(started_at) // 1000000 as session_id,
        rtrim(split_part(landing_url, '?', 1), '/') as path,
        case when n_page_views > 1 or engagement_ms > 10000 then '1' else '0' end as engaged
    from {visits} where date = '{day}' and {arrived}
),
baskets as (
    select order_id, sum(amount_ore) / 125.0 as revenue, sum(quantity) as pieces, list({{
            'item_id': sku, 'item_name': product, 'item_brand': 'Nordlys', 'item_category': null::varchar,
            'price': unit_price_ore / 125.0, 'quantity': quantity, 'item_revenue': amount_ore / 125.0
        }} order by line_number) as items
    from {lines} where {near} and order_id in (select order_id from visits) group by order_id
),
unrolled as (
    select visits.*, unnest(
        {EVENTS}
    ) as event
    from visits
),
events as (
    select unrolled.*, event.name as event_name, event.nth as nth,
        engagement_ms // n_page_views as step_ms,
        began_us + event.nth * (engagement_ms // n_page_views) * 1000 as event_us,
        case when event.nth = 0 then landing_url else path || '/' || event.nth end as page,
        -- an ad without tags is opened from the platform's app: the world's visits tell its site as source alone
        case when event.nth > 0 then split_part(landing_url, '?', 1)
            when medium = 'referral' then coalesce(referrer, 'https://' || source || '/') else referrer end as came_from
    from unrolled
)
select
    strftime(date, '%Y%m%d') as event_date,
    event_us as event_timestamp,
    event_name,
    case when event_name = 'purchase' then (case when consent_analytics then {with_ids} else {without_ids} end) || [{sale}]
        when consent_analytics then {with_ids} else {without_ids} end as event_params,
    null::bigint as event_previous_timestamp,
    null::double as event_value_in_usd,
    began_us as event_bundle_sequence_id,
    null::bigint as event_server_timestamp_offset,
    user_id,
    client_id as user_pseudo_id,
    {{'analytics_storage': case when consent_analytics then 'Yes' else 'No' end,
      'ads_storage': case when consent_ads then 'Yes' else 'No' end, 'uses_transient_token': 'No'}} as privacy_info,
    []::struct(key varchar, value struct(string_value varchar, int_value bigint, float_value double, double_value double,
        set_timestamp_micros bigint))[] as user_properties,
    case when session_number = 1 then began_us end as user_first_touch_timestamp,
    {{'category': device, 'operating_system': case device when 'mobile' then 'iOS' when 'tablet' then 'Android' else 'Windows' end,
      'language': case country when 'NO' then 'nb-no' when 'US' then 'en-us' else 'en-gb' end,
      'time_zone_offset_seconds': null::bigint,
      'web_info': {{'browser': browser, 'browser_version': null::varchar, 'hostname': split_part(landing_url, '/', 3)}}}} as device,
    {{'city': null::varchar, 'country': country_name, 'continent': case country when 'US' then 'Americas' else 'Europe' end,
      'region': null::varchar, 'sub_continent': null::varchar, 'metro': '(not set)'}} as geo,
    null::struct(name varchar, medium varchar, source varchar) as traffic_source,
    '{STREAM_ID}' as stream_id,
    'WEB' as platform,
    case when event_name = 'purchase' then {{'total_item_quantity': pieces::bigint, 'purchase_revenue_in_usd': null::double,
        'purchase_revenue': revenue::double, 'unique_items': len(items), 'transaction_id': order_id}} end as ecommerce,
    case when event_name = 'purchase' then items when event_name in ('view_item', 'add_to_cart', 'begin_checkout') then
        [{{'item_id': 'SKU-' || category, 'item_name': category, 'item_brand': 'Nordlys', 'item_category': category,
          'price': null::double, 'quantity': 1::bigint, 'item_revenue': null::double}}] else [] end as items,
    case when nth = 0 then {{'manual_campaign_name': case when click_id is null or medium <> 'cpc' then campaign end,
        'manual_source': case when starts_with(source, '(') or contains(source, '.') then null else source end,
        'manual_medium': case when medium in ('(none)', 'organic', 'referral') then null else medium end,
        'manual_term': null::varchar, 'manual_content': null::varchar,
        'gclid': case when contains(landing_url, 'gclid=') and consent_ads then click_id end}} end as collected_traffic_source,
    engaged = '1' and consent_analytics as is_active_user,
    nth as batch_event_index,
    {{'manual_campaign': {{'campaign_name': campaign, 'source': source, 'medium': medium}},
      'google_ads_campaign': {{'campaign_name': case when contains(landing_url, 'gclid=') then campaign end}},
      'cross_channel_campaign': {{'campaign_name': campaign, 'source': source, 'medium': medium}}}} as session_traffic_source_last_click
from events
left join baskets using (order_id)  -- 1:1, grouped by order_id
left join (values ('NO', 'Norway'), ('SE', 'Sweden'), ('DK', 'Denmark'), ('FI', 'Finland'), ('DE', 'Germany'),
    ('US', 'United States')) as names (country, country_name) using (country)  -- 1:1, a constant list
"""


def write_events(
    world: World,
    seen_on: date | None = None,
    first: date | None = None,
    last: date | None = None,
    folder: Path | None = None,
    progress: Callable[[date], None] | None = None,
    workers: int = 2,
) -> int:
    """Write the export of `first`..`last` (default: all days) as it stands on the morning of `seen_on`; returns the events.

    `seen_on` is the day after the last simulated one by default. Existing files are replaced whole: a re-run restates.
    """
    seen_on = seen_on or world.through_date + timedelta(days=1)
    first, last = (
        first or world.start_date,
        min(last or world.through_date, world.through_date, seen_on - timedelta(days=1)),
    )
    home = folder or world.folder / "ga4"
    home.mkdir(parents=True, exist_ok=True)

    def write(day: date) -> int:
        path = home / f"events_{day:%Y%m%d}.parquet"
        fresh = path.with_suffix(".new")
        how = "format parquet, compression zstd, compression_level 1"
        with world.con() as connection:
            row = connection.execute(f"copy ({events_query(world, day, seen_on)}) to '{fresh}' ({how})").fetchone()
        fresh.replace(path)
        if progress:
            progress(day)
        return int(row[0]) if row else 0

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(write, [first + timedelta(days=n) for n in range((last - first).days + 1)]))


def extend_events(world: World, folder: Path, as_of: date) -> int:
    """Bring an export up to the morning of `as_of`; returns the events written. Only new days and those that change still."""
    held = [p.stem.removeprefix("events_") for p in folder.glob("events_????????.parquet")]
    newest = max((datetime.strptime(d, "%Y%m%d").date() for d in held), default=None)
    if newest is not None and newest >= as_of - timedelta(days=1):
        return 0
    # as it was written last, the days up to RESTATED_DAYS before that morning still lacked late events
    first = newest - timedelta(days=RESTATED_DAYS - 1) if newest else world.start_date
    return write_events(world, as_of, max(first, world.start_date), folder=folder)
