-- Grain: scope x member x day of the property. Clients that come for the first time in the day, and of them for the first time in its week,
-- month, quarter and year: the clients of a period are the sum of its column over its days, exactly, and no night counts years
-- of sessions. The days that fct_session computes anew, and those of a year after them, are computed anew.
{% set reach = [var('web_lookback_days') + 1, 7] | max %}
{{ config(
    materialized='by_day', day='date_day', days='int_web_days__unioned', days_before=7, days_after=reach + 366,
) }}
-- depends_on: {{ ref('int_web_days__unioned') }}
{% set scopes = {'total': "'all'", 'channel': 'sessions.channel_key', 'system': 'sessions.source_system'} %}

with sessions as (
    select * from {{ ref('fct_session') }}
    where {{ in_days('property_date', before=366) }}
),

-- Numbers instead of keys: a tenth of the memory.
comers as (
    select
        client_key,
        row_number() over (order by client_key asc) as client_number
    from sessions
    where {{ in_days('property_date') }}
    group by client_key
),

-- Inner join: comers are unique on client_key. Fans out on purpose: each visit in its three scopes.
visits as (
    {%- for scope, member in scopes.items() %}
    select
        '{{ scope }}' as scope,
        {{ member }} as scope_value,
        comers.client_number,
        sessions.property_date,
        max(sessions.is_new_client) as is_new_client
    from sessions
    inner join comers
        on sessions.client_key = comers.client_key
    group by {% if scope != 'total' %}{{ member }}, {% endif %}comers.client_number, sessions.property_date
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

looked_back as (
    select
        *,
        max(property_date) over before_it as last_date,
        max(case when is_new_client then property_date end) over before_it as last_new_date
    from visits
    window before_it as (
        partition by scope, scope_value, client_number order by property_date asc
        rows between unbounded preceding and 1 preceding
    )
)

select
    scope,
    scope_value,
    property_date as date_day,
    {%- for grain in ['day', 'week', 'month', 'quarter', 'year'] %}
    {%- set start = period_start(grain, 'property_date') %}
    count(case when coalesce(last_date < {{ start }}, true) then 1 end) as n_users_{{ grain }},
    count(case when is_new_client and coalesce(last_new_date < {{ start }}, true) then 1 end) as n_new_users_{{ grain }},
    {%- endfor %}
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from looked_back
where {{ in_days('property_date') }}
group by scope, scope_value, property_date
