-- Grain: order head as a file gives it. Amounts in the order's currency, after discount, without shipping.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('orders') }},

renamed as (
    select
        order_id,
        cancels_order_id,
        {{ person_key('_system', 'customer_id', 'email', 'phone') }} as person_key,
        {{ customer_hash('_system', 'customer_id') }} as user_hash,
        {{ hashed_contact_columns() }},
        {{ traffic_columns() }},
        lower({{ clean_text('order_type') }}) as order_type,
        {{ clean_text('country') }} as country,
        cast(attributes as {{ dbt.type_string() }}) as attributes,
        amount,
        discount_amount,
        shipping_amount,
        cost_amount,
        {{ currency_code('currency') }} as currency,
        lower({{ clean_text('vat_basis') }}) as vat_basis,
        vat_rate_pct,
        ordered_at,
        coalesce(ordered_date, {{ reporting_date('ordered_at') }}) as ordered_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
