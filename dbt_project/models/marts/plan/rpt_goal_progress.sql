-- Grain: goal of the plan in force. Nothing to add up: every goal has its own KPI. Changes nightly until the goal is due and its KPI
-- mature. Figures come from int_measures by KPI, channels and activity (int_plan__goal_values); no KPI is computed here.
{% set partial_gap = "'the data begin after the first day'" %}
with goals as (
    select * from {{ ref('dim_goal') }}
),

catalogue as (
    select * from {{ ref('dim_kpi') }}
),

measure_catalogue as (
    select * from {{ ref('measures') }}
),

goal_values as (
    select * from {{ ref('int_plan__goal_values') }}
),

weeks as (
    select * from {{ ref('int_plan__goal_weeks') }}
),

-- Left joins 1:1: goal_values are unique on goal, role and span, the catalogue on kpi, measures on their names, weeks on goal_id. What
-- is counted distinct, and a share of it, does not add up over weeks: it has no forecast.
joined as (
    select
        goals.*,
        catalogue.unit,
        catalogue.direction,
        catalogue.additivity,
        measure_catalogue.aggregation = 'sum' as has_forecast,
        case catalogue.direction when 'down' then -1 else 1 end as sign,
        actuals.value as actual,
        actuals.unknown_reason as actual_reason,
        coalesce(actuals.coverage, 0) as coverage,
        actuals.is_partial and catalogue.additivity <> 'ratio' as is_partial,
        actuals.first_date,
        actuals.measured_to_date,
        baselines.value as measured_baseline,
        coalesce(baselines.unknown_reason, case when baselines.is_partial then {{ partial_gap }} end) as baseline_reason,
        case when not baselines.is_partial then baselines.value end as usable_baseline,
        case
            when
                catalogue.additivity <> 'ratio' and not seasons.is_partial and seasons.value > 0
                and seasons.n_records >= {{ var('goal_season_min_records') }}
                then {{ ratio('seasons_to_date.value', 'seasons.value') }}
        end as season_share,
        conditions.value as condition_actual,
        conditions.unknown_reason as condition_reason,
        condition_baselines.value as measured_condition_baseline,
        coalesce(condition_baselines.unknown_reason, case when condition_baselines.is_partial then {{ partial_gap }} end)
            as condition_baseline_reason,
        case when not condition_baselines.is_partial then condition_baselines.value end as usable_condition_baseline,
        coalesce(weeks.n_weeks, 0) as n_weeks,
        weeks.numerator_a_week,
        weeks.denominator_a_week,
        weeks.deviation_a_week,
        {{ days_between('goals.start_date', 'actuals.measured_to_date') }} + 1 as n_days_told,
        {{ days_between('goals.start_date', 'goals.due_date') }} + 1 as n_days,
        greatest({{ days_between('actuals.measured_to_date', 'goals.due_date') }}, 0) as n_days_left,
        actuals.measured_to_date >= goals.due_date as is_over,
        actuals.measured_to_date >= goals.due_date and goals.as_of_date > goals.due_date
        and {{ days_between('goals.due_date', 'goals.as_of_date') }} >= catalogue.maturity_lag_days as is_final
    from goals
    left join catalogue
        on goals.kpi = catalogue.kpi
    left join measure_catalogue
        on catalogue.numerator = measure_catalogue.measure
    {%- for alias, role, span in [
        ('actuals', 'goal', 'actual'), ('baselines', 'goal', 'baseline'), ('seasons', 'goal', 'season'),
        ('seasons_to_date', 'goal', 'season_to_date'), ('conditions', 'condition', 'actual'),
        ('condition_baselines', 'condition', 'baseline'),
    ] %}
    left join goal_values as {{ alias }}
        on goals.goal_id = {{ alias }}.goal_id
        and {{ alias }}.role = '{{ role }}'
        and {{ alias }}.span = '{{ span }}'
    {%- endfor %}
    left join weeks
        on goals.goal_id = weeks.goal_id
),

-- What the plan says goes before what is worked out of the data.
aimed as (
    select
        *,
        coalesce(baseline, usable_baseline) as used_baseline,
        case when baseline is not null then 'plan' when usable_baseline is not null then 'data' end as baseline_basis,
        coalesce(
            target,
            cast(usable_baseline * cast((100 + target_change_pct) * 0.01 as decimal(12, 6)) as decimal(24, 6))
        ) as used_target,
        coalesce(
            condition_limit,
            cast(usable_condition_baseline * cast((100 + condition_change_pct) * 0.01 as decimal(12, 6)) as decimal(24, 6))
        ) as used_limit,
        case
            when start_date > as_of_date then null
            when is_over then cast(1 as decimal(24, 6))
            when is_partial then null
            when season_share is not null then season_share
            else {{ ratio('n_days_told', 'n_days') }}
        end as share_to_date
    from joined
),

-- Where the data begin late the forecast goes on from the days that are told, at their pace: the days before are in no figure.
forecast as (
    select
        *,
        case
            when condition_kpi is null then null
            when condition_operator = 'below' then condition_actual < used_limit
            when condition_operator = 'at_most' then condition_actual <= used_limit
            when condition_operator = 'at_least' then condition_actual >= used_limit
            when condition_operator = 'above' then condition_actual > used_limit
        end as is_condition_met,
        cast(
            case
                when is_over then actual
                when n_weeks < {{ var('goal_forecast_min_weeks') }} then null
                when not has_forecast then null
                when additivity = 'ratio' then actual
                when is_partial then actual + numerator_a_week * n_days_left / 7
                when share_to_date > 0 then actual / share_to_date
            end as decimal(24, 6)
        ) as forecast
    from aimed
),

-- The days left are m weeks, n were seen. Their sum varies by the weeks' own deviation, and by that of the mean it is expected at:
-- m s2 + m2 s2 / n. A season that makes the weeks left larger makes their deviation larger alike.
intervals as (
    select
        *,
        case
            when forecast is null then null
            when is_over then 0
            when additivity = 'ratio'
                then
                    {{ var('goal_forecast_z') }} * deviation_a_week
                    * sqrt(n_days_left / 7.0 + n_days_left / 7.0 * n_days_left / 7.0 / n_weeks)
                    / nullif(denominator_a_week * (n_weeks + n_days_left / 7.0), 0)
            else
                {{ var('goal_forecast_z') }} * deviation_a_week
                * sqrt(n_days_left / 7.0 + n_days_left / 7.0 * n_days_left / 7.0 / n_weeks)
                * coalesce(abs((forecast - actual) / nullif(numerator_a_week * n_days_left / 7.0, 0)), 1)
        end as half_width
    from forecast
),

bounded as (
    select
        *,
        cast(
            case
                when forecast is null then null
                when unit = 'count' and additivity = 'additive' then greatest(forecast - half_width, actual)
                else forecast - half_width
            end as decimal(24, 6)
        ) as forecast_low,
        cast(forecast + half_width as decimal(24, 6)) as forecast_high,
        case when additivity = 'ratio' then used_target else cast(used_target * share_to_date as decimal(24, 6)) end
            as expected_to_date
    from intervals
),

judged as (
    select
        *,
        case
            when is_over and sign * actual >= sign * used_target then 'achieved'
            when is_over and is_final then 'off track'
            when is_over then 'at risk'
            when additivity <> 'ratio' and sign = 1 and actual >= used_target then 'achieved'
            when not has_forecast and sign * actual >= sign * expected_to_date then 'on track'
            when
                not has_forecast
                and sign * actual >= sign * expected_to_date - {{ var('goal_at_risk_share') }} * expected_to_date
                then 'at risk'
            when not has_forecast then 'off track'
            when sign * forecast >= sign * used_target then 'on track'
            when greatest(sign * forecast_low, sign * forecast_high) >= sign * used_target then 'at risk'
            else 'off track'
        end as own_status,
        case
            when start_date > as_of_date then 'it has not begun'
            when actual_reason is not null then actual_reason
            when used_target is null then 'the baseline is not known: ' || coalesce(baseline_reason, 'no value')
            -- a sum that lacks its first days is too small: only what it already shows counts
            when is_partial and sign = 1 and not coalesce(greatest(actual, forecast) >= used_target, false) then {{ partial_gap }}
            when is_partial and sign = -1 and actual <= used_target then {{ partial_gap }}
            when is_over then null
            when additivity = 'additive' and sign = 1 and actual >= used_target then null
            when has_forecast and n_weeks < {{ var('goal_forecast_min_weeks') }} then 'too few whole weeks'
        end as own_reason,
        case
            when condition_kpi is null then null
            when condition_reason is not null then 'its condition: ' || condition_reason
            when used_limit is null then 'its condition''s baseline is not known: ' || coalesce(condition_baseline_reason, 'no value')
        end as condition_gap
    from bounded
),

-- A condition that is not kept can be, until the goal is due; one that is kept may not be.
settled as (
    select
        *,
        coalesce(own_reason, case when own_status <> 'off track' then condition_gap end) as reason,
        case
            when own_reason is not null or (condition_gap is not null and own_status <> 'off track') then 'not measurable yet'
            when condition_kpi is null or own_status = 'off track' then own_status
            when is_condition_met and own_status = 'achieved' and not is_over then 'on track'
            when is_condition_met then own_status
            when is_final then 'off track'
            else 'at risk'
        end as status
    from judged
)

-- Left joins 1:1: settled is unique on goal_id.
select
    settled.goal_key,
    settled.parent_goal_key,
    settled.business_goal_key,
    settled.activity_key,
    settled.goal_id,
    settled.parent_goal_id,
    settled.business_goal_id,
    settled.level,
    settled.goal,
    settled.kpi,
    settled.channels,
    settled.activity_id,
    settled.owner,
    settled.decided_by,
    settled.measured_in,
    settled.start_date,
    settled.due_date,
    settled.used_baseline as baseline,
    settled.baseline_basis,
    settled.measured_baseline,
    settled.used_target as target,
    settled.target_basis,
    settled.target_change_pct,
    settled.actual,
    settled.measured_to_date,
    coalesce(settled.is_partial and settled.actual is not null, false) as is_partial,
    settled.coverage,
    settled.expected_to_date,
    case
        when settled.expected_to_date is null then null
        when settled.additivity = 'ratio' then 'the target itself'
        when settled.is_over then 'the whole period'
        when settled.season_share is not null then 'season of the year before'
        else 'even by days'
    end as expected_basis,
    {{ ratio('settled.actual', 'settled.expected_to_date') }} as share_of_expected,
    settled.forecast,
    settled.forecast_low,
    settled.forecast_high,
    settled.condition_kpi,
    settled.condition_operator,
    settled.used_limit as condition_limit,
    settled.measured_condition_baseline,
    settled.condition_actual,
    settled.is_condition_met,
    settled.status,
    settled.reason as not_measurable_reason,
    case
        when settled.reason = 'it has not begun'
            then cast({{ dbt.dateadd('day', 7 * var('goal_forecast_min_weeks'), 'settled.start_date') }} as date)
        when settled.reason = 'too few whole weeks'
            then
                cast(
                    {{ dbt.dateadd('day', 7 * var('goal_forecast_min_weeks'), 'greatest(settled.start_date, settled.first_date)') }}
                    as date
                )
    end as measurable_from_date,
    coalesce(settled.is_final, false) as is_final,
    parents.status as parent_status,
    business.status as business_status,
    settled.plan_version,
    settled.as_of_date
from settled
left join settled as parents
    on settled.parent_goal_id = parents.goal_id
left join settled as business
    on settled.business_goal_id = business.goal_id
