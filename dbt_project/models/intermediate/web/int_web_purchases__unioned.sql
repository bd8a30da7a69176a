-- Grain: item of a purchase that web analytics saw, over all sources; equal items are all kept.
-- web_conversion_key: the transaction id, or where there is none the visitor and the moment.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('web_purchases', 'web_purchases', [
        'source_system', 'dataset', 'row_id', 'transaction_id', 'client_key', 'user_key', 'origin', 'traffic_source',
        'traffic_medium', 'traffic_campaign', 'item_id', 'country', 'quantity', 'item_revenue', 'currency',
        'purchased_at', 'purchased_date',
    ]) }}
)

select
    nullif(trim(transaction_id), '') as transaction_id,
    case
        when nullif(trim(transaction_id), '') is not null and transaction_id <> '(not set)'
            then {{ surrogate_key(['source_system', "'transaction'", 'transaction_id']) }}
        else {{ surrogate_key(['source_system', "'moment'", 'client_key', 'purchased_at', 'purchased_date']) }}
    end as web_conversion_key,
    nullif(trim(transaction_id), '') is not null and transaction_id <> '(not set)' as has_transaction_id,
    client_key,
    user_key,
    {{ traffic_key() }} as traffic_key,
    origin,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    item_id,
    country,
    quantity,
    item_revenue,
    currency,
    purchased_at,
    purchased_date,
    row_id,
    source_name,
    source_system,
    dataset
from unioned
