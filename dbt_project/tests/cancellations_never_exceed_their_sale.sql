-- No sale line is taken back beyond its quantity, and a linked sale line is a sale of the same customer, not later.
with lines as (
    select * from {{ ref('fct_order_line') }}
),

linked as (
    select
        sale_line_key,
        -sum(quantity) as cancelled_quantity,
        min(ordered_date) as first_cancelled_date
    from lines
    where sale_line_key is not null
    group by sale_line_key
)

select linked.sale_line_key
from linked
left join lines
    on linked.sale_line_key = lines.order_line_key
where
    lines.line_type is distinct from 'sale'
    or linked.cancelled_quantity > lines.quantity
    or linked.first_cancelled_date < lines.ordered_date
