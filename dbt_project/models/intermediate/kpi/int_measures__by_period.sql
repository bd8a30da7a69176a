-- Grain: measure x scope x member x grain x period. Users and new users, counted once in each period: they add up over nothing. Null
-- value = no day of the period is loaded.
{{ config(materialized='table') }}
{% set grains = ['day', 'week', 'month', 'quarter', 'year'] %}
{% set measures = ['users', 'new_users'] %}
with client_days as (
    select * from {{ ref('int_clients__daily') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

loaded as (
    select distinct event_date
    from {{ ref('int_web_days__unioned') }}
    where is_loaded
),

span as (
    select
        min(event_date) as first_date,
        max(event_date) as last_date
    from loaded
),

-- Left join 1:1: loaded days are unique.
calendar as (
    select
        dates.date_day,
        loaded.event_date is not null as is_loaded
    from dates
    inner join span
        on dates.date_day between span.first_date and span.last_date
    left join loaded
        on dates.date_day = loaded.event_date
),

members as (
    select
        'total' as scope,
        'all' as scope_value
    union
    select
        scope,
        scope_value
    from client_days
),

-- Left join 1:1: client_days are unique on scope, member and day.
counted as (
    {%- for grain in grains %}
    {%- set start = period_start(grain, 'calendar.date_day') %}
    select
        '{{ grain }}' as grain,
        {{ start }} as period_start,
        members.scope,
        members.scope_value,
        count(*) as n_days,
        count(case when calendar.is_loaded then 1 end) as n_loaded_days,
        {%- for measure in measures %}
        coalesce(sum(client_days.n_{{ measure }}_{{ grain }}), 0) as {{ measure }},
        {%- endfor %}
        count(client_days.date_day) as n_days_with_clients
    from calendar
    cross join members
    left join client_days
        on members.scope = client_days.scope
        and members.scope_value = client_days.scope_value
        and calendar.date_day = client_days.date_day
    group by {{ start }}, members.scope, members.scope_value
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

measures as (
    {%- for measure in measures %}
    select '{{ measure }}' as measure{% if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Fans out on purpose: a row a measure. A member without clients has a row where days are missing, and the total always.
select
    measures.measure,
    counted.scope,
    counted.scope_value,
    counted.grain,
    counted.period_start,
    cast(
        case
            when counted.n_loaded_days = 0 then null
            {%- for measure in measures %}
            when measures.measure = '{{ measure }}' then counted.{{ measure }}
            {%- endfor %}
        end as decimal(24, 6)
    ) as value,
    counted.n_days as n_records,
    counted.n_loaded_days as n_known,
    case when counted.n_loaded_days = 0 then 'days are missing in the export' end as unknown_reason
from counted
cross join measures
where counted.n_days_with_clients > 0 or counted.n_loaded_days < counted.n_days or counted.scope = 'total'
