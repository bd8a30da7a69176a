-- Grain: class of the 70/20/10 rule (core, growth, experiment; none = not said), for the as-of date's year. Shares of money and of
-- activities add up to 1. Changes nightly.
with night as (
    select
        {{ as_of() }} as as_of_date,
        {{ period_start('year', as_of()) }} as year_start
),

classes as (
    select 'core' as investment_class, cast(0.7 as decimal(24, 6)) as guide_share
    union all
    select 'growth' as investment_class, cast(0.2 as decimal(24, 6)) as guide_share
    union all
    select 'experiment' as investment_class, cast(0.1 as decimal(24, 6)) as guide_share
    union all
    select 'none' as investment_class, cast(null as decimal(24, 6)) as guide_share
),

activities as (
    select * from {{ ref('dim_activity') }}
),

budget as (
    select * from {{ ref('fct_budget_line') }}
),

costs as (
    select * from {{ ref('fct_cost') }}
),

-- Money that names no activity serves all of them: it is in no class and in no share.
money as (
    select
        coalesce(activities.investment_class, 'none') as investment_class,
        budget.amount_reporting as planned,
        cast(null as decimal(24, 6)) as actual,
        case when budget.amount_reporting is null then 1 else 0 end as lacks_plan,
        0 as lacks_cost
    from budget
    inner join activities
        on budget.activity_id = activities.activity_id
    cross join night
    where {{ period_start('year', 'budget.month_start') }} = night.year_start
    union all
    select
        coalesce(activities.investment_class, 'none') as investment_class,
        cast(null as decimal(24, 6)) as planned,
        costs.amount_reporting as actual,
        0 as lacks_plan,
        case when costs.amount_reporting is null then 1 else 0 end as lacks_cost
    from costs
    inner join activities
        on costs.activity_id = activities.activity_id
    cross join night
    where {{ period_start('year', 'costs.date_day') }} = night.year_start and not costs.is_committed
),

money_of_classes as (
    select
        investment_class,
        case when sum(lacks_plan) = 0 then {{ money_sum('coalesce(planned, 0)') }} end as planned,
        case when sum(lacks_cost) = 0 then {{ money_sum('coalesce(actual, 0)') }} end as actual
    from money
    group by investment_class
),

-- Activities that run on some day of the year and are not called off.
counted as (
    select
        coalesce(activities.investment_class, 'none') as investment_class,
        cast(count(*) as integer) as n_activities
    from activities
    cross join night
    where
        activities.status <> 'cancelled'
        and {{ period_start('year', 'activities.start_date') }} <= night.year_start
        and (activities.end_date is null or activities.end_date >= night.year_start)
    group by coalesce(activities.investment_class, 'none')
),

-- Left joins 1:1: both are unique on investment_class. One class with unknown money leaves every share unknown.
joined as (
    select
        classes.investment_class,
        classes.guide_share,
        case when money_of_classes.investment_class is null then cast(0 as decimal(24, 6)) else money_of_classes.planned end as planned,
        case when money_of_classes.investment_class is null then cast(0 as decimal(24, 6)) else money_of_classes.actual end as actual,
        coalesce(counted.n_activities, 0) as n_activities
    from classes
    left join money_of_classes
        on classes.investment_class = money_of_classes.investment_class
    left join counted
        on classes.investment_class = counted.investment_class
),

totals as (
    select
        case when count(*) = count(planned) then sum(planned) end as planned,
        case when count(*) = count(actual) then sum(actual) end as actual,
        sum(n_activities) as n_activities
    from joined
)

select
    joined.investment_class,
    joined.guide_share,
    night.year_start,
    joined.planned,
    joined.actual,
    joined.n_activities,
    {{ ratio('joined.planned', 'totals.planned') }} as planned_share,
    {{ ratio('joined.actual', 'totals.actual') }} as actual_share,
    {{ ratio('joined.n_activities', 'totals.n_activities') }} as activity_share,
    {{ ratio('joined.actual', 'totals.actual') }} - joined.guide_share as difference_to_guide,
    {{ ratio('joined.actual', 'totals.actual') }} - {{ ratio('joined.planned', 'totals.planned') }} as difference_to_plan,
    case
        when totals.planned is null or totals.actual is null then 'an amount has no exchange rate or VAT basis'
        when totals.planned = 0 then 'nothing is planned for an activity this year'
        when totals.actual = 0 then 'no cost names an activity this year'
    end as unknown_reason,
    night.as_of_date
from joined
cross join totals
cross join night
