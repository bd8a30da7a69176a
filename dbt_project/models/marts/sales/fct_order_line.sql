-- Grain: order line, equal lines are real lines. Quantities and reporting amounts add up over all; amounts in the order's
-- currency only within one currency. The sum over all line types is the sum of the files. A corrected file replaces its lines.
with lines as (
    select * from {{ ref('int_order_lines__typed') }}
),

cancellations as (
    select * from {{ ref('int_order_lines__cancellations') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

order_people as (
    select * from {{ ref('int_orders__people') }}
),

-- Whom a customer of a system is, where all their orders with a head say the same: for orders without one.
customers as (
    select
        told_person_key,
        min(person_key) as person_key
    from order_people
    group by told_person_key
    having count(distinct person_key) = 1
)

-- Left joins 1:1: cancellations are unique on order_line_key, rates on currency and day, order_people on order_key, customers on the
-- person told.
select
    lines.order_line_key,
    lines.order_key,
    cancellations.sale_line_key,
    case
        when lines.person_key is not null then coalesce(order_people.person_key, customers.person_key, lines.person_key)
    end as person_key,
    lines.product_id,
    lines.line_type,
    cancellations.link_status,
    lines.country,
    lines.attributes,
    lines.currency,
    lines.quantity,
    lines.unit_price,
    lines.amount,
    lines.amount_ex_vat,
    lines.cost_amount,
    {{ to_reporting('lines.amount', 'rates.rate') }} as amount_reporting,
    {{ to_reporting('lines.amount_ex_vat', 'rates.rate') }} as amount_ex_vat_reporting,
    {{ to_reporting('lines.cost_amount', 'rates.rate') }} as cost_amount_reporting,
    rates.rate as reporting_rate,
    {{ days_between('cancellations.sale_date', 'lines.ordered_date') }} as days_since_sale,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    lines.ordered_at,
    lines.ordered_date,
    rates.rate_date,
    lines.source_name,
    lines.source_system,
    lines.dataset
from lines
left join cancellations
    on lines.order_line_key = cancellations.order_line_key
left join rates
    on lines.currency = rates.currency
    and lines.ordered_date = rates.date_day
left join order_people
    on lines.order_key = order_people.order_key
left join customers
    on lines.person_key = customers.told_person_key
