-- Grain: order line; equal lines are real lines. Amounts in the order's currency, after discount.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('order_lines') }},

renamed as (
    select
        order_id,
        line_number,
        {{ person_key('_system', 'customer_id', 'email', 'phone') }} as person_key,
        lower({{ clean_text('order_type') }}) as order_type,
        {{ clean_text('country') }} as country,
        product_id,
        product_name,
        cast(attributes as {{ dbt.type_string() }}) as attributes,
        quantity,
        unit_price,
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
