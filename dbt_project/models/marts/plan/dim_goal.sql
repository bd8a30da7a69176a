-- Grain: goal of the plan in force on the as-of date. Nothing to add up: every goal has its own KPI. Changes with the plan.
with goals as (
    select * from {{ ref('stg_plan__goals') }}
    where {{ plan_in_force(as_of()) }}
),

mandates as (
    select * from {{ ref('int_plan__mandates') }}
    where subject = 'goal'
),

-- Left joins 1:1: goals in force are unique on goal_id, mandates on subject and what of it.
linked as (
    select
        goals.*,
        parents.parent_goal_id as grandparent_goal_id,
        case
            when goals.level = 'business' then goals.goal_id
            when parents.level = 'business' then parents.goal_id
            when grandparents.level = 'business' then grandparents.goal_id
        end as business_goal_id,
        coalesce(own_mandates.decided_by, all_mandates.decided_by) as decided_by,
        cast(
            cast(goals.baseline as decimal(24, 6)) * cast((100 + goals.target_change_pct) * 0.01 as decimal(12, 6))
            as decimal(24, 6)
        ) as target_of_change,
        cast(
            cast(goals.condition_baseline as decimal(24, 6))
            * cast((100 + goals.condition_change_pct) * 0.01 as decimal(12, 6))
            as decimal(24, 6)
        ) as limit_of_change
    from goals
    left join goals as parents
        on goals.parent_goal_id = parents.goal_id
    left join goals as grandparents
        on parents.parent_goal_id = grandparents.goal_id
    left join mandates as own_mandates
        on goals.goal_id = own_mandates.subject_id
    left join mandates as all_mandates
        on all_mandates.subject_id is null
)

select
    {{ surrogate_key(['goal_id']) }} as goal_key,
    {{ optional_key('parent_goal_id', ['parent_goal_id']) }} as parent_goal_key,
    {{ optional_key('business_goal_id', ['business_goal_id']) }} as business_goal_key,
    {{ optional_key('activity_id', ['activity_id']) }} as activity_key,
    goal_id,
    parent_goal_id,
    business_goal_id,
    activity_id,
    level,
    goal,
    kpi,
    channels,
    scope,
    owner,
    decided_by,
    measured_in,
    case when target_change_pct is null then 'absolute' else 'change' end as target_basis,
    baseline_start_date,
    baseline_end_date,
    cast(baseline as decimal(24, 6)) as baseline,
    cast(target_change_pct as decimal(24, 6)) as target_change_pct,
    cast(coalesce(target, target_of_change) as decimal(24, 6)) as target,
    condition_kpi,
    condition_operator,
    cast(condition_baseline as decimal(24, 6)) as condition_baseline,
    cast(condition_change_pct as decimal(24, 6)) as condition_change_pct,
    cast(coalesce(condition_value, limit_of_change) as decimal(24, 6)) as condition_limit,
    start_date,
    due_date,
    note,
    cast(valid_from_version as bigint) as plan_version,
    valid_from_date as changed_date,
    {{ as_of() }} as as_of_date
from linked
