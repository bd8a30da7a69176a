-- Grain: web source x signal x day, within the look-back (var web_tracking_lookback_days). How much the site's tags saw of what
-- other systems know of the same day: purchases of orders, visits of ad clicks. A gap is a day far below the usual level
-- (the median): less than half of it, and too far for chance. Written anew each night.
{{ config(materialized='table') }}

{% set lookback = var('web_tracking_lookback_days') %}
{% set recent = "between " ~ as_of() ~ " - " ~ lookback ~ " and " ~ as_of() ~ " - 1" %}
with event_days as (
    select * from {{ ref('int_web_days__unioned') }}
),

web_conversions as (
    select * from {{ ref('fct_web_conversion') }}
    where event_name = 'purchase'
),

orders as (
    select * from {{ ref('fct_order') }}
    where is_paid_sale and ordered_date {{ recent }}
),

sessions as (
    select * from {{ ref('fct_session') }}
    where property_date {{ recent }}
),

ads as (
    select * from {{ ref('fct_ad_performance_daily') }}
    where
        date_day {{ recent }}
        and platform in (
            {%- for platform in ad_platforms() %}
            '{{ platform }}'{% if not loop.last %},{% endif %}
            {%- endfor %}
        )
),

channels as (
    select * from {{ ref('dim_channel') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

orders_by_day as (
    select
        ordered_date as date_day,
        count(*) as n_known
    from orders
    group by ordered_date
),

clicks_by_day as (
    select
        date_day,
        cast(sum(clicks) as bigint) as n_known
    from ads
    group by date_day
),

-- Where a source tells purchases at all. One that knows its days is judged on those that came; another on all through the
-- newest day of its source, so that a tag that sends nothing any more is seen. Left joins 1:1: unique on source (and day).
purchase_sources as (
    select
        web_conversions.source_name,
        min(web_conversions.converted_date) as first_date,
        max(source_status.data_through_date) as through_date,
        max(case when event_days.source_name is not null then 1 else 0 end) = 1 as knows_days
    from web_conversions
    left join source_status
        on web_conversions.source_name = source_status.source_name
    left join (select distinct source_name from event_days) as event_days
        on web_conversions.source_name = event_days.source_name
    group by web_conversions.source_name
),

purchases_by_day as (
    select
        source_name,
        converted_date as date_day,
        count(*) as n_seen
    from web_conversions
    where converted_date {{ recent }}
    group by source_name, converted_date
),

-- Left join 1:1: channels are unique on channel_key.
visits_by_day as (
    select
        sessions.source_name,
        sessions.property_date as date_day,
        count({{ ad_platform_of('sessions.source', 'channels.is_paid', ids='sessions') }}) as n_seen
    from sessions
    left join channels
        on sessions.channel_key = channels.channel_key
    group by sessions.source_name, sessions.property_date
),

-- Left joins 1:1: each is unique on source and day.
signals as (
    select
        purchase_sources.source_name,
        'purchases_per_order' as signal,
        orders_by_day.date_day,
        coalesce(purchases_by_day.n_seen, 0) as n_seen,
        orders_by_day.n_known
    from orders_by_day
    inner join purchase_sources
        on orders_by_day.date_day between purchase_sources.first_date and purchase_sources.through_date
    left join event_days
        on purchase_sources.source_name = event_days.source_name
        and orders_by_day.date_day = event_days.event_date
        and event_days.is_loaded
    left join purchases_by_day
        on purchase_sources.source_name = purchases_by_day.source_name
        and orders_by_day.date_day = purchases_by_day.date_day
    where event_days.event_date is not null or not purchase_sources.knows_days
    union all
    select
        event_days.source_name,
        'visits_per_ad_click' as signal,
        event_days.event_date as date_day,
        coalesce(visits_by_day.n_seen, 0) as n_seen,
        clicks_by_day.n_known
    from event_days
    inner join clicks_by_day
        on event_days.event_date = clicks_by_day.date_day
    left join visits_by_day
        on event_days.source_name = visits_by_day.source_name
        and event_days.event_date = visits_by_day.date_day
    where event_days.is_loaded and clicks_by_day.n_known > 0
),

usual as (
    select
        source_name,
        signal,
        count(*) as n_days,
        cast(median(n_seen * 1.0 / n_known) as decimal(24, 6)) as usual_share
    from signals
    group by source_name, signal
),

-- An order is seen or not: binomial. A click can bring several visits: Poisson. Half a count for continuity, since days are small.
tested as (
    select
        signals.*,
        usual.n_days,
        usual.usual_share,
        cast(signals.n_known * usual.usual_share as decimal(24, 6)) as n_expected,
        case when signals.signal = 'purchases_per_order' then greatest(1 - usual.usual_share, 0.05) else 1 end as spread
    from signals
    inner join usual
        on signals.source_name = usual.source_name
        and signals.signal = usual.signal
    where usual.n_days >= {{ var('web_tracking_min_days') }} and usual.usual_share > 0
)

select
    source_name,
    signal,
    date_day,
    n_seen,
    n_known,
    usual_share,
    n_expected,
    n_days,
    n_seen < n_expected / 2
    and n_expected - n_seen - 0.5 >= {{ var('web_tracking_z') }} * sqrt(cast(n_expected * spread as double)) as is_gap
from tested
