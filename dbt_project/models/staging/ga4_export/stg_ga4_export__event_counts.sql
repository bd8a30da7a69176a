-- Grain: day of the property x event name x consent to analytics x what leaves it out (internal, bot; null: nothing). Events add up.
-- A day is computed anew when it was loaded anew.
{{ config(materialized='by_day', day='event_date', days='stg_ga4_export__event_days') }}
-- depends_on: {{ ref('stg_ga4_export__event_days') }}

with source as (
    select
        event_date,
        event_name,
        case
            when analytics_storage = 'No' then 'denied'
            when user_pseudo_id is null then 'denied'
            when analytics_storage = 'Yes' then 'granted'
            else 'unknown'
        end as consent,
        {{ web_exclusion() }} as exclusion
    from {{ source('ga4_export', 'events') }}
    where {{ in_days('event_date') }}
)

select
    event_date,
    event_name,
    consent,
    exclusion,
    count(*) as n_events,
    'ga4_export' as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from source
group by event_date, event_name, consent, exclusion
