-- Grain: event that may count as a conversion (var web_key_events, purchases and refunds). Counts add up. Value and revenue in
-- the event's currency. Without consent an event has no client and no session. A day is computed anew when it was loaded anew.
{{ config(materialized='by_day', day='event_date', days='stg_ga4_export__event_days') }}
-- depends_on: {{ ref('stg_ga4_export__event_days') }}

{% set names = ['purchase', 'refund'] + (var('web_key_events') | list) %}
with source as (
    select
        *,
        coalesce(analytics_storage, '') <> 'No' and user_pseudo_id is not null as has_consent
    from {{ source('ga4_export', 'events') }}
    where
        {{ in_days('event_date') }}
        and event_name in ('{{ names | join("', '") }}')
)

select
    event_key,
    event_date,
    event_at,
    event_name,
    case when has_consent and ga_session_id is not null then {{ ga4_session_key() }} end as session_key,
    case when has_consent then {{ ga4_client_key() }} end as client_key,
    case when has_consent then {{ keyed_hash("'ga4_export|' || user_id") }} end as user_key,
    {{ clean_text('coalesce(ecommerce_transaction_id, transaction_id)') }} as transaction_id,
    {{ currency_code('currency') }} as currency,
    value,
    ecommerce_purchase_revenue as purchase_revenue,
    ecommerce_refund_value as refund_value,
    ecommerce_total_item_quantity as quantity,
    ecommerce_unique_items as n_unique_items,
    {{ url_path(ga4_url('page_location')) }} as page,
    geo_country,
    {{ web_exclusion() }} as exclusion,
    has_consent,
    'ga4_export' as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from source
