-- Grain: conversion that web analytics saw: a purchase or refund (transaction id; without one visitor and moment), or a key event as
-- var web_key_events counts it. Counts and reporting revenue add up over days; buyers do not. Revenue is what the tag reported,
-- unknown where none is reported; it is not the revenue of fct_order. Refunds have negative revenue. The last days are restated.
with items as (
    select * from {{ ref('int_web_purchases__unioned') }}
),

counted as (
    select * from {{ ref('int_web_conversions__counted') }}
),

event_days as (
    select distinct event_date from {{ ref('int_web_days__unioned') }}
    where is_loaded
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
        min(transaction_id) as transaction_id,
        case when min(country) = max(country) then min(country) end as country,
        case when count(distinct currency) = 1 then min(currency) end as currency,
        count(*) as n_items,
        count(*) - count(item_revenue) as n_items_without_revenue,
        cast(sum(quantity) as decimal(18, 4)) as quantity,
        {{ money_sum('item_revenue') }} as revenue,
        max(has_transaction_id) as has_transaction_id,
        min(purchased_at) as converted_at,
        min(purchased_date) as converted_date,
        min(source_name) as source_name,
        min(source_system) as source_system,
        min(dataset) as dataset
    from items
    group by web_conversion_key
),

-- On a day that the event export holds, purchases of other exports are there to look at, and not counted twice: is_headline.
-- Left joins 1:1: traffic is unique on traffic_key, event_days on the day.
conversions as (
    select
        purchases.web_conversion_key,
        purchases.client_key,
        purchases.user_key,
        cast(null as varchar) as session_key,
        traffic.channel_key,
        traffic.channel_key as last_non_direct_channel_key,
        'purchase' as event_name,
        case when purchases.has_transaction_id then 'transaction' else 'moment' end as counted_by,
        case when purchases.has_transaction_id then purchases.transaction_id end as transaction_id,
        cast(null as varchar) as page,
        purchases.country,
        purchases.currency,
        cast(1 as bigint) as n_events,
        purchases.n_items,
        purchases.n_items_without_revenue,
        purchases.quantity,
        purchases.revenue,
        purchases.has_transaction_id,
        true as has_consent,
        event_days.event_date is null as is_headline,
        purchases.converted_at,
        purchases.converted_date,
        purchases.source_name,
        purchases.source_system,
        purchases.dataset
    from purchases
    left join traffic
        on purchases.traffic_key = traffic.traffic_key
    left join event_days
        on purchases.converted_date = event_days.event_date
    union all
    select
        web_conversion_key,
        client_key,
        user_key,
        session_key,
        channel_key,
        last_non_direct_channel_key,
        event_name,
        counted_by,
        case when counted_by = 'transaction' then transaction_id end as transaction_id,
        page,
        geo_country as country,
        currency,
        n_events,
        n_items,
        cast(0 as bigint) as n_items_without_revenue,
        cast(quantity as decimal(18, 4)) as quantity,
        cast(revenue as decimal(24, 6)) as revenue,
        counted_by = 'transaction' as has_transaction_id,
        has_consent,
        true as is_headline,
        converted_at,
        converted_date,
        source_name,
        source_system,
        cast(null as varchar) as dataset
    from counted
)

-- Left join 1:1: rates are unique on currency and day.
select
    conversions.web_conversion_key,
    conversions.client_key,
    conversions.user_key,
    conversions.session_key,
    conversions.channel_key,
    conversions.last_non_direct_channel_key,
    conversions.event_name,
    conversions.counted_by,
    conversions.transaction_id,
    conversions.page,
    conversions.country,
    conversions.currency,
    conversions.n_events,
    conversions.n_items,
    conversions.n_items_without_revenue,
    conversions.quantity,
    case when conversions.currency is not null then conversions.revenue end as revenue,
    {{ to_reporting('conversions.revenue', 'rates.rate') }} as revenue_reporting,
    rates.rate as reporting_rate,
    conversions.revenue is not null as has_revenue,
    conversions.revenue is not null and conversions.n_items_without_revenue > 0 as is_revenue_partial,
    conversions.has_transaction_id,
    conversions.has_consent,
    conversions.is_headline,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    conversions.converted_at,
    conversions.converted_date,
    rates.rate_date,
    conversions.source_name,
    conversions.source_system,
    conversions.dataset
from conversions
left join rates
    on conversions.currency = rates.currency
    and conversions.converted_date = rates.date_day
