-- Grain: a marketing cost beside media, over all sources. A cost without a channel serves all of them.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('other_costs', 'other_costs', [
        'source_system', 'dataset', 'row_id', 'date_day', 'category', 'origin', 'amount', 'currency', 'vat_basis',
        'vat_rate_pct',
    ]) }}
)

select
    {{ surrogate_key(['source_name', 'row_id']) }} as cost_key,
    {{ surrogate_key(['origin', 'null', 'null', 'null']) }} as traffic_key,
    origin,
    category,
    amount,
    {{ ex_vat('amount', 'vat_basis', 'vat_rate_pct') }} as amount_ex_vat,
    currency,
    date_day,
    source_name,
    source_system,
    dataset
from unioned
