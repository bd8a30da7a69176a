-- Grain: measure x scope x member x grain x period. Users and new users, counted once in each period: they add up over nothing. A
-- night counts only periods of which fct_session computed days anew (period_version): of years of sessions those of the
-- running periods are read. Null value = no day of the period is loaded.
{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['grain', 'period_start'],
    on_schema_change='sync_all_columns',
) }}
{% set scopes = {'total': "'all'", 'channel': 'channel_key', 'system': 'source_system'} %}
{% set measures = {'users': 'true', 'new_users': 'is_new_client'} %}
with sessions as (
    select * from {{ ref('fct_session') }}
),

session_days as (
    select * from {{ ref('int_sessions__daily') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

loaded as (
    {{ versions_of_days(ref('int_web_days__unioned')) }}
),

span as (
    select
        min(event_date) as first_date,
        max(event_date) as last_date
    from loaded
),

members as (
    select
        'total' as scope,
        'all' as scope_value
    {%- for scope, member in scopes.items() if scope != 'total' %}
    union all
    select distinct
        '{{ scope }}' as scope,
        {{ member }} as scope_value
    from session_days
    {%- endfor %}
),

calendar as (
    {%- for grain in ['day', 'week', 'month', 'quarter', 'year'] %}
    select
        '{{ grain }}' as grain,
        {{ period_start(grain, 'dates.date_day') }} as period_start,
        dates.date_day
    from dates
    inner join span
        on dates.date_day between span.first_date and span.last_date
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

periods as (
    select
        grain,
        period_start,
        min(date_day) as first_date,
        max(date_day) as last_date,
        count(*) as n_days
    from calendar
    group by grain, period_start
),

-- What a period is counted from. Who is unknown on a missing day is each member there is, so a new one makes another version.
versions as (
    select
        periods.grain,
        periods.period_start,
        periods.n_days,
        count(case when loaded.event_date between periods.first_date and periods.last_date then 1 end) as n_loaded_days,
        {{ dbt.listagg(
            dbt.concat(['cast(loaded.event_date as ' ~ dbt.type_string() ~ ')', 'loaded.day_version']), "','",
            'order by loaded.event_date'
        ) }} as days
    from periods
    -- fans out on purpose, then grouped: each day that fct_session looks at for the period's sessions
    left join loaded
        on loaded.event_date >= {{ dbt.dateadd('day', -([var('web_lookback_days') + 1, 7] | max), 'periods.first_date') }}
        and loaded.event_date <= {{ dbt.dateadd('day', 7, 'periods.last_date') }}
    group by periods.grain, periods.period_start, periods.n_days
),

hashed as (
    select
        grain,
        period_start,
        n_days,
        n_loaded_days,
        {{ dbt.hash(dbt.concat([
            "'" ~ web_rules() ~ "'",
            'cast(n_days as ' ~ dbt.type_string() ~ ')', "coalesce(days, '')",
            "case when n_loaded_days < n_days then (select " ~ dbt.listagg(
                "concat(members.scope, members.scope_value)", "','", 'order by members.scope, members.scope_value'
            ) ~ " from members) else '' end",
        ])) }} as period_version
    from versions
),

changed as (
    select * from hashed
    {%- if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as counted
        where
            counted.grain = hashed.grain
            and counted.period_start = hashed.period_start
            and counted.period_version = hashed.period_version
    )
    {%- endif %}
),

changed_days as (
    select
        calendar.grain,
        calendar.period_start,
        calendar.date_day
    from calendar
    inner join changed
        on calendar.grain = changed.grain
        and calendar.period_start = changed.period_start
),

-- Clients as numbers: a tenth of a key's memory where millions of them are held apart.
visits as (
    select
        property_date,
        channel_key,
        source_system,
        client_key,
        max(is_new_client) as is_new_client
    from sessions
    where property_date in (select changed_days.date_day from changed_days)
    group by property_date, channel_key, source_system, client_key
),

keys as (
    select distinct client_key from visits
),

numbered as (
    select
        client_key,
        row_number() over (order by client_key asc) as client_number
    from keys
),

-- Inner joins: numbered is unique on client_key; the other fans out on purpose: a day lies in five periods.
clients as (
    select
        changed_days.grain,
        changed_days.period_start,
        visits.channel_key,
        visits.source_system,
        numbered.client_number,
        max(visits.is_new_client) as is_new_client
    from visits
    inner join numbered
        on visits.client_key = numbered.client_key
    inner join changed_days
        on visits.property_date = changed_days.date_day
    group by
        changed_days.grain, changed_days.period_start, visits.channel_key, visits.source_system, numbered.client_number
),

once as (
    {%- for scope, member in scopes.items() %}
    select
        '{{ scope }}' as scope,
        {{ member }} as scope_value,
        grain,
        period_start,
        client_number,
        max(is_new_client) as is_new_client
    from clients
    group by {% if scope != 'total' %}{{ member }}, {% endif %}grain, period_start, client_number
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

counted as (
    select
        scope,
        scope_value,
        grain,
        period_start,
        {%- for measure, condition in measures.items() %}
        count(case when {{ condition }} then 1 end) as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from once
    group by scope, scope_value, grain, period_start
),

-- Left join 1:1: counted is unique on scope, member and period. A member without clients has a row where days are missing, and
-- the total always, so that what was counted before goes.
filled as (
    select
        changed.*,
        members.scope,
        members.scope_value,
        {%- for measure in measures %}
        coalesce(counted.{{ measure }}, 0) as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from changed
    cross join members
    left join counted
        on members.scope = counted.scope
        and members.scope_value = counted.scope_value
        and changed.grain = counted.grain
        and changed.period_start = counted.period_start
    where counted.scope is not null or changed.n_loaded_days < changed.n_days or members.scope = 'total'
),

measures as (
    {%- for measure in measures %}
    select '{{ measure }}' as measure{% if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Fans out on purpose: a row a measure.
select
    measures.measure,
    filled.scope,
    filled.scope_value,
    filled.grain,
    filled.period_start,
    cast(
        case
            when filled.n_loaded_days = 0 then null
            {%- for measure in measures %}
            when measures.measure = '{{ measure }}' then filled.{{ measure }}
            {%- endfor %}
        end as decimal(24, 6)
    ) as value,
    filled.n_days as n_records,
    filled.n_loaded_days as n_known,
    case when filled.n_loaded_days = 0 then 'days are missing in the export' end as unknown_reason,
    filled.period_version,
    {{ as_of() }} as built_as_of
from filled
cross join measures
