-- Grain: basis x source x property x scope (total, channel) x channel x month. Two bases that are never added up or set against each
-- other: our sessions from events, and the vendor's own aggregates, which reach back before the export and are modelled. Sessions
-- and key events add up over months and channels of one basis and property; users over nothing. A month is set against the
-- days 52 weeks before: as many, and the same weekdays. Restated with both. Written anew each night.
{% set vendor, events = 'aggregates of the vendor', 'sessions from events' %}
{% set measures = ['sessions', 'key_events'] %}
with traffic as (
    select * from {{ ref('fct_web_traffic_daily') }}
    where breakdown in ('property', 'traffic')
),

vendor_users as (
    select * from {{ ref('fct_web_users') }}
    where period = 'month'
),

session_days as (
    select * from {{ ref('int_sessions__daily') }}
),

conversions as (
    select * from {{ ref('fct_web_conversion') }}
    where is_headline and session_key is not null and event_name <> 'refund'
),

period_measures as (
    select * from {{ ref('int_measures__by_period') }}
    where measure = 'users' and grain = 'month' and scope in ('total', 'channel')
),

event_days as (
    select distinct
        source_name,
        event_date
    from {{ ref('int_web_days__unioned') }}
    where is_loaded
),

channels as (
    select * from {{ ref('dim_channel') }}
),

dates as (
    select * from {{ ref('dim_date') }}
    where date_day < {{ as_of() }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- All exports together, as in the KPIs.
export as (
    select
        min(event_date) as first_export_date,
        {{ dbt.listagg('distinct source_name', "', '", 'order by source_name') }} as source_name
    from event_days
),

known_days as (
    select distinct
        '{{ vendor }}' as basis,
        source_name,
        property_id,
        date_day
    from traffic
    where breakdown = 'property'
    union all
    select distinct
        '{{ events }}' as basis,
        export.source_name,
        cast(null as {{ dbt.type_string() }}) as property_id,
        event_days.event_date as date_day
    from event_days
    cross join export
),

event_figures as (
    select
        channel_key,
        date_day,
        n_sessions as sessions,
        0 as key_events
    from session_days
    union all
    select
        channel_key,
        converted_date as date_day,
        0 as sessions,
        count(*) as key_events
    from conversions
    group by channel_key, converted_date
),

figures as (
    select
        '{{ vendor }}' as basis,
        source_name,
        property_id,
        case breakdown when 'property' then 'total' else 'channel' end as scope,
        case breakdown when 'property' then 'all' else coalesce(default_channel_group, '(not set)') end as member,
        date_day,
        sum(sessions) as sessions,
        sum(key_events) as key_events,
        max(is_other_row or has_data_loss or is_thresholded or is_sampled) as is_limited
    from traffic
    group by source_name, property_id, breakdown, default_channel_group, date_day
    {%- for scope, member in [('total', "'all'"), ('channel', 'event_figures.channel_key')] %}
    union all
    select
        '{{ events }}' as basis,
        export.source_name,
        cast(null as {{ dbt.type_string() }}) as property_id,
        '{{ scope }}' as scope,
        {{ member }} as member,
        event_figures.date_day,
        sum(event_figures.sessions) as sessions,
        sum(event_figures.key_events) as key_events,
        false as is_limited
    from event_figures
    cross join export
    group by export.source_name, {% if scope != 'total' %}{{ member }}, {% endif %}event_figures.date_day
    {%- endfor %}
),

members as (
    select distinct
        basis,
        source_name,
        property_id,
        scope,
        member
    from figures
),

spans as (
    select
        basis,
        source_name,
        property_id,
        {{ period_start('month', 'min(date_day)') }} as first_date
    from known_days
    group by basis, source_name, property_id
),

-- Every day from the first month on, known or not; left joins 1:1: known_days and figures are unique on the day. On a known day
-- a member that nothing is told of had none.
daily as (
    select
        members.*,
        dates.date_day,
        known_days.date_day is not null as is_known,
        {%- for measure in measures %}
        case when known_days.date_day is not null then cast(coalesce(figures.{{ measure }}, 0) as decimal(24, 6)) end as {{ measure }},
        {%- endfor %}
        coalesce(figures.is_limited, false) as is_limited
    from members
    inner join spans
        on members.basis = spans.basis
        and members.source_name = spans.source_name
        and members.property_id is not distinct from spans.property_id
    inner join dates
        on dates.date_day >= spans.first_date
    left join known_days
        on members.basis = known_days.basis
        and members.source_name = known_days.source_name
        and members.property_id is not distinct from known_days.property_id
        and dates.date_day = known_days.date_day
    left join figures
        on members.basis = figures.basis
        and members.source_name = figures.source_name
        and members.property_id is not distinct from figures.property_id
        and members.scope = figures.scope
        and members.member = figures.member
        and dates.date_day = figures.date_day
),

basis_days as (
    select distinct
        basis,
        date_day
    from known_days
),

-- Left joins 1:1: a day has one day 52 weeks before it in each of the two bases.
paired as (
    select
        daily.*,
        coalesce(daily.is_known and before.is_known, false) as is_compared,
        {%- for measure in measures %}
        before.{{ measure }} as {{ measure }}_before,
        {%- endfor %}
        elsewhere.date_day is not null as is_before_in_other_basis
    from daily
    left join daily as before
        on daily.basis = before.basis
        and daily.source_name = before.source_name
        and daily.property_id is not distinct from before.property_id
        and daily.scope = before.scope
        and daily.member = before.member
        and before.date_day = {{ dbt.dateadd('day', -364, 'daily.date_day') }}
    left join basis_days as elsewhere
        on daily.basis <> elsewhere.basis
        and elsewhere.date_day = {{ dbt.dateadd('day', -364, 'daily.date_day') }}
),

months as (
    select
        basis,
        source_name,
        property_id,
        scope,
        member,
        {{ period_start('month', 'date_day') }} as month_start_date,
        count(*) as n_days,
        count(case when is_known then 1 end) as n_known_days,
        count(case when is_compared then 1 end) as n_compared_days,
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }},
        sum(case when is_compared then {{ measure }} end) as {{ measure }}_compared,
        sum(case when is_compared then {{ measure }}_before end) as {{ measure }}_year_before,
        {%- endfor %}
        max(is_limited) as is_limited,
        max(is_known and is_before_in_other_basis) as is_before_in_other_basis
    from paired
    group by basis, source_name, property_id, scope, member, {{ period_start('month', 'date_day') }}
),

-- Left joins 1:1: vendor_users are unique on property and month, period_measures on member and month, channels on their names.
counted as (
    select
        months.*,
        cast({{ dbt.last_day('months.month_start_date', 'month') }} as date) as month_end_date,
        case when months.basis = '{{ events }}' then months.member else channels.channel_key end as channel_key,
        case
            when months.basis = '{{ vendor }}' then vendor_users.total_users
            when months.n_known_days > 0 then cast(coalesce(period_measures.value, 0) as bigint)
        end as users
    from months
    left join vendor_users
        on months.basis = '{{ vendor }}'
        and months.scope = 'total'
        and months.source_name = vendor_users.source_name
        and months.property_id = vendor_users.property_id
        and months.month_start_date = vendor_users.period_start_date
    left join period_measures
        on months.basis = '{{ events }}'
        and months.scope = period_measures.scope
        and months.member = period_measures.scope_value
        and months.month_start_date = period_measures.period_start
    left join channels
        on months.basis = '{{ vendor }}'
        and months.scope = 'channel'
        and months.member = channels.channel
)

-- Left join 1:1: source_status is unique on source_name; export is one row.
select
    {{ surrogate_key([
        'counted.basis', 'counted.source_name', 'counted.property_id', 'counted.scope', 'counted.member', 'counted.month_start_date',
    ]) }} as web_history_key,
    counted.basis,
    counted.property_id,
    counted.scope,
    case when counted.scope = 'channel' then counted.channel_key end as channel_key,
    case when counted.scope = 'channel' and counted.basis = '{{ vendor }}' then counted.member end as ga4_channel_group,
    counted.month_start_date,
    counted.month_end_date,
    cast(counted.sessions as bigint) as sessions,
    counted.users,
    cast(counted.key_events as decimal(24, 6)) as key_events,
    case when counted.n_known_days = 0 then 'no day of the month is known' end as unknown_reason,
    case
        when counted.users is not null then null
        when counted.n_known_days = 0 then 'no day of the month is known'
        when counted.scope = 'channel' then 'the vendor tells users of a month by property alone'
        else 'the vendor tells users of whole months'
    end as users_unknown_reason,
    counted.n_days,
    counted.n_known_days,
    {{ ratio('counted.n_known_days', 'counted.n_days') }} as coverage,
    case
        when counted.n_compared_days > 0 and counted.n_compared_days = counted.n_known_days then 'same weekdays'
        when counted.n_compared_days > 0 then 'part of the month'
        when counted.is_before_in_other_basis then 'other basis'
        else 'unknown'
    end as comparison,
    counted.n_compared_days,
    {%- for measure, type in [('sessions', 'bigint'), ('key_events', 'decimal(24, 6)')] %}
    cast(counted.{{ measure }}_compared as {{ type }}) as {{ measure }}_compared,
    cast(counted.{{ measure }}_year_before as {{ type }}) as {{ measure }}_year_before,
    {{ ratio('counted.' ~ measure ~ '_compared - counted.' ~ measure ~ '_year_before', 'counted.' ~ measure ~ '_year_before') }}
        as {{ measure }}_change,
    {%- endfor %}
    case
        when counted.month_end_date >= {{ as_of() }} then 'open'
        when {{ days_between('counted.month_end_date', as_of()) }} <= 12 then 'maturing'
        else 'mature'
    end as maturity,
    counted.is_limited,
    coalesce(counted.month_start_date < export.first_export_date, true) as is_before_export,
    coalesce(source_status.is_stale, false) as has_stale_source,
    export.first_export_date,
    {{ as_of() }} as as_of_date,
    counted.source_name
from counted
cross join export
left join source_status
    on counted.source_name = source_status.source_name
