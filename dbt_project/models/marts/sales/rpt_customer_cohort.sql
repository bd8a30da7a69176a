-- Grain: cohort month (first paid sale) x months since. Customers and revenue add up over cohorts of one age; retention does
-- not: take sums of n_active over sums of n_customers. The running month is open and grows.
with customers as (
    select * from {{ ref('rpt_customer_value') }}
),

orders as (
    select * from {{ ref('fct_order') }}
    where has_person and ordered_date <= {{ as_of() }}
),

source_status as (
    select coalesce(max(is_stale), false) as has_stale_source
    from {{ ref('rpt_source_status') }}
    where is_configured
),

cohorts as (
    select
        {{ period_start('month', 'first_purchase_date') }} as cohort_month,
        count(*) as n_customers,
        min(min(first_purchase_date)) over () as data_from_date
    from customers
    group by {{ period_start('month', 'first_purchase_date') }}
),

months as (
    select distinct month_start_date
    from {{ ref('dim_date') }}
    where month_start_date <= {{ as_of() }}
),

-- Every month from the cohort's own to the as-of month, also those without an order.
grid as (
    select
        cohorts.cohort_month,
        months.month_start_date as activity_month,
        cohorts.n_customers,
        cohorts.data_from_date
    from cohorts
    inner join months
        on cohorts.cohort_month <= months.month_start_date
),

-- Inner join 1:1 on the customer: orders of people who never paid for a sale are no customers'.
customer_orders as (
    select
        {{ period_start('month', 'customers.first_purchase_date') }} as cohort_month,
        {{ period_start('month', 'orders.ordered_date') }} as activity_month,
        orders.person_key,
        orders.is_paid_sale,
        orders.sales_ex_vat_reporting + orders.cancelled_ex_vat_reporting as revenue
    from orders
    inner join customers
        on orders.person_key = customers.person_key
),

activity as (
    select
        cohort_month,
        activity_month,
        count(distinct case when is_paid_sale then person_key end) as n_active,
        count(case when is_paid_sale then 1 end) as n_orders,
        count(*) as n_records,
        count(revenue) as n_records_known,
        {{ money_sum('revenue') }} as revenue_known
    from customer_orders
    group by cohort_month, activity_month
)

-- Left join 1:1: activity is unique on both months.
select
    {{ surrogate_key(['grid.cohort_month', 'grid.activity_month']) }} as cohort_key,
    grid.cohort_month,
    grid.activity_month,
    cast(
        {{ dbt.datediff('grid.cohort_month', 'grid.activity_month', 'month') }}
        as integer
    ) as months_since,
    grid.n_customers,
    coalesce(activity.n_active, 0) as n_active,
    coalesce(activity.n_orders, 0) as n_orders,
    {{ ratio('coalesce(activity.n_active, 0)', 'grid.n_customers') }} as retention_rate,
    case
        when coalesce(activity.n_records, 0) = 0 then 0
        when activity.n_records = activity.n_records_known then activity.revenue_known
    end as revenue_reporting,
    coalesce({{ ratio('activity.n_records_known', 'activity.n_records') }}, 1) as coverage,
    -- customers of the first month of data may have bought before it
    grid.cohort_month = {{ period_start('month', 'grid.data_from_date') }} as is_first_month_of_data,
    case
        when cast({{ dbt.dateadd('month', 1, 'grid.activity_month') }} as date) > {{ as_of() }} then 'open'
        when
            {{ days_between(dbt.dateadd('month', 1, 'grid.activity_month'), as_of()) }}
            < {{ var('cancellation_maturity_days') }}
            then 'maturing'
        else 'mature'
    end as maturity,
    source_status.has_stale_source,
    {{ as_of() }} as as_of_date
from grid
left join activity
    on grid.cohort_month = activity.cohort_month
    and grid.activity_month = activity.activity_month
cross join source_status
