-- Grain: purchase that web analytics saw (transaction id; without one visitor and moment). Counts and reporting revenue add
-- up over days; buyers do not. Revenue is what the tag reported, unknown where no item reported any; it is not the
-- revenue of fct_order. Analytics may restate the last days.
with items as (
    select * from {{ ref('int_web_purchases__unioned') }}
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

purchases as (
    select
        web_conversion_key,
        min(client_key) as client_key,
        min(user_key) as user_key,
        min(traffic_key) as traffic_key,
        case when min(country) = max(country) then min(country) end as country,
        case when count(distinct currency) = 1 then min(currency) end as currency,
        count(*) as n_items,
        count(*) - count(item_revenue) as n_items_without_revenue,
        cast(sum(quantity) as decimal(18, 4)) as quantity,
        {{ money_sum('item_revenue') }} as revenue,
        max(has_transaction_id) as has_transaction_id,
        min(purchased_at) as purchased_at,
        min(purchased_date) as purchased_date,
        min(source_name) as source_name,
        min(source_system) as source_system,
        min(dataset) as dataset
    from items
    group by web_conversion_key
)

-- Left joins 1:1: traffic is unique on traffic_key, rates on currency and day.
select
    purchases.web_conversion_key,
    purchases.client_key,
    purchases.user_key,
    traffic.channel_key,
    'purchase' as event_name,
    purchases.country,
    purchases.currency,
    purchases.n_items,
    purchases.n_items_without_revenue,
    purchases.quantity,
    case when purchases.currency is not null then purchases.revenue end as revenue,
    {{ to_reporting('purchases.revenue', 'rates.rate') }} as revenue_reporting,
    rates.rate as reporting_rate,
    purchases.revenue is not null as has_revenue,
    purchases.revenue is not null and purchases.n_items_without_revenue > 0 as is_revenue_partial,
    purchases.has_transaction_id,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    purchases.purchased_at,
    purchases.purchased_date,
    rates.rate_date,
    purchases.source_name,
    purchases.source_system,
    purchases.dataset
from purchases
left join traffic
    on purchases.traffic_key = traffic.traffic_key
left join rates
    on purchases.currency = rates.currency
    and purchases.purchased_date = rates.date_day
