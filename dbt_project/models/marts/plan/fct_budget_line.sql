-- Grain: activity x month x channel x stage x category of the plan in force on the as-of date. Additive over all in the reporting
-- currency. Changes with the plan; months to come change with the rate of the night.
with night as (
    select {{ as_of() }} as as_of_date
),

lines as (
    select
        lines.*,
        night.as_of_date,
        -- no bank knows the rate of a day to come: the night's stands in, and is marked
        least(lines.month, night.as_of_date) as wanted_rate_date
    from {{ ref('stg_plan__budget_lines') }} as lines
    cross join night
    where {{ plan_in_force('night.as_of_date') }}
),

activities as (
    select * from {{ ref('stg_plan__activities') }}
    where {{ plan_in_force(as_of()) }}
),

mandates as (
    select * from {{ ref('int_plan__mandates') }}
    where subject = 'budget'
),

rates as (
    select * from {{ ref('int_rates__daily') }}
)

-- Left joins 1:1: activities in force are unique on activity_id, rates on currency and day, mandates on what they speak of. A
-- mandate over the budget of one thing names its activity.
select
    {{ surrogate_key(['lines.row_id']) }} as budget_line_key,
    {{ optional_key('lines.activity_id', ['lines.activity_id']) }} as activity_key,
    {{ optional_key('activities.goal_id', ['activities.goal_id']) }} as goal_key,
    lines.activity_id,
    lines.month as month_start,
    coalesce(lines.channel, activities.channel, 'unallocated') as channel_key,
    coalesce(lines.stage, activities.stage) as stage,
    lines.category,
    coalesce(lines.owner, activities.owner) as owner,
    coalesce(own_mandates.decided_by, all_mandates.decided_by) as decided_by,
    lines.currency,
    lines.amount,
    lines.cap,
    {{ to_reporting('lines.amount', 'rates.rate') }} as amount_reporting,
    {{ to_reporting('lines.cap', 'rates.rate') }} as cap_reporting,
    rates.rate as reporting_rate,
    rates.rate_date,
    rates.rate_date < lines.month as is_rate_carried_forward,
    lines.note,
    cast(lines.valid_from_version as bigint) as plan_version,
    lines.valid_from_date as changed_date,
    lines.as_of_date
from lines
left join activities
    on lines.activity_id = activities.activity_id
left join rates
    on lines.currency = rates.currency
    and lines.wanted_rate_date = rates.date_day
left join mandates as own_mandates
    on lines.activity_id = own_mandates.subject_id
left join mandates as all_mandates
    on all_mandates.subject_id is null
