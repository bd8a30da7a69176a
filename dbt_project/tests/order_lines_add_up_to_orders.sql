-- The lines of an order without a head add up to the order, over all line types, in both currencies.
with orders as (
    select * from {{ ref('fct_order') }}
    where is_derived_from_lines and currency is not null
),

lines as (
    select
        order_key,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('fct_order_line') }}
    group by order_key
)

select orders.order_key
from orders
inner join lines
    on orders.order_key = lines.order_key
where
    orders.amount <> lines.amount
    or orders.amount <> orders.sales_amount + orders.cancelled_amount + orders.adjustment_amount
    or orders.amount_reporting <> lines.amount_reporting
