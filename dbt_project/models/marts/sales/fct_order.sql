-- Grain: order (system x order id): the order head, or the sum of its lines where a system gives no head for it.
-- Reporting amounts add up over all; amounts in the order's currency only within one currency. amount = sales_amount +
-- cancelled_amount + adjustment_amount. A cancellation is an order of its own, on its own day, with negative amounts.
with heads as (
    select * from {{ ref('int_orders__unioned') }}
),

lines as (
    select * from {{ ref('fct_order_line') }}
),

order_people as (
    select * from {{ ref('int_orders__people') }}
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

line_sums as (
    select
        order_key,
        case when min(person_key) = max(person_key) then min(person_key) end as person_key,
        case when min(country) = max(country) then min(country) end as country,
        case when count(distinct currency) = 1 then min(currency) end as currency,
        count(*) as n_lines,
        sum(case when line_type = 'sale' then quantity else 0 end) as n_units_sold,
        count(case when line_type = 'sale' then 1 end) as n_sale_lines,
        count(case when line_type = 'cancellation' then 1 end) as n_cancellation_lines,
        count(case when line_type = 'adjustment' then 1 end) as n_adjustment_lines,
        count(case when line_type = 'stock_adjustment' then 1 end) as n_stock_lines,
        {{ money_sum('amount') }} as amount,
        {%- for name, type in [('sales', 'sale'), ('cancelled', 'cancellation'), ('adjustment', 'adjustment')] %}
        {{ money_sum("case when line_type = '" ~ type ~ "' then amount else 0 end") }} as {{ name }}_amount,
        {{ money_sum("case when line_type = '" ~ type ~ "' then amount_ex_vat_reporting else 0 end") }}
            as {{ name }}_ex_vat_reporting,
        count(case when line_type = '{{ type }}' and amount_ex_vat_reporting is null then 1 end)
            as n_{{ name }}_unknown,
        {%- endfor %}
        {%- for column in ['amount_ex_vat', 'cost_amount', 'amount_reporting', 'amount_ex_vat_reporting',
            'cost_amount_reporting'] %}
        case when count(*) = count({{ column }}) then {{ money_sum(column) }} end as {{ column }},
        {%- endfor %}
        case when min(reporting_rate) = max(reporting_rate) then min(reporting_rate) end as reporting_rate,
        max(is_rate_carried_forward) as is_rate_carried_forward,
        min(rate_date) as rate_date,
        min(ordered_at) as ordered_at,
        min(ordered_date) as ordered_date,
        min(source_name) as source_name,
        min(source_system) as source_system,
        min(dataset) as dataset
    from lines
    group by order_key
),

headless as (
    select line_sums.*
    from line_sums
    left join heads
        on line_sums.order_key = heads.order_key
    where heads.order_key is null
),

-- Left joins 1:1: line_sums and order_people are unique on order_key, rates on currency and day.
from_heads as (
    select
        heads.order_key,
        heads.cancels_order_key,
        order_people.person_key,
        heads.traffic_key,
        case
            when heads.order_type = 'sale' and heads.amount = 0 then 'free_order' else heads.order_type
        end as order_type,
        heads.country,
        heads.attributes,
        heads.currency,
        line_sums.n_lines,
        line_sums.n_units_sold,
        heads.amount,
        {{ ex_vat('heads.amount', 'heads.vat_basis', 'heads.vat_rate_pct') }} as amount_ex_vat,
        heads.cost_amount,
        rates.rate as reporting_rate,
        rates.is_carried_forward as is_rate_carried_forward,
        rates.rate_date,
        heads.ordered_at,
        heads.ordered_date,
        heads.source_name,
        heads.source_system,
        heads.dataset
    from heads
    left join line_sums
        on heads.order_key = line_sums.order_key
    left join order_people
        on heads.order_key = order_people.order_key
    left join rates
        on heads.currency = rates.currency
        and heads.ordered_date = rates.date_day
),

from_heads_split as (
    select
        from_heads.*,
        {%- for name, type in [('sales', 'sale'), ('cancelled', 'cancellation'), ('adjustment', 'adjustment')] %}
        case when order_type = '{{ type }}' then amount else 0 end as {{ name }}_amount,
        case when order_type = '{{ type }}' then {{ to_reporting('amount_ex_vat', 'reporting_rate') }} else 0 end
            as {{ name }}_ex_vat_reporting,
        {%- endfor %}
        {{ to_reporting('amount', 'reporting_rate') }} as amount_reporting,
        {{ to_reporting('amount_ex_vat', 'reporting_rate') }} as amount_ex_vat_reporting,
        {{ to_reporting('cost_amount', 'reporting_rate') }} as cost_amount_reporting
    from from_heads
),

from_lines as (
    select
        headless.*,
        case
            when n_sale_lines > 0 then 'sale'
            when n_cancellation_lines > 0 then 'cancellation'
            when n_adjustment_lines > 0 then 'adjustment'
            when n_stock_lines > 0 then 'stock_adjustment'
            else 'free_order'
        end as order_type,
        {{ surrogate_key(['null', 'null', 'null', 'null']) }} as traffic_key
    from headless
),

orders as (
    select
        order_key,
        cancels_order_key,
        person_key,
        traffic_key,
        order_type,
        country,
        attributes,
        currency,
        n_lines,
        n_units_sold,
        amount,
        sales_amount,
        cancelled_amount,
        adjustment_amount,
        amount_ex_vat,
        cost_amount,
        amount_reporting,
        amount_ex_vat_reporting,
        sales_ex_vat_reporting,
        cancelled_ex_vat_reporting,
        adjustment_ex_vat_reporting,
        cost_amount_reporting,
        reporting_rate,
        is_rate_carried_forward,
        false as is_derived_from_lines,
        ordered_at,
        ordered_date,
        rate_date,
        source_name,
        source_system,
        dataset
    from from_heads_split
    union all
    select
        order_key,
        null as cancels_order_key,
        person_key,
        traffic_key,
        order_type,
        country,
        null as attributes,
        currency,
        n_lines,
        n_units_sold,
        -- one order in two currencies has no amount of its own; its reporting amounts hold
        case when currency is not null then amount end as amount,
        case when currency is not null then sales_amount end as sales_amount,
        case when currency is not null then cancelled_amount end as cancelled_amount,
        case when currency is not null then adjustment_amount end as adjustment_amount,
        case when currency is not null then amount_ex_vat end as amount_ex_vat,
        case when currency is not null then cost_amount end as cost_amount,
        amount_reporting,
        amount_ex_vat_reporting,
        case when n_sales_unknown = 0 then sales_ex_vat_reporting end as sales_ex_vat_reporting,
        case when n_cancelled_unknown = 0 then cancelled_ex_vat_reporting end as cancelled_ex_vat_reporting,
        case when n_adjustment_unknown = 0 then adjustment_ex_vat_reporting end as adjustment_ex_vat_reporting,
        cost_amount_reporting,
        reporting_rate,
        is_rate_carried_forward,
        true as is_derived_from_lines,
        ordered_at,
        ordered_date,
        rate_date,
        source_name,
        source_system,
        dataset
    from from_lines
)

-- Left join 1:1: traffic is unique on traffic_key.
select
    orders.order_key,
    orders.cancels_order_key,
    orders.person_key,
    coalesce(traffic.channel_key, 'missing') as channel_key,
    orders.order_type,
    orders.country,
    orders.attributes,
    orders.currency,
    orders.n_lines,
    orders.n_units_sold,
    orders.amount,
    orders.sales_amount,
    orders.cancelled_amount,
    orders.adjustment_amount,
    orders.amount_ex_vat,
    orders.cost_amount,
    orders.amount_reporting,
    orders.amount_ex_vat_reporting,
    orders.sales_ex_vat_reporting,
    orders.cancelled_ex_vat_reporting,
    orders.adjustment_ex_vat_reporting,
    orders.cost_amount_reporting,
    orders.reporting_rate,
    orders.order_type = 'sale' and coalesce(orders.sales_amount, orders.sales_ex_vat_reporting, 0) > 0 as is_paid_sale,
    orders.person_key is not null as has_person,
    orders.is_derived_from_lines,
    coalesce(orders.is_rate_carried_forward, false) as is_rate_carried_forward,
    orders.ordered_at,
    orders.ordered_date,
    orders.rate_date,
    orders.source_name,
    orders.source_system,
    orders.dataset
from orders
left join traffic
    on orders.traffic_key = traffic.traffic_key
