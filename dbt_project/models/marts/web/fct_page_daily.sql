-- Grain: source x host x page (path) x day of the property. Views, entrances, exits and time add up; sessions and clients do not. Views
-- count with and without consent; entrances and exits are of sessions, so of those with consent. Without internal traffic and bots.
-- A day is computed anew when it, or one within a session's reach of it, was loaded anew.
{{ config(
    materialized='by_day', day='date_day', days='int_web_days__unioned', days_before=7, days_after=7,
) }}
-- depends_on: {{ ref('int_web_days__unioned') }}

with pages as (
    select * from {{ ref('int_web_pages__unioned') }}
    where {{ in_days('event_date') }}
),

sessions as (
    select * from {{ ref('fct_session') }}
    where {{ in_days('property_date') }} and landing_page is not null
),

ends as (
    select
        source_name,
        landing_host as page_host,
        landing_page as page,
        property_date,
        count(*) as n_entrances,
        count(case when is_engaged then 1 end) as n_engaged_entrances,
        count(case when n_page_views <= 1 then 1 end) as n_single_page_sessions,
        cast(0 as bigint) as n_exits
    from sessions
    group by source_name, landing_host, landing_page, property_date
    union all
    select
        source_name,
        landing_host as page_host,
        exit_page as page,
        property_date,
        cast(0 as bigint) as n_entrances,
        cast(0 as bigint) as n_engaged_entrances,
        cast(0 as bigint) as n_single_page_sessions,
        count(*) as n_exits
    from sessions
    where exit_page is not null
    group by source_name, landing_host, exit_page, property_date
),

summed as (
    select
        source_name,
        page_host,
        page,
        property_date,
        cast(sum(n_entrances) as bigint) as n_entrances,
        cast(sum(n_engaged_entrances) as bigint) as n_engaged_entrances,
        cast(sum(n_single_page_sessions) as bigint) as n_single_page_sessions,
        cast(sum(n_exits) as bigint) as n_exits
    from ends
    group by source_name, page_host, page, property_date
),

-- Full join 1:1: both are unique on source, host, page and day. A session that ended after midnight left its page the day before.
joined as (
    select
        coalesce(pages.source_name, summed.source_name) as source_name,
        coalesce(pages.page_host, summed.page_host) as page_host,
        coalesce(pages.page, summed.page) as page,
        coalesce(pages.event_date, summed.property_date) as date_day,
        pages.page_title,
        coalesce(pages.n_views, 0) as n_views,
        coalesce(pages.n_views_without_consent, 0) as n_views_without_consent,
        coalesce(pages.n_sessions, 0) as n_sessions,
        coalesce(pages.n_clients, 0) as n_clients,
        coalesce(summed.n_entrances, 0) as n_entrances,
        coalesce(summed.n_engaged_entrances, 0) as n_engaged_entrances,
        coalesce(summed.n_single_page_sessions, 0) as n_single_page_sessions,
        coalesce(summed.n_exits, 0) as n_exits,
        coalesce(pages.engagement_time_msec, 0) as engagement_time_msec,
        pages.source_system
    from pages
    full outer join summed
        on pages.source_name = summed.source_name
        and pages.page_host = summed.page_host
        and pages.page = summed.page
        and pages.event_date = summed.property_date
)

select
    {{ surrogate_key(['source_name', 'page_host', 'page', 'date_day']) }} as page_day_key,
    page_host,
    page,
    page_title,
    n_views,
    n_views_without_consent,
    n_sessions,
    n_clients,
    n_entrances,
    n_engaged_entrances,
    n_single_page_sessions,
    n_exits,
    engagement_time_msec,
    date_day,
    source_name,
    coalesce(source_system, source_name) as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from joined
