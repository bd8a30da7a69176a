-- Grain: day of the property x event x consent to analytics x exclusion. Events add up over all; with consent or without, and
-- with what is left out of the session marts.
with source as (
    select
        event_date,
        event_name,
        analytics_storage,
        {{ web_exclusion() }} as exclusion
    from {{ source('ga4_export', 'events') }}
)

select
    event_date,
    event_name,
    case analytics_storage when 'Yes' then 'granted' when 'No' then 'denied' else 'unknown' end as consent,
    exclusion,
    count(*) as n_events,
    'ga4_export' as source_system
from source
group by event_date, event_name, analytics_storage, exclusion
