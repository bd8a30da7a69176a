-- Every krone that platforms and books tell stands in fct_cost once, known or unknown. Sources are summed apart from the joins that
-- give a cost its channel and activity: one that fans out or drops a row is seen here. marketing_cost of the KPIs is the same money.
with facts as (
    select
        {{ money_sum('amount_reporting') }} as amount,
        cast(coalesce(sum(n_records), 0) as bigint) as n_records,
        {{ money_sum('case when not is_committed then amount_reporting end') }} as amount_to_date
    from {{ ref('fct_cost') }}
),

ads as (
    select
        {{ money_sum('cost_reporting') }} as amount,
        count(*) as n_records
    from {{ ref('fct_ad_performance_daily') }}
    where date_day <= {{ as_of() }}
),

costs as (
    select
        {{ money_sum(to_reporting('costs.amount_ex_vat', 'rates.rate')) }} as amount,
        count(*) as n_records
    from {{ ref('int_costs__unioned') }} as costs
    left join {{ ref('int_rates__daily') }} as rates
        on costs.currency = rates.currency
        and least(costs.date_day, {{ as_of() }}) = rates.date_day
    where costs.counted_elsewhere is null
),

measured as (
    select {{ money_sum('value') }} as amount
    from {{ ref('int_measures') }}
    where measure = 'marketing_cost'
)

select
    facts.amount,
    facts.n_records,
    facts.amount_to_date,
    ads.amount as ads_amount,
    costs.amount as costs_amount,
    measured.amount as measured_amount
from facts
cross join ads
cross join costs
cross join measured
where
    facts.n_records <> ads.n_records + costs.n_records
    or coalesce(facts.amount, 0) <> coalesce(ads.amount, 0) + coalesce(costs.amount, 0)
    or coalesce(facts.amount_to_date, 0) <> coalesce(measured.amount, 0)
