-- Each step holds at most what the step before it holds, and every dimension counts every lead once.
with funnel as (
    select * from {{ ref('rpt_journey_funnel') }}
),

totals as (
    select
        dimension,
        cohort_grain,
        sum(n_leads) as n_leads,
        sum(n_won) as n_won
    from funnel
    group by dimension, cohort_grain
),

reference as (
    select * from totals
    where dimension = 'total' and cohort_grain = 'all'
)

select funnel_key as failure
from funnel
where not (n_leads >= n_qualified and n_qualified >= n_opportunities and n_opportunities >= n_won)
union all
select totals.dimension || ' ' || totals.cohort_grain as failure
from totals
cross join reference
where totals.n_leads <> reference.n_leads or totals.n_won <> reference.n_won
