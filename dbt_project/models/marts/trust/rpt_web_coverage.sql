-- Grain: source x property x ad platform x purpose x what. How far the web's figures may be trusted, over the last complete days
-- (var web_coverage_days): consent, clicks against visits, our sessions against Google's, purchases against orders, days
-- missing, traffic left out. Nothing to add up: each row has its own unit. Written anew each night.
{% set days = var('web_coverage_days') %}
{% set recent = "between " ~ as_of() ~ " - " ~ days ~ " and " ~ as_of() ~ " - 1" %}
{% set unit_of = {
    'consent_share': 'share', 'events_without_consent_share': 'share', 'missing_days': 'days', 'visits_per_ad_click': 'ratio',
    'sessions_per_vendor_session': 'ratio', 'purchases_per_order': 'ratio', 'revenue_per_order_value': 'ratio',
    'days_purchases_not_seen': 'days', 'days_visits_not_seen': 'days',
} %}
{% for exclusion in var('web_exclusions') %}{% do unit_of.update({exclusion ~ '_event_share': 'share'}) %}{% endfor %}
{% set signals = {'purchases_per_order': 'days_purchases_not_seen', 'visits_per_ad_click': 'days_visits_not_seen'} %}
with consent_daily as (
    select * from {{ ref('fct_consent_daily') }}
    where date_day {{ recent }}
),

event_days as (
    select * from {{ ref('int_web_days__unioned') }}
),

event_counts as (
    select * from {{ ref('int_web_event_counts__unioned') }}
    where event_date {{ recent }}
),

sessions as (
    select * from {{ ref('fct_session') }}
    where property_date {{ recent }}
),

channels as (
    select * from {{ ref('dim_channel') }}
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

traffic as (
    select * from {{ ref('fct_web_traffic_daily') }}
    where
        date_day {{ recent }}
        and date_day <= {{ as_of() }} - {{ var('web_settled_days') }}
        and breakdown = 'property'
),

web_conversions as (
    select * from {{ ref('fct_web_conversion') }}
    where event_name = 'purchase' and converted_date {{ recent }}
),

orders as (
    select * from {{ ref('fct_order') }}
    where is_paid_sale and ordered_date {{ recent }}
),

tracking_gaps as (
    select * from {{ ref('int_web_tracking_gaps') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- Sources that tell the thing at all, so that what none of them tells is a row too.
exports as (
    {%- for name in var('union_sources')['web_events'] %}
    select '{{ name }}' as source_name
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

consent_sources as (
    {%- for name in var('union_sources')['consent_counts'] %}
    select '{{ name }}' as source_name
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

loaded_days as (
    select
        source_name,
        event_date as date_day
    from event_days
    where is_loaded and event_date {{ recent }}
),

-- Days before the export began are not missing.
export_span as (
    select
        source_name,
        min(event_date) as first_date,
        count(case when event_date {{ recent }} then 1 end) as n_loaded
    from event_days
    where is_loaded
    group by source_name
),

export_days as (
    select
        exports.source_name,
        export_span.first_date,
        coalesce(export_span.n_loaded, 0) as n_loaded,
        {{ days_between('greatest(export_span.first_date, ' ~ as_of() ~ ' - ' ~ days ~ ')', as_of()) }} as n_wanted
    from exports
    left join export_span
        on exports.source_name = export_span.source_name
),

consent as (
    select
        source_name,
        purpose,
        count(distinct date_day) as n_days,
        sum(n_shown) as n_shown,
        sum(n_accepted) as n_accepted
    from consent_daily
    where n_shown is not null and n_accepted is not null
    group by source_name, purpose
),

-- The share to hold others against: consent to analytics, of whoever tells it.
analytics_consent as (
    select {{ ratio('sum(n_accepted)', 'sum(n_shown)') }} as share
    from consent
    where
        purpose in (
            {%- for purpose in var('web_analytics_purposes') %}
            '{{ purpose }}'{% if not loop.last %},{% endif %}
            {%- endfor %}
        )
),

counted as (
    select
        source_name,
        cast(sum(n_events) as bigint) as n_events,
        cast(sum(case when consent <> 'unknown' then n_events else 0 end) as bigint) as n_told,
        {%- for exclusion in var('web_exclusions') %}
        cast(sum(case when exclusion = '{{ exclusion }}' then n_events else 0 end) as bigint) as n_{{ exclusion }},
        {%- endfor %}
        cast(sum(case when consent = 'denied' then n_events else 0 end) as bigint) as n_denied
    from event_counts
    group by source_name
),

-- Inner join 1:1 on the days of the export: a day that is missing there is no visit lost.
clicks as (
    select
        loaded_days.source_name,
        ads.platform,
        count(distinct ads.date_day) as n_days,
        cast(sum(ads.clicks) as bigint) as n_clicks
    from ads
    inner join loaded_days
        on ads.date_day = loaded_days.date_day
    group by loaded_days.source_name, ads.platform
),

-- Left join 1:1: channels are unique on channel_key.
visits as (
    select
        placed.source_name,
        placed.platform,
        count(*) as n_visits
    from (
        select
            sessions.source_name,
            {{ ad_platform_of('sessions.source', 'channels.is_paid', ids='sessions') }} as platform
        from sessions
        left join channels
            on sessions.channel_key = channels.channel_key
    ) as placed
    where placed.platform is not null
    group by placed.source_name, placed.platform
),

-- Our sessions beside the vendor's, of days that both have. Which property an export is of it does not say: with several it
-- cannot be told. Left joins 1:1: sessions and traffic by day are each unique.
sessions_by_day as (
    select
        source_name,
        property_date as date_day,
        count(*) as n_sessions
    from sessions
    group by source_name, property_date
),

traffic_by_day as (
    select
        property_id,
        date_day,
        cast(sum(sessions) as bigint) as n_vendor_sessions
    from traffic
    group by property_id, date_day
),

properties as (
    select
        exports.source_name,
        traffic_by_day.property_id,
        count(*) over (partition by exports.source_name) as n_properties,
        count(case when loaded_days.date_day is not null and traffic_by_day.n_vendor_sessions is not null then 1 end) as n_days,
        sum(case when loaded_days.date_day is not null then traffic_by_day.n_vendor_sessions end) as n_vendor_sessions,
        sum(case when traffic_by_day.n_vendor_sessions is not null then coalesce(sessions_by_day.n_sessions, 0) end) as n_sessions
    from exports
    left join traffic_by_day
        on true
    left join loaded_days
        on exports.source_name = loaded_days.source_name
        and traffic_by_day.date_day = loaded_days.date_day
    left join sessions_by_day
        on exports.source_name = sessions_by_day.source_name
        and loaded_days.date_day = sessions_by_day.date_day
    group by exports.source_name, traffic_by_day.property_id
),

-- Orders of the days a source of purchases is judged on: those of its gaps' signal.
judged_days as (
    select
        source_name,
        date_day
    from tracking_gaps
    where signal = 'purchases_per_order' and date_day {{ recent }}
),

purchases as (
    select
        judged_days.source_name,
        count(distinct judged_days.date_day) as n_days,
        sum(orders_by_day.n_orders) as n_orders,
        case
            when count(*) = count(orders_by_day.value_reporting) then {{ money_sum('orders_by_day.value_reporting') }}
        end as order_value,
        sum(coalesce(purchases_by_day.n_purchases, 0)) as n_purchases,
        sum(coalesce(purchases_by_day.n_unknown, 0)) as n_unknown,
        {{ money_sum('coalesce(purchases_by_day.revenue_reporting, 0)') }} as revenue
    from judged_days
    inner join (
        select
            ordered_date,
            count(*) as n_orders,
            case when count(*) = count(sales_ex_vat_reporting) then {{ money_sum('sales_ex_vat_reporting') }} end as value_reporting
        from orders
        group by ordered_date
    ) as orders_by_day
        on judged_days.date_day = orders_by_day.ordered_date
    left join (
        select
            source_name,
            converted_date,
            count(*) as n_purchases,
            count(*) - count(revenue_reporting) as n_unknown,
            {{ money_sum('revenue_reporting') }} as revenue_reporting
        from web_conversions
        group by source_name, converted_date
    ) as purchases_by_day
        on judged_days.source_name = purchases_by_day.source_name
        and judged_days.date_day = purchases_by_day.converted_date
    group by judged_days.source_name
),

gaps as (
    select
        source_name,
        signal,
        count(*) as n_days,
        count(case when is_gap then 1 end) as n_gap_days,
        max(case when is_gap then date_day end) as last_gap_date,
        {{ dbt.listagg("case when is_gap then cast(date_day as " ~ dbt.type_string() ~ ") end", "', '", "order by date_day") }} as gap_days
    from tracking_gaps
    group by source_name, signal
),

-- who, what, numerator and denominator (a ratio where both are there), text, whether it is as it should be, why it is not told
measured as (
    select
        consent_sources.source_name,
        cast(null as {{ dbt.type_string() }}) as property_id,
        cast(null as {{ dbt.type_string() }}) as platform,
        consent.purpose,
        'consent_share' as what,
        cast(consent.n_accepted as decimal(24, 6)) as numerator,
        cast(consent.n_shown as decimal(24, 6)) as denominator,
        {{ ratio('consent.n_accepted', 'consent.n_shown') }} as value,
        cast(null as {{ dbt.type_string() }}) as value_text,
        cast(null as date) as value_date,
        true as is_as_wanted,
        case
            when consent.n_shown = 0 then 'no banner was shown'
            when consent.source_name is null then 'no answers to the consent banner are delivered'
        end as unknown_reason,
        coalesce(consent.n_days, 0) as n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from consent_sources
    left join consent
        on consent_sources.source_name = consent.source_name
    union all
    -- a site that sends nothing before consent has no event without it: that no one declined it cannot say
    select
        exports.source_name,
        null as property_id,
        null as platform,
        'analytics' as purpose,
        'events_without_consent_share' as what,
        counted.n_denied as numerator,
        counted.n_told as denominator,
        case when counted.n_denied > 0 then {{ ratio('counted.n_denied', 'counted.n_told') }} end as value,
        null as value_text,
        null as value_date,
        true as is_as_wanted,
        case
            when export_days.n_loaded = 0 then 'no day of the export is loaded'
            when coalesce(counted.n_events, 0) = 0 then 'no events'
            when counted.n_told = 0 then 'the site does not tell consent'
            when counted.n_denied = 0 then 'the site sends no events without consent'
        end as unknown_reason,
        export_days.n_loaded as n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from exports
    left join counted
        on exports.source_name = counted.source_name
    left join export_days
        on exports.source_name = export_days.source_name
    {%- for exclusion in var('web_exclusions') %}
    union all
    select
        exports.source_name,
        null as property_id,
        null as platform,
        null as purpose,
        '{{ exclusion }}_event_share' as what,
        counted.n_{{ exclusion }} as numerator,
        counted.n_events as denominator,
        {{ ratio('counted.n_' ~ exclusion, 'counted.n_events') }} as value,
        null as value_text,
        null as value_date,
        true as is_as_wanted,
        case
            when export_days.n_loaded = 0 then 'no day of the export is loaded'
            when coalesce(counted.n_events, 0) = 0 then 'no events'
        end as unknown_reason,
        export_days.n_loaded as n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from exports
    left join counted
        on exports.source_name = counted.source_name
    left join export_days
        on exports.source_name = export_days.source_name
    {%- endfor %}
    union all
    select
        source_name,
        null as property_id,
        null as platform,
        null as purpose,
        'missing_days' as what,
        n_wanted - n_loaded as numerator,
        n_wanted as denominator,
        n_wanted - n_loaded as value,
        null as value_text,
        null as value_date,
        n_wanted = n_loaded as is_as_wanted,
        case when first_date is null then 'no day of the export is loaded' end as unknown_reason,
        n_loaded as n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from export_days
    union all
    select
        exports.source_name,
        null as property_id,
        platforms.platform,
        null as purpose,
        'visits_per_ad_click' as what,
        coalesce(visits.n_visits, 0) as numerator,
        clicks.n_clicks as denominator,
        {{ ratio('coalesce(visits.n_visits, 0)', 'clicks.n_clicks') }} as value,
        null as value_text,
        null as value_date,
        {{ ratio('coalesce(visits.n_visits, 0)', 'clicks.n_clicks') }}
        >= {{ var('web_min_click_match') }} * (select analytics_consent.share from analytics_consent) as is_as_wanted,
        case
            when export_days.n_loaded = 0 then 'no day of the export is loaded'
            when coalesce(clicks.n_clicks, 0) = 0 then 'the platform reports no clicks'
        end as unknown_reason,
        coalesce(clicks.n_days, 0) as n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from exports
    inner join (
        {%- for platform in ad_platforms() %}
        select '{{ platform }}' as platform
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as platforms
        on true
    left join clicks
        on exports.source_name = clicks.source_name
        and platforms.platform = clicks.platform
    left join visits
        on exports.source_name = visits.source_name
        and platforms.platform = visits.platform
    left join export_days
        on exports.source_name = export_days.source_name
    union all
    -- Google models what consent hides: fewer of ours are wanted, down to the share of consent; a tenth is left to its estimates
    select
        source_name,
        property_id,
        null as platform,
        null as purpose,
        'sessions_per_vendor_session' as what,
        n_sessions as numerator,
        n_vendor_sessions as denominator,
        case when n_properties = 1 then {{ ratio('n_sessions', 'n_vendor_sessions') }} end as value,
        null as value_text,
        null as value_date,
        {{ ratio('n_sessions', 'n_vendor_sessions') }} <= 1.1
        and {{ ratio('n_sessions', 'n_vendor_sessions') }} >= 0.9 * (select analytics_consent.share from analytics_consent) as is_as_wanted,
        case
            when property_id is null then 'the reports of the property are not read'
            when n_properties > 1 then 'several properties are read, and the export does not say which it is of'
            when n_days = 0 then 'no day is both in the export and in the reports'
            when n_vendor_sessions = 0 then 'the reports have no sessions'
        end as unknown_reason,
        n_days,
        {{ days + 1 - var('web_settled_days') }} as n_wanted_days,
        {{ days }} as window_days
    from properties
    {%- for what, numerator, denominator in [
        ('purchases_per_order', 'n_purchases', 'n_orders'), ('revenue_per_order_value', 'revenue', 'order_value'),
    ] %}
    union all
    -- more purchases than orders are duplicates; fewer are wanted down to what consent leaves and tags usually lose
    select
        source_name,
        null as property_id,
        null as platform,
        null as purpose,
        '{{ what }}' as what,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator,
        {% if numerator == 'revenue' %}case when n_unknown = 0 then {{ ratio(numerator, denominator) }} end{% else -%}
        {{ ratio(numerator, denominator) }}{% endif %} as value,
        null as value_text,
        null as value_date,
        {{ ratio(numerator, denominator) }} <= 1.05
        and {{ ratio(numerator, denominator) }}
        >= {{ var('web_min_click_match') }} * (select analytics_consent.share from analytics_consent) as is_as_wanted,
        case
            when n_orders = 0 then 'no orders'
            {%- if numerator == 'revenue' %}
            when n_unknown > 0 then 'a purchase without a revenue, or without an exchange rate'
            when order_value is null then 'an order without a value, or without an exchange rate'
            when order_value = 0 then 'orders have no value'
            {%- endif %}
        end as unknown_reason,
        n_days,
        {{ days }} as n_wanted_days,
        {{ days }} as window_days
    from purchases
    {%- endfor %}
    {%- for signal, what in signals.items() %}
    union all
    select
        source_name,
        null as property_id,
        null as platform,
        null as purpose,
        '{{ what }}' as what,
        n_gap_days as numerator,
        n_days as denominator,
        n_gap_days as value,
        gap_days as value_text,
        last_gap_date as value_date,
        n_gap_days = 0 as is_as_wanted,
        null as unknown_reason,
        n_days,
        {{ var('web_tracking_lookback_days') }} as n_wanted_days,
        {{ var('web_tracking_lookback_days') }} as window_days
    from gaps
    where signal = '{{ signal }}'
    {%- endfor %}
    -- what no source tells is said for the export
    {%- for what, told_by in {
        'purchases_per_order': 'purchases', 'revenue_per_order_value': 'purchases',
        'days_purchases_not_seen': "(select * from gaps where signal = 'purchases_per_order')",
        'days_visits_not_seen': "(select * from gaps where signal = 'visits_per_ad_click')",
    }.items() %}
    union all
    select
        exports.source_name,
        null as property_id,
        null as platform,
        null as purpose,
        '{{ what }}' as what,
        null as numerator,
        null as denominator,
        null as value,
        null as value_text,
        null as value_date,
        null as is_as_wanted,
        'fewer than {{ var("web_tracking_min_days") }} days with both' as unknown_reason,
        0 as n_days,
        {{ var('web_tracking_lookback_days') if what in signals.values() else days }} as n_wanted_days,
        {{ var('web_tracking_lookback_days') if what in signals.values() else days }} as window_days
    from exports
    where not exists (select 1 from {{ told_by }} as told)
    {%- endfor %}
)

-- Left join 1:1: source_status is unique on source_name.
select
    {{ surrogate_key(['measured.source_name', 'property_id', 'platform', 'purpose', 'what']) }} as coverage_key,
    measured.property_id,
    measured.platform,
    measured.purpose,
    measured.what,
    case measured.what
        {%- for what, unit in unit_of.items() %}
        when '{{ what }}' then '{{ unit }}'
        {%- endfor %}
    end as unit,
    cast(case when measured.unknown_reason is null then measured.value end as decimal(24, 6)) as value,
    case when measured.unknown_reason is null then measured.value_text end as value_text,
    case when measured.unknown_reason is null then measured.value_date end as value_date,
    cast(measured.numerator as decimal(24, 6)) as numerator,
    cast(measured.denominator as decimal(24, 6)) as denominator,
    case
        when measured.unknown_reason is not null then 'unknown'
        when measured.value = 0 then 'zero'
        else 'known'
    end as state,
    case
        when measured.unknown_reason is not null and not coalesce(source_status.is_configured, false) then 'not configured'
        else measured.unknown_reason
    end as unknown_reason,
    case when measured.unknown_reason is null then measured.is_as_wanted end as is_as_wanted,
    {{ ratio('least(measured.n_days, measured.n_wanted_days)', 'measured.n_wanted_days') }} as coverage,
    coalesce(source_status.is_stale, false) as has_stale_source,
    cast({{ as_of() }} - measured.window_days as date) as window_start_date,
    cast({{ as_of() }} - 1 as date) as window_end_date,
    {{ as_of() }} as as_of_date,
    measured.source_name
from measured
left join source_status
    on measured.source_name = source_status.source_name
