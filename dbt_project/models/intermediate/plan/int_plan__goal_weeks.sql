-- Grain: goal. How its figure varied over whole weeks from its start, for the interval of the forecast. The weeks' deviations are from
-- their mean, of a ratio from what its denominator would give at the ratio of all. Nothing to add up.
with goal_values as (
    select * from {{ ref('int_plan__goal_values') }}
    where role = 'goal' and span = 'actual' and unknown_reason is null
),

goals as (
    select * from {{ ref('dim_goal') }}
),

catalogue as (
    select * from {{ ref('dim_kpi') }}
),

measure_catalogue as (
    select * from {{ ref('measures') }}
),

measures as (
    select * from {{ ref('int_measures') }}
),

-- Joins 1:1: goals are unique on goal_id, the catalogue on kpi, measures on their names. What is counted distinct does not add up over
-- weeks, nor does a share of it: such KPIs have no row. Weeks begin on the goal's first day with data.
wanted as (
    select
        goals.goal_id,
        goals.channels,
        goals.activity_id,
        catalogue.numerator,
        catalogue.denominator,
        greatest(goals.start_date, goal_values.first_date) as first_date,
        floor(
            ({{ days_between('greatest(goals.start_date, goal_values.first_date)', 'goal_values.measured_to_date') }} + 1) / 7
        ) as n_weeks
    from goals
    inner join goal_values
        on goals.goal_id = goal_values.goal_id
    inner join catalogue
        on goals.kpi = catalogue.kpi
    inner join measure_catalogue
        on catalogue.numerator = measure_catalogue.measure
    where measure_catalogue.aggregation = 'sum'
),

weekly as (
    select
        wanted.goal_id,
        wanted.n_weeks,
        wanted.denominator is not null as is_ratio,
        floor({{ days_between('wanted.first_date', 'measures.date_day') }} / 7) as week_number,
        sum(case when measures.measure = wanted.numerator then cast(measures.value as double) else 0 end) as numerator,
        sum(case when measures.measure = wanted.denominator then cast(measures.value as double) else 0 end) as denominator
    from wanted
    inner join measures
        on measures.measure in (wanted.numerator, wanted.denominator)
        and measures.date_day >= wanted.first_date
        and {{ days_between('wanted.first_date', 'measures.date_day') }} < wanted.n_weeks * 7
        and (wanted.activity_id is null or wanted.activity_id = measures.activity_id)
        and (
            wanted.channels is null
            or ',' || replace(wanted.channels, ' ', '') || ',' like '%,' || measures.channel_key || ',%'
        )
    group by
        wanted.goal_id, wanted.n_weeks, wanted.denominator,
        floor({{ days_between('wanted.first_date', 'measures.date_day') }} / 7)
),

-- Weeks without a record count as 0: they add nothing to a sum, and are in n_weeks.
sums as (
    select
        goal_id,
        is_ratio,
        n_weeks,
        sum(numerator) / nullif(sum(denominator), 0) as total,
        sum(numerator) as s_n,
        sum(denominator) as s_d,
        sum(numerator * numerator) as s_nn,
        sum(denominator * denominator) as s_dd,
        sum(numerator * denominator) as s_nd
    from weekly
    group by goal_id, is_ratio, n_weeks
)

select
    goal_id,
    cast(n_weeks as integer) as n_weeks,
    cast(s_n / n_weeks as decimal(24, 6)) as numerator_a_week,
    cast(s_d / n_weeks as decimal(24, 6)) as denominator_a_week,
    cast(
        case
            when n_weeks < 2 then null
            when is_ratio
                then sqrt(greatest(s_nn - 2 * total * s_nd + total * total * s_dd, 0) / (n_weeks - 1))
            else sqrt(greatest(s_nn - s_n * s_n / n_weeks, 0) / (n_weeks - 1))
        end as decimal(24, 6)
    ) as deviation_a_week
from sums
