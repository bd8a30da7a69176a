-- Grain: platform x kind of conversion x period: what the platform, web analytics and the company's own records say, and the
-- counts of what lies between them. Rows are of platforms that are read, or that one of the others names. Counts add up.
{{ config(materialized='table') }}

{% set days = var('web_coverage_days') %}
{% set ripe = var('ad_conversion_maturity_days') %}
{% set recent = "between " ~ as_of() ~ " - " ~ (days + ripe) ~ " and " ~ as_of() ~ " - 1" %}
{% set kinds = {'purchase': 'purchase', 'lead': 'generate_lead'} %}
with ad_conversions as (
    select * from {{ ref('fct_ad_conversion_daily') }}
    where date_day {{ recent }} and conversion_category in ('purchase', 'lead')
),

web_conversions as (
    select * from {{ ref('fct_web_conversion') }}
    where converted_date {{ recent }}
),

sessions as (
    select * from {{ ref('fct_session') }}
    -- as far back as a platform's window, or our own, reaches before the first day
    where property_date >= {{ as_of() }} - {{ days + ripe + [ripe, var('web_lookback_days')] | max + 2 }}
),

channels as (
    select * from {{ ref('dim_channel') }}
),

orders as (
    select * from {{ ref('fct_order') }}
    where is_paid_sale and ordered_date {{ recent }}
),

leads as (
    select * from {{ ref('fct_lead') }}
    where created_date {{ recent }}
),

order_tags as (
    select * from {{ ref('int_orders__unioned') }}
),

event_days as (
    select * from {{ ref('int_web_days__unioned') }}
),

tracking_gaps as (
    select * from {{ ref('int_web_tracking_gaps') }}
),

zones as (
    select * from {{ ref('rpt_data_coverage') }}
    where what = 'time_zone'
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

periods as (
    {%- for period, (before, maturity) in {'recent': (0, 'maturing'), 'mature': (ripe, 'mature')}.items() %}
    select
        '{{ period }}' as period,
        '{{ maturity }}' as maturity,
        cast({{ as_of() }} - {{ days + before }} as date) as window_start_date,
        cast({{ as_of() }} - {{ 1 + before }} as date) as window_end_date
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

kinds as (
    {%- for kind, event_name in kinds.items() %}
    select
        '{{ kind }}' as conversion_kind,
        '{{ event_name }}' as event_name
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

platforms as (
    {%- for platform in ad_platforms() %}
    select '{{ platform }}' as platform
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- What a platform's headline is made of: which actions, on which day, after clicks alone or views too.
headline_actions as (
    select
        platform,
        account_id,
        conversion_category,
        level,
        conversion_action_id,
        min(date_basis) as headline_basis,
        max(attribution_kind) as headline_kind
    from ad_conversions
    where is_headline
    group by platform, account_id, conversion_category, level, conversion_action_id
),

headline_levels as (
    select
        platform,
        account_id,
        conversion_category,
        min(level) as level
    from headline_actions
    group by platform, account_id, conversion_category
),

-- Left joins 1:1: both are unique on what they are joined by.
told as (
    select
        ad_conversions.platform,
        ad_conversions.conversion_category as conversion_kind,
        ad_conversions.date_day,
        ad_conversions.platform_conversions,
        ad_conversions.attribution_kind,
        ad_conversions.date_basis,
        ad_conversions.is_headline,
        headline_actions.headline_kind,
        headline_actions.headline_basis,
        ad_conversions.is_headline and ad_conversions.date_basis = 'click' as is_by_click_date,
        headline_actions.headline_basis = 'click'
        and ad_conversions.date_basis = 'conversion'
        and ad_conversions.attribution_kind = headline_actions.headline_kind as is_by_conversion_date,
        ad_conversions.attribution_kind = 'view'
        and headline_actions.headline_kind = 'click_and_view'
        and ad_conversions.date_basis = headline_actions.headline_basis as is_view_of_action,
        -- views that are an action of their own
        ad_conversions.attribution_kind = 'view'
        and headline_actions.platform is null
        and headline_levels.platform is not null as is_view_beside_action,
        case
            when ad_conversions.is_headline and ad_conversions.attribution_setting like '%d_click%'
                then cast({{ dbt.split_part('ad_conversions.attribution_setting', "'d_click'", 1) }} as integer)
        end as click_window_days
    from ad_conversions
    left join headline_actions
        on ad_conversions.platform = headline_actions.platform
        and ad_conversions.account_id = headline_actions.account_id
        and ad_conversions.conversion_category = headline_actions.conversion_category
        and ad_conversions.level = headline_actions.level
        and ad_conversions.conversion_action_id = headline_actions.conversion_action_id
    left join headline_levels
        on ad_conversions.platform = headline_levels.platform
        and ad_conversions.account_id = headline_levels.account_id
        and ad_conversions.conversion_category = headline_levels.conversion_category
        and ad_conversions.level = headline_levels.level
),

habits as (
    select
        platform,
        conversion_kind,
        max(case when is_headline and attribution_kind <> 'click' then 1 else 0 end) = 1 as has_views_in_headline,
        max(case when is_view_of_action then 1 else 0 end) = 1 as has_views_of_action,
        max(case when is_view_of_action or is_view_beside_action then 1 else 0 end) = 1 as tells_views,
        max(case when is_by_click_date then 1 else 0 end) = 1 as counts_by_click_date,
        max(case when is_by_conversion_date then 1 else 0 end) = 1 as tells_conversion_date,
        coalesce(max(click_window_days), {{ ripe }}) as click_window_days
    from told
    group by platform, conversion_kind
),

claims as (
    select
        periods.period,
        told.platform,
        told.conversion_kind,
        sum(case when told.is_headline then told.platform_conversions else 0 end) as n_claimed,
        sum(case when told.is_by_click_date then told.platform_conversions else 0 end) as n_by_click_date,
        sum(case when told.is_by_conversion_date then told.platform_conversions else 0 end) as n_by_conversion_date,
        sum(case when told.is_view_of_action then told.platform_conversions else 0 end) as n_views_of_action,
        sum(case when told.is_view_beside_action then told.platform_conversions else 0 end) as n_views_beside_action
    from told
    inner join periods
        on told.date_day between periods.window_start_date and periods.window_end_date
    group by periods.period, told.platform, told.conversion_kind
),

-- Left join 1:1: channels are unique on channel_key.
placed as (
    select
        sessions.session_key,
        sessions.client_key,
        sessions.last_non_direct_session_key,
        sessions.property_date,
        sessions.started_at,
        {{ ad_platform_of('sessions.source', 'channels.is_paid', ids='sessions') }} as platform
    from sessions
    left join channels
        on sessions.channel_key = channels.channel_key
),

-- Conversions of the sources that know sessions; another source's would be the same ones again. Left joins 1:1 on session_key.
conversions as (
    select
        web_conversions.web_conversion_key,
        web_conversions.client_key,
        web_conversions.transaction_id,
        web_conversions.has_consent,
        web_conversions.converted_at,
        web_conversions.converted_date,
        kinds.conversion_kind,
        credited.platform as credited_platform
    from web_conversions
    inner join kinds
        on web_conversions.event_name = kinds.event_name
    left join placed
        on web_conversions.session_key = placed.session_key
    left join placed as credited
        on placed.last_non_direct_session_key = credited.session_key
    where web_conversions.source_name in (select event_days.source_name from event_days)
),

-- Clicks of a platform within its window before a conversion: what it can claim. Unique on conversion and platform.
touched as (
    select distinct
        conversions.web_conversion_key,
        conversions.conversion_kind,
        placed.platform
    from conversions
    inner join placed
        on conversions.client_key = placed.client_key
        and placed.platform is not null
        and placed.started_at <= conversions.converted_at
    left join habits
        on placed.platform = habits.platform
        and conversions.conversion_kind = habits.conversion_kind
    where placed.property_date >= conversions.converted_date - coalesce(habits.click_window_days, {{ ripe }})
),

-- Full join 1:1: a conversion is credited to one platform, and touched by a platform once.
touched_or_credited as (
    select
        coalesce(touched.web_conversion_key, credited.web_conversion_key) as web_conversion_key,
        coalesce(touched.platform, credited.credited_platform) as platform,
        touched.platform is not null as is_touched,
        credited.credited_platform is not null as is_credited
    from touched
    full outer join (select * from conversions where credited_platform is not null) as credited
        on touched.web_conversion_key = credited.web_conversion_key
        and touched.platform = credited.credited_platform
),

-- Inner join 1:1: conversions are unique on web_conversion_key.
seen as (
    select
        periods.period,
        touched_or_credited.platform,
        conversions.conversion_kind,
        count(case when is_credited then 1 end) as n_credited,
        count(case when not is_credited and conversions.credited_platform is not null then 1 end) as n_to_other_platform,
        count(case when not is_credited and conversions.credited_platform is null then 1 end) as n_to_other_channel,
        count(case when not is_touched then 1 end) as n_older
    from touched_or_credited
    inner join conversions
        on touched_or_credited.web_conversion_key = conversions.web_conversion_key
    inner join periods
        on conversions.converted_date between periods.window_start_date and periods.window_end_date
    group by periods.period, touched_or_credited.platform, conversions.conversion_kind
),

-- The company's own records, by the platform that their own tags, or the source's own name of the origin, name.
-- Left joins 1:1, each unique on its key.
records as (
    select
        orders.order_key as record_key,
        'purchase' as conversion_kind,
        orders.ordered_date as record_date,
        {{ ad_platform_of('coalesce(order_tags.traffic_source, order_tags.origin)', 'channels.is_paid') }} as platform
    from orders
    left join order_tags
        on orders.order_key = order_tags.order_key
    left join channels
        on orders.channel_key = channels.channel_key
    union all
    select
        leads.lead_key as record_key,
        'lead' as conversion_kind,
        leads.created_date as record_date,
        {{ ad_platform_of('coalesce(leads.traffic_source, leads.origin)', 'channels.is_paid') }} as platform
    from leads
    left join channels
        on leads.channel_key = channels.channel_key
),

-- The tag's transaction id is the order's number, in one of the systems that have orders. Inner join 1:1 on the order's key.
matched as (
    select
        orders.order_key,
        conversions.web_conversion_key,
        conversions.credited_platform,
        conversions.has_consent,
        conversions.converted_date,
        row_number() over (
            partition by orders.order_key order by conversions.converted_date asc, conversions.web_conversion_key asc
        ) as conversion_rank,
        row_number() over (
            partition by conversions.web_conversion_key order by orders.ordered_date asc, orders.order_key asc
        ) as order_rank
    from conversions
    inner join (select distinct source_system from orders) as systems
        on conversions.transaction_id is not null
    inner join orders
        on {{ surrogate_key(['systems.source_system', "'order'", 'conversions.transaction_id']) }} = orders.order_key
    where conversions.conversion_kind = 'purchase'
),

-- One order, one purchase: the same number in two systems is one of them.
pairs as (
    select * from matched
    where conversion_rank = 1 and order_rank = 1
),

lost_days as (
    select distinct date_day
    from tracking_gaps
    where is_gap
),

-- Left joins 1:1: pairs are unique on order_key, lost_days on the day.
compared as (
    select
        periods.period,
        periods.window_start_date,
        periods.window_end_date,
        records.conversion_kind,
        records.record_key,
        records.platform,
        pairs.web_conversion_key,
        coalesce(pairs.has_consent, false) as has_consent,
        lost_days.date_day is not null as is_lost_day,
        case
            when pairs.converted_date between periods.window_start_date and periods.window_end_date
                then pairs.credited_platform
        end as web_platform
    from records
    inner join periods
        on records.record_date between periods.window_start_date and periods.window_end_date
    left join pairs
        on records.record_key = pairs.order_key
    left join lost_days
        on records.record_date = lost_days.date_day
),

recorded as (
    select
        period,
        platform,
        conversion_kind,
        count(*) as n_records,
        count(case when web_conversion_key is not null and not has_consent then 1 end) as n_without_consent,
        count(case when web_conversion_key is null and is_lost_day then 1 end) as n_lost,
        count(case when web_conversion_key is null and not is_lost_day then 1 end) as n_not_seen,
        count(case when web_conversion_key is not null and has_consent and web_platform is distinct from platform then 1 end)
            as n_records_alone
    from compared
    where platform is not null
    group by period, platform, conversion_kind
),

-- What web analytics credits to a platform, and the order says otherwise, or there is none in the period.
-- Left join 1:1: compared is unique on period and web_conversion_key.
credited_by_web as (
    select
        periods.period,
        conversions.credited_platform as platform,
        conversions.conversion_kind,
        count(case when compared.record_key is not null and compared.platform is distinct from conversions.credited_platform then 1 end)
            as n_web_alone,
        count(case when compared.record_key is null then 1 end) as n_without_record
    from conversions
    inner join periods
        on conversions.converted_date between periods.window_start_date and periods.window_end_date
    left join compared
        on conversions.web_conversion_key = compared.web_conversion_key
        and periods.period = compared.period
    where conversions.credited_platform is not null
    group by periods.period, conversions.credited_platform, conversions.conversion_kind
),

knows as (
    select
        periods.period,
        kinds.conversion_kind,
        count(distinct compared.record_key) as n_records,
        count(compared.platform) as n_with_platform,
        count(compared.web_conversion_key) as n_matched
    from periods
    cross join kinds
    left join compared
        on periods.period = compared.period
        and kinds.conversion_kind = compared.conversion_kind
    group by periods.period, kinds.conversion_kind
),

loaded as (
    select
        periods.period,
        count(distinct event_days.event_date) as n_days
    from periods
    left join event_days
        on event_days.event_date between periods.window_start_date and periods.window_end_date
        and event_days.is_loaded
    group by periods.period
),

account_zones as (
    select
        platform,
        max(case when state = 'unknown' then 1 else 0 end) = 1 as has_unknown_zone,
        max(case when value <> 0 then 1 else 0 end) = 1 as has_other_zone
    from zones
    group by platform
)

-- Left joins 1:1, each unique on what it is joined by.
select
    platforms.platform,
    kinds.conversion_kind,
    periods.period,
    periods.maturity,
    periods.window_start_date,
    periods.window_end_date,
    loaded.n_days,
    source_status.is_stale,
    case
        when coalesce(source_status.is_configured, false) and source_status.last_good_as_of is not null
            then cast(coalesce(claims.n_claimed, 0) as decimal(24, 6))
    end as platform_conversions,
    case when loaded.n_days > 0 then cast(coalesce(seen.n_credited, 0) as decimal(24, 6)) end as web_conversions,
    case when knows.n_with_platform > 0 then cast(coalesce(recorded.n_records, 0) as decimal(24, 6)) end as own_conversions,
    coalesce(
        case
            when habits.has_views_of_action then claims.n_views_of_action
            when habits.has_views_in_headline then claims.n_views_beside_action
        end,
        0
    ) as n_views,
    coalesce(claims.n_by_click_date, 0) as n_by_click_date,
    case
        when habits.tells_conversion_date then coalesce(claims.n_by_conversion_date, 0)
        else coalesce(claims.n_by_click_date, 0)
    end as n_by_conversion_date,
    coalesce(seen.n_to_other_platform, 0) as n_to_other_platform,
    coalesce(seen.n_to_other_channel, 0) as n_to_other_channel,
    coalesce(seen.n_older, 0) as n_older,
    coalesce(recorded.n_without_consent, 0) as n_without_consent,
    coalesce(recorded.n_lost, 0) as n_lost,
    coalesce(recorded.n_not_seen, 0) as n_not_seen,
    coalesce(recorded.n_records_alone, 0) as n_records_alone,
    coalesce(credited_by_web.n_web_alone, 0) as n_web_alone,
    coalesce(credited_by_web.n_without_record, 0) as n_without_record,
    case
        when not coalesce(source_status.is_configured, false) or source_status.last_good_as_of is null
            then 'the platform is not read'
    end as platform_reason,
    case when loaded.n_days = 0 then 'no day of the export is loaded' end as web_reason,
    case
        when knows.n_records = 0 then 'no records of this kind'
        when knows.n_with_platform = 0 then 'no record names an ad platform'
    end as records_reason,
    case
        when habits.has_views_in_headline and not habits.tells_views then 'the platform tells clicks and views together only'
    end as told_views_reason,
    case
        when habits.counts_by_click_date and not habits.tells_conversion_date then 'the platform tells the day of the click only'
    end as told_date_reason,
    case
        when coalesce(account_zones.has_unknown_zone, true) then 'the account''s time zone is not told'
        when account_zones.has_other_zone then 'days of the account are of another time zone and cannot be cut anew'
    end as told_zone_reason,
    case
        when kinds.conversion_kind <> 'purchase' then 'records of this kind carry no id of web analytics'
        when knows.n_matched = 0 then 'no transaction id of web analytics is an order''s number'
    end as told_match_reason
from platforms
cross join kinds
cross join periods
left join claims
    on platforms.platform = claims.platform
    and kinds.conversion_kind = claims.conversion_kind
    and periods.period = claims.period
left join habits
    on platforms.platform = habits.platform
    and kinds.conversion_kind = habits.conversion_kind
left join seen
    on platforms.platform = seen.platform
    and kinds.conversion_kind = seen.conversion_kind
    and periods.period = seen.period
left join recorded
    on platforms.platform = recorded.platform
    and kinds.conversion_kind = recorded.conversion_kind
    and periods.period = recorded.period
left join credited_by_web
    on platforms.platform = credited_by_web.platform
    and kinds.conversion_kind = credited_by_web.conversion_kind
    and periods.period = credited_by_web.period
left join knows
    on kinds.conversion_kind = knows.conversion_kind
    and periods.period = knows.period
left join loaded
    on periods.period = loaded.period
left join account_zones
    on platforms.platform = account_zones.platform
left join source_status
    on platforms.platform = source_status.source_name
where
    (source_status.is_configured and source_status.last_good_as_of is not null)
    or seen.n_credited > 0
    or recorded.n_records > 0
