-- Grain: host x page (path) x day of the property. Views and times add up over pages and days; sessions and clients do not. Views
-- without consent are counted, and belong to no session. Without internal traffic and bots. A day is computed anew when it was
-- loaded anew.
{{ config(materialized='by_day', day='event_date', days='stg_ga4_export__event_days') }}
-- depends_on: {{ ref('stg_ga4_export__event_days') }}

with source as (
    select
        event_date,
        {{ raw_host('page_location') }} as host,
        {{ dbt.split_part(dbt.split_part('page_location', "'?'", 1), "'#'", 1) }} as address,
        coalesce(analytics_storage <> 'No', true) and user_pseudo_id is not null as has_consent,
        user_pseudo_id,
        ga_session_id,
        event_name,
        page_title,
        engagement_time_msec,
        {{ web_exclusion() }} as exclusion
    from {{ source('ga4_export', 'events') }}
    where {{ in_days('event_date') }} and page_location is not null
),

-- addresses first, paths afterwards: cutting each event's address apart would cost more than grouping
addresses as (
    select
        event_date,
        host,
        address,
        min(case when event_name = 'page_view' then page_title end) as page_title,
        count(case when event_name = 'page_view' then 1 end) as n_views,
        count(case when event_name = 'page_view' and not has_consent then 1 end) as n_views_without_consent,
        cast(coalesce(sum(engagement_time_msec), 0) as bigint) as engagement_time_msec,
        count(distinct case when has_consent and event_name = 'page_view' then {{ session_id() }} end) as n_sessions,
        count(distinct case when has_consent and event_name = 'page_view' then user_pseudo_id end) as n_clients
    from source
    where exclusion is null
    group by event_date, host, address
)

select
    event_date,
    lower(host) as page_host,
    {{ url_path(ga4_url('address')) }} as page,
    {{ scrub_emails('min(page_title)') }} as page_title,
    cast(sum(n_views) as bigint) as n_views,
    cast(sum(n_views_without_consent) as bigint) as n_views_without_consent,
    cast(sum(engagement_time_msec) as bigint) as engagement_time_msec,
    cast(sum(n_sessions) as bigint) as n_sessions,
    cast(sum(n_clients) as bigint) as n_clients,
    'ga4_export' as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from addresses
group by event_date, lower(host), {{ url_path(ga4_url('address')) }}
having sum(n_views) > 0
