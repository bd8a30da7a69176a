-- Grain: order head (system x order id), over all sources; the newest row counts where several datasets give it.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('orders', 'orders', [
        'source_system', 'dataset', 'row_id', 'version_at', 'order_id', 'cancels_order_id', 'person_key', 'user_hash',
        'email_hash', 'phone_hash', 'is_role_email', 'email_domain', 'origin',
        'traffic_source', 'traffic_medium', 'traffic_campaign', 'order_type', 'country', 'attributes', 'amount',
        'discount_amount', 'shipping_amount', 'cost_amount', 'currency', 'vat_basis', 'vat_rate_pct', 'ordered_at',
        'ordered_date',
    ]) }}
),

ranked as (
    select
        unioned.*,
        row_number() over (
            partition by source_system, order_id
            order by version_at desc nulls last, source_name asc, dataset asc, row_id asc
        ) as version_rank
    from unioned
)

select
    {{ surrogate_key(['source_system', "'order'", 'order_id']) }} as order_key,
    {{ optional_key('cancels_order_id', ['source_system', "'order'", 'cancels_order_id']) }} as cancels_order_key,
    person_key,
    user_hash,
    email_hash,
    phone_hash,
    is_role_email,
    email_domain,
    {{ traffic_key() }} as traffic_key,
    order_id,
    cancels_order_id,
    origin,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    -- no type counts as sale; a negative sale takes something back
    case
        when coalesce(order_type, 'sale') = 'sale' and amount < 0 then 'cancellation'
        else coalesce(order_type, 'sale')
    end as order_type,
    country,
    attributes,
    amount,
    discount_amount,
    shipping_amount,
    cost_amount,
    currency,
    vat_basis,
    vat_rate_pct,
    ordered_at,
    ordered_date,
    source_name,
    source_system,
    dataset
from ranked
where version_rank = 1
