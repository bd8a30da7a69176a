-- Grain: cancellation line. Finds the sale line it takes back: the latest one not after it, of the same system, customer,
-- product and unit price, with at least that quantity; where the order names the order it cancels, only lines of that
-- one. A sale line is not cancelled beyond its quantity: cancellations after that, in order of time, stay unlinked.
{{ config(materialized='table') }}

with lines as (
    select
        order_line_key,
        order_key,
        person_key,
        product_id,
        line_type,
        quantity,
        unit_price,
        coalesce(ordered_at, cast(ordered_date as {{ dbt.type_timestamp() }})) as moment,
        ordered_date,
        source_system
    from {{ ref('int_order_lines__typed') }}
    where line_type in ('sale', 'cancellation')
),

orders as (
    select * from {{ ref('int_orders__unioned') }}
),

-- Left join 1:1: orders are unique on order_key.
cancellations as (
    select
        lines.order_line_key,
        lines.person_key,
        lines.product_id,
        -lines.quantity as quantity,
        lines.unit_price,
        lines.moment,
        lines.ordered_date,
        lines.source_system,
        orders.cancels_order_key
    from lines
    left join orders
        on lines.order_key = orders.order_key
    where lines.line_type = 'cancellation'
),

sales as (
    select * from lines
    where line_type = 'sale' and product_id is not null
),

-- Fans out on purpose, to all sale lines that fit; ranked below.
candidates as (
    select
        cancellations.order_line_key,
        cancellations.moment,
        cancellations.quantity,
        sales.order_line_key as sale_line_key,
        sales.quantity as sale_quantity,
        sales.ordered_date as sale_date,
        sales.moment as sale_moment
    from cancellations
    inner join sales
        on cancellations.source_system = sales.source_system
        and cancellations.product_id = sales.product_id
        and cancellations.unit_price = sales.unit_price
        and cancellations.person_key = sales.person_key
    where
        cancellations.quantity > 0
        and sales.moment <= cancellations.moment
        and sales.quantity >= cancellations.quantity
        and (cancellations.cancels_order_key is null or cancellations.cancels_order_key = sales.order_key)
    union all
    -- a guest's cancellation can be linked only where the order names the order it cancels
    select
        cancellations.order_line_key,
        cancellations.moment,
        cancellations.quantity,
        sales.order_line_key as sale_line_key,
        sales.quantity as sale_quantity,
        sales.ordered_date as sale_date,
        sales.moment as sale_moment
    from cancellations
    inner join sales
        on cancellations.cancels_order_key = sales.order_key
        and cancellations.product_id = sales.product_id
        and cancellations.unit_price = sales.unit_price
    where
        cancellations.person_key is null
        and cancellations.quantity > 0
        and sales.moment <= cancellations.moment
        and sales.quantity >= cancellations.quantity
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by order_line_key
            order by sale_moment desc, sale_quantity asc, sale_line_key asc
        ) as fit_rank
    from candidates
),

drawn as (
    select
        order_line_key,
        sale_line_key,
        sale_date,
        sale_quantity,
        sum(quantity) over (
            partition by sale_line_key
            order by moment asc, order_line_key asc
            rows between unbounded preceding and current row
        ) as cancelled_quantity
    from ranked
    where fit_rank = 1
)

-- Left join 1:1: drawn is unique on order_line_key.
select
    cancellations.order_line_key,
    case when drawn.cancelled_quantity <= drawn.sale_quantity then drawn.sale_line_key end as sale_line_key,
    case when drawn.cancelled_quantity <= drawn.sale_quantity then drawn.sale_date end as sale_date,
    case
        when drawn.cancelled_quantity <= drawn.sale_quantity then 'linked'
        when drawn.sale_line_key is not null then 'sale already cancelled'
        when cancellations.person_key is null and cancellations.cancels_order_key is null then 'no customer'
        else 'no matching sale'
    end as link_status
from cancellations
left join drawn
    on cancellations.order_line_key = drawn.order_line_key
