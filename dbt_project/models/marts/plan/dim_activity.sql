-- Grain: activity of the plan in force on the as-of date. Budgets add up; ICE scores, ranks and dates do not. Changes with the
-- plan; what is running, late or next changes by the day.
with night as (
    select {{ as_of() }} as as_of_date
),

activities as (
    select
        activities.*,
        night.as_of_date
    from {{ ref('stg_plan__activities') }} as activities
    cross join night
    where {{ plan_in_force('night.as_of_date') }}
),

milestones as (
    select
        milestones.*,
        night.as_of_date
    from {{ ref('stg_plan__milestones') }} as milestones
    cross join night
    where {{ plan_in_force('night.as_of_date') }}
),

personas as (
    select * from {{ ref('stg_plan__personas') }}
    where {{ plan_in_force(as_of()) }}
),

budget as (
    select * from {{ ref('fct_budget_line') }}
),

mandates as (
    select * from {{ ref('int_plan__mandates') }}
    where subject = 'activity'
),

-- What was reached after the as-of date is not reached yet.
milestones_of_activities as (
    select
        activity_id,
        count(*) as n_milestones,
        count(case when done_date <= as_of_date then 1 end) as n_milestones_done,
        count(case when (done_date is null or done_date > as_of_date) and due_date < as_of_date then 1 end)
            as n_milestones_late,
        min(case when done_date is null or done_date > as_of_date then due_date end) as next_milestone_date
    from milestones
    group by activity_id
),

-- A line without a rate leaves the sum unknown rather than too small.
budget_of_activities as (
    select
        activity_id,
        case when count(*) = count(amount_reporting) then {{ money_sum('amount_reporting') }} end as budget_reporting,
        min(month_start) as first_budget_month,
        max(month_start) as last_budget_month
    from budget
    where activity_id is not null
    group by activity_id
),

scored as (
    select
        *,
        cast(impact * confidence * (11 - effort) as integer) as ice_score,
        status in ('planned', 'ongoing', 'paused') as is_open
    from activities
),

-- Open activities alone are ranked: what is done or cancelled competes for nothing.
ranked as (
    select
        activity_id,
        rank() over (order by ice_score desc) as ice_rank
    from scored
    where is_open and ice_score is not null
)

-- Left joins 1:1: all are unique on the activity; personas on persona_id; mandates on what they speak of.
select
    {{ surrogate_key(['scored.activity_id']) }} as activity_key,
    {{ optional_key('scored.goal_id', ['scored.goal_id']) }} as goal_key,
    scored.activity_id,
    scored.goal_id,
    scored.activity,
    scored.owner,
    coalesce(own_mandates.decided_by, all_mandates.decided_by) as decided_by,
    scored.channel as channel_key,
    scored.stage,
    scored.audience,
    personas.persona,
    scored.utm_campaigns,
    scored.status,
    scored.start_date,
    scored.end_date,
    scored.expected_kpi,
    cast(scored.expected_value as decimal(24, 6)) as expected_value,
    scored.expected_outcome,
    scored.outcome,
    cast(scored.impact as integer) as impact,
    cast(scored.confidence as integer) as confidence,
    cast(scored.effort as integer) as effort,
    scored.ice_score,
    cast(ranked.ice_rank as integer) as ice_rank,
    scored.investment_class,
    cast(coalesce(milestones_of_activities.n_milestones, 0) as integer) as n_milestones,
    cast(coalesce(milestones_of_activities.n_milestones_done, 0) as integer) as n_milestones_done,
    cast(coalesce(milestones_of_activities.n_milestones_late, 0) as integer) as n_milestones_late,
    milestones_of_activities.next_milestone_date,
    budget_of_activities.budget_reporting,
    budget_of_activities.first_budget_month,
    budget_of_activities.last_budget_month,
    scored.is_open
    and scored.start_date <= scored.as_of_date
    and (scored.end_date is null or scored.end_date >= scored.as_of_date) as is_in_period,
    (scored.is_open and scored.end_date is not null and scored.end_date < scored.as_of_date)
    or (scored.status = 'planned' and scored.start_date < scored.as_of_date) as is_late,
    scored.note,
    cast(scored.valid_from_version as bigint) as plan_version,
    scored.valid_from_date as changed_date,
    scored.as_of_date
from scored
left join ranked
    on scored.activity_id = ranked.activity_id
left join milestones_of_activities
    on scored.activity_id = milestones_of_activities.activity_id
left join budget_of_activities
    on scored.activity_id = budget_of_activities.activity_id
left join personas
    on scored.persona_id = personas.persona_id
left join mandates as own_mandates
    on scored.activity_id = own_mandates.subject_id
left join mandates as all_mandates
    on all_mandates.subject_id is null
