-- Grain: currency x day, dense from the first rate to the as-of date; unique, so a join on both cannot fan out.
-- On days without a rate the last known one is carried forward and marked. Before the first rate there is no row:
-- the rate is unknown. The reporting currency itself has the rate 1 on every day of dim_date's span up to as-of.
{{ config(materialized='table') }}

with observed as (
    select * from {{ ref('int_rates__observed') }}
),

-- Each observed rate holds until the day before the next one.
spans as (
    select
        currency,
        date_day as observed_date,
        rate,
        coalesce(
            lead(date_day) over (partition by currency order by date_day),
            cast({{ dbt.dateadd('day', 1, as_of()) }} as date)
        ) as next_date
    from observed
),

days as (
    {{ date_spine("date '1999-01-01'", as_of()) }}
),

-- A day falls into exactly one span of a currency: spans do not overlap.
filled as (
    select
        spans.currency,
        days.date_day,
        spans.rate,
        spans.observed_date as rate_date,
        days.date_day <> spans.observed_date as is_carried_forward
    from spans
    inner join days
        on days.date_day >= spans.observed_date
        and days.date_day < spans.next_date
),

reporting as (
    select
        '{{ var("reporting_currency") }}' as currency,
        date_day,
        cast(1 as decimal(24, 12)) as rate,
        date_day as rate_date,
        false as is_carried_forward
    from days
)

select
    currency,
    date_day,
    rate,
    rate_date,
    is_carried_forward
from filled
union all
select
    currency,
    date_day,
    rate,
    rate_date,
    is_carried_forward
from reporting
