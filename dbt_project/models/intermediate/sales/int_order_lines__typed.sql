-- Grain: order line, over all sources; equal lines are real lines and all stay. Amounts in the order's currency.
-- line_type tells what a line is:
--   adjustment        the order is one, or a sale line has a negative price: no goods move
--   cancellation      the order is one, or a priced sale line has a negative quantity
--   stock_adjustment  price 0 and a negative quantity: goods leave the stock without a buyer
--   free_line         price 0 otherwise: samples, gifts, corrections of a register
--   sale              all other lines
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('order_lines', 'order_lines', [
        'source_system', 'dataset', 'row_id', 'order_id', 'person_key', 'order_type', 'country', 'product_id',
        'product_name', 'attributes', 'quantity', 'unit_price', 'cost_amount', 'currency', 'vat_basis', 'vat_rate_pct',
        'ordered_at', 'ordered_date',
    ]) }}
)

select
    {{ surrogate_key(['source_name', 'row_id']) }} as order_line_key,
    {{ surrogate_key(['source_system', "'order'", 'order_id']) }} as order_key,
    person_key,
    coalesce(order_type, 'sale') as order_type,
    case
        when order_type = 'adjustment' then 'adjustment'
        when order_type = 'cancellation' then 'cancellation'
        when unit_price = 0 and quantity < 0 then 'stock_adjustment'
        when unit_price = 0 then 'free_line'
        when unit_price < 0 then 'adjustment'
        when quantity < 0 then 'cancellation'
        when quantity = 0 then 'free_line'
        else 'sale'
    end as line_type,
    product_id,
    product_name,
    country,
    attributes,
    quantity,
    unit_price,
    cast(quantity * unit_price as decimal(18, 6)) as amount,
    {{ ex_vat('quantity * unit_price', 'vat_basis', 'vat_rate_pct') }} as amount_ex_vat,
    cost_amount,
    currency,
    ordered_at,
    ordered_date,
    source_name,
    source_system,
    dataset
from unioned
