-- Grain: person with at least one paid sale up to the as-of date. Counts and revenue add up over people; scores and days do
-- not. Changes with every order; an inactive customer who buys again is active again.
with orders as (
    select * from {{ ref('fct_order') }}
    where has_person and ordered_date <= {{ as_of() }}
),

source_status as (
    select coalesce(max(is_stale), false) as has_stale_source
    from {{ ref('rpt_source_status') }}
    where is_configured
),

numbered as (
    select
        orders.*,
        case
            when is_paid_sale
                then row_number() over (
                    partition by person_key, is_paid_sale
                    order by ordered_date asc, ordered_at asc nulls last, order_key asc
                )
        end as purchase_number
    from orders
),

customers as (
    select
        person_key,
        min(source_name) as source_name,
        min(source_system) as source_system,
        min(case when purchase_number = 1 then channel_key end) as first_channel_key,
        count(case when is_paid_sale then 1 end) as n_orders,
        count(case when order_type = 'cancellation' then 1 end) as n_cancellations,
        count(*) as n_records,
        count(amount_ex_vat_reporting) as n_records_known,
        min(case when is_paid_sale then ordered_date end) as first_purchase_date,
        min(case when purchase_number = 2 then ordered_date end) as second_purchase_date,
        max(case when is_paid_sale then ordered_date end) as last_purchase_date,
        {{ money_sum('sales_ex_vat_reporting') }} as sales_known,
        {{ money_sum('cancelled_ex_vat_reporting') }} as cancelled_known,
        count(sales_ex_vat_reporting) as n_sales_known,
        count(cancelled_ex_vat_reporting) as n_cancelled_known
    from numbered
    group by person_key
    having count(case when is_paid_sale then 1 end) > 0
),

-- Revenue is unknown as soon as one order's is: a sum of the known part would look like less than it is.
valued as (
    select
        customers.*,
        case when n_sales_known = n_records then sales_known end as sales_ex_vat_reporting,
        case when n_cancelled_known = n_records then cancelled_known end as cancelled_ex_vat_reporting,
        case
            when n_sales_known = n_records and n_cancelled_known = n_records
                then cast(sales_known + cancelled_known as decimal(24, 6))
        end as revenue_reporting,
        {{ days_between('last_purchase_date', as_of()) }} as recency_days
    from customers
),

-- Fifths by rank: equal values get equal scores.
scored as (
    select
        valued.*,
        5 - cast(floor((rank() over (order by recency_days) - 1) * 5.0 / count(*) over ()) as integer)
            as recency_score,
        1 + cast(floor((rank() over (order by n_orders) - 1) * 5.0 / count(*) over ()) as integer) as frequency_score,
        case
            when revenue_reporting is not null
                then
                    1 + cast(
                        floor(
                            (rank() over (order by revenue_reporting nulls last) - 1) * 5.0
                            / nullif(count(revenue_reporting) over (), 0)
                        ) as integer
                    )
        end as monetary_score
    from valued
)

select
    scored.person_key,
    scored.first_channel_key,
    scored.n_orders,
    scored.n_cancellations,
    scored.sales_ex_vat_reporting,
    scored.cancelled_ex_vat_reporting,
    scored.revenue_reporting,
    scored.recency_days,
    case
        when scored.second_purchase_date is not null
            then {{ days_between('scored.first_purchase_date', 'scored.second_purchase_date') }}
    end as days_to_second_purchase,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    {{ ratio('scored.n_records_known', 'scored.n_records') }} as coverage,
    scored.n_orders > 1 as is_repeat_customer,
    scored.recency_days > {{ var('churn_inactivity_days') }} as is_churned,
    case
        when
            {{ days_between('scored.last_purchase_date', as_of()) }} < {{ var('cancellation_maturity_days') }}
            then 'maturing'
        else 'mature'
    end as maturity,
    source_status.has_stale_source,
    scored.first_purchase_date,
    scored.second_purchase_date,
    scored.last_purchase_date,
    cast({{ dbt.dateadd('day', var('churn_inactivity_days'), 'scored.last_purchase_date') }} as date)
        as active_until_date,
    {{ as_of() }} as as_of_date,
    scored.source_name,
    scored.source_system
from scored
cross join source_status
