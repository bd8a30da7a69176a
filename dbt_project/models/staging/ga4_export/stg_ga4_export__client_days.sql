-- Grain: client x day of the property, of events that carry a client id, whether consent was given or taken back. Consent is as the
-- day's last event has it: granted, denied, or null where the site has no consent mode. A day is computed anew when it was loaded anew.
{{ config(materialized='by_day', day='event_date', days='stg_ga4_export__event_days') }}
-- depends_on: {{ ref('stg_ga4_export__event_days') }}

with source as (
    select
        event_date,
        event_at,
        user_pseudo_id,
        analytics_storage,
        ads_storage,
        geo_country
    from {{ source('ga4_export', 'events') }}
    where {{ in_days('event_date') }} and user_pseudo_id is not null and {{ web_exclusion() }} is null
),

clients as (
    select
        event_date,
        user_pseudo_id,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        {{ max_by('analytics_storage', 'event_at') }} as analytics_storage,
        {{ max_by('ads_storage', 'event_at') }} as ads_storage,
        min(geo_country) as geo_country
    from source
    group by event_date, user_pseudo_id
)

select
    {{ web_client_hash('user_pseudo_id') }} as client_key,
    geo_country,
    case analytics_storage when 'Yes' then 'granted' when 'No' then 'denied' end as analytics_state,
    case ads_storage when 'Yes' then 'granted' when 'No' then 'denied' end as ads_state,
    first_event_at,
    last_event_at,
    event_date,
    'ga4_export' as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from clients
