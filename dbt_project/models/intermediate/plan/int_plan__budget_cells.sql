-- Grain: month x activity x channel x stage x category with a plan or a cost. What was planned, what it cost so far, what it should
-- have cost so far, and where it ends. Additive over all where known; gap_reason says why what it cost is not known.
{{ config(materialized='table') }}
{% set keys = ['month_start', 'activity_id', 'channel_key', 'stage', 'category'] %}

with night as (
    select {{ as_of() }} as as_of_date
),

budget as (
    select * from {{ ref('fct_budget_line') }}
),

costs as (
    select * from {{ ref('fct_cost') }}
),

activities as (
    select * from {{ ref('dim_activity') }}
),

fact_coverage as (
    select * from {{ ref('int_fact_coverage') }}
),

categories as (
    select distinct category from {{ ref('cost_categories') }}
),

-- Left join 1:1: facts are unique on their names.
told as (
    select
        categories.category,
        night.as_of_date,
        fact_coverage.first_date,
        fact_coverage.through_date,
        least(night.as_of_date, fact_coverage.through_date) as measured_through_date
    from categories
    cross join night
    left join fact_coverage
        on fact_coverage.fact = case when categories.category = 'media' then 'ads' else 'other_costs' end
),

lines as (
    select
        {{ keys | join(', ') }},
        1 as n_planned,
        case when amount_reporting is not null then 1 else 0 end as n_planned_known,
        case when cap_reporting is not null then 1 else 0 end as n_capped,
        amount_reporting as planned,
        cap_reporting as cap,
        cast(null as decimal(24, 6)) as actual,
        cast(null as decimal(24, 6)) as ahead,
        0 as n_costs,
        cast(null as {{ dbt.type_string() }}) as cost_reason
    from budget
    union all
    select
        {{ keys | join(', ') }},
        0 as n_planned,
        0 as n_planned_known,
        0 as n_capped,
        cast(null as decimal(24, 6)) as planned,
        cast(null as decimal(24, 6)) as cap,
        case when not is_committed then amount_reporting end as actual,
        case when is_committed then amount_reporting end as ahead,
        1 as n_costs,
        unknown_reason as cost_reason
    from costs
),

cells as (
    select
        {{ keys | join(', ') }},
        cast(sum(n_planned) as integer) as n_planned,
        cast(sum(n_planned_known) as integer) as n_planned_known,
        cast(sum(n_capped) as integer) as n_capped,
        cast(sum(n_costs) as integer) as n_costs,
        cast(coalesce(sum(planned), 0) as decimal(24, 6)) as planned,
        cast(coalesce(sum(cap), 0) as decimal(24, 6)) as cap,
        cast(coalesce(sum(actual), 0) as decimal(24, 6)) as actual,
        cast(coalesce(sum(ahead), 0) as decimal(24, 6)) as ahead,
        min(cost_reason) as cost_reason
    from lines
    group by {{ keys | join(', ') }}
),

-- The latest whole week, so that weekdays are alike; across the turn of a month, since campaigns do not stop for it. A cost that is
-- not known leaves the pace unknown.
latest_week as (
    select
        costs.activity_id,
        costs.channel_key,
        costs.stage,
        case
            when count(*) = count(costs.amount_reporting)
                then cast({{ ratio('sum(costs.amount_reporting)', '7') }} as decimal(24, 6))
        end as a_day
    from costs
    inner join told
        on costs.category = told.category
    where
        costs.category = 'media'
        and costs.date_day <= told.measured_through_date
        and {{ days_between('costs.date_day', 'told.measured_through_date') }} < 7
    group by costs.activity_id, costs.channel_key, costs.stage
),

-- Left joins 1:1: told is unique on category, activities on activity_id, latest_week on the three it is grouped by.
dated as (
    select
        cells.*,
        told.as_of_date,
        told.measured_through_date,
        cast({{ dbt.last_day('cells.month_start', 'month') }} as date) as month_end,
        case when cells.category = 'media' and latest_week.channel_key is null then 0 else latest_week.a_day end as a_day,
        activities.end_date as activity_end_date,
        case
            when cells.month_start > told.as_of_date then null
            when cells.cost_reason is not null then cells.cost_reason
            when cells.n_costs > 0 then null
            when told.first_date is null then 'no source delivers this'
            when cast({{ dbt.last_day('cells.month_start', 'month') }} as date) < told.first_date then 'before the first data'
            when cells.month_start > told.measured_through_date then 'no data for these days yet'
        end as gap_reason
    from cells
    left join told
        on cells.category = told.category
    left join activities
        on cells.activity_id = activities.activity_id
    left join latest_week
        on cells.activity_id is not distinct from latest_week.activity_id
        and cells.channel_key = latest_week.channel_key
        and cells.stage is not distinct from latest_week.stage
),

-- Days of the month that are told, and days still to come on which the activity runs.
counted as (
    select
        *,
        {{ days_between('month_start', 'month_end') }} + 1 as n_days,
        greatest(
            least({{ days_between('month_start', 'measured_through_date') }}, {{ days_between('month_start', 'month_end') }}) + 1, 0
        ) as n_days_told,
        greatest(
            {{ days_between('measured_through_date', 'least(month_end, coalesce(activity_end_date, month_end))') }}, 0
        ) as n_days_left,
        greatest(planned - actual - ahead, 0) as not_invoiced,
        greatest(sum(planned - actual - ahead) over (partition by month_start, category), 0) as not_invoiced_of_category
    from dated
),

shared as (
    select
        *,
        sum(not_invoiced) over (partition by month_start, category) as all_not_invoiced
    from counted
)

select
    month_start,
    month_end,
    activity_id,
    channel_key,
    stage,
    category,
    n_planned,
    n_planned_known,
    n_capped,
    planned,
    cap,
    actual,
    ahead,
    cast(planned * coalesce(n_days_told, 0) / n_days as decimal(24, 6)) as expected_to_date,
    -- Media goes on as in the latest week. Of other costs the rest of what is planned is expected until the month is over: the rest of
    -- all of the category, since many invoices name no activity, and the plan of an activity is not to come on top of them.
    case
        when month_start > as_of_date then greatest(planned, ahead)
        when category = 'media' then cast(actual + ahead + a_day * coalesce(n_days_left, 0) as decimal(24, 6))
        when month_end > measured_through_date and all_not_invoiced > 0
            then cast(actual + ahead + not_invoiced_of_category * not_invoiced / all_not_invoiced as decimal(24, 6))
        else actual + ahead
    end as projected,
    gap_reason,
    measured_through_date,
    as_of_date
from shared
