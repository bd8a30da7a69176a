-- An amount in the reporting currency is the amount times the rate of its day; it is unknown only where no rate is known.
with lines as (
    select
        ordered_date as date_day,
        currency,
        amount,
        amount_reporting,
        reporting_rate
    from {{ ref('fct_order_line') }}
    union all
    select
        coalesce(closed_date, created_date) as date_day,
        currency,
        amount,
        amount_reporting,
        reporting_rate
    from {{ ref('fct_deal') }}
    union all
    select
        converted_date as date_day,
        currency,
        revenue as amount,
        revenue_reporting as amount_reporting,
        reporting_rate
    from {{ ref('fct_web_conversion') }}
    {%- for model in ['fct_ad_performance_daily', 'fct_search_term_daily'] %}
    union all
    select
        date_day,
        currency,
        cost as amount,
        cost_reporting as amount_reporting,
        reporting_rate
    from {{ ref(model) }}
    {%- endfor %}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
)

select
    lines.date_day,
    lines.currency,
    lines.amount,
    lines.amount_reporting
from lines
left join rates
    on lines.currency = rates.currency
    and lines.date_day = rates.date_day
where
    lines.reporting_rate is distinct from rates.rate
    or lines.amount_reporting is distinct from cast(lines.amount * rates.rate as decimal(18, 6))
