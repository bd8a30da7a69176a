-- Grain: activity of the plan in force with an ICE score. Nothing to add up. Ranks change with the plan, outcomes nightly.
with activities as (
    select * from {{ ref('dim_activity') }}
    where ice_score is not null
),

outcomes as (
    select * from {{ ref('rpt_activity') }}
),

catalogue as (
    select * from {{ ref('dim_kpi') }}
),

-- Left joins 1:1: outcomes are unique on activity_id, the catalogue on kpi. What is expected is expected in all, so what still runs
-- cannot be held against it yet; of what should be low less is better.
joined as (
    select
        activities.*,
        outcomes.outcome_value,
        outcomes.share_of_expected,
        outcomes.cost_reporting,
        outcomes.cost_per_outcome,
        case
            when catalogue.direction = 'down' then {{ ratio('activities.expected_value', 'outcomes.outcome_value') }}
            else outcomes.share_of_expected
        end as attainment,
        case
            when outcomes.outcome_unknown_reason is not null then outcomes.outcome_unknown_reason
            when activities.expected_value is null then 'no value is expected of it'
            when activities.status <> 'done' and (activities.end_date is null or activities.end_date >= activities.as_of_date)
                then 'it still runs'
            when outcomes.is_partial then 'the data begin after its first day'
        end as not_compared_reason
    from activities
    left join outcomes
        on activities.activity_id = outcomes.activity_id
    left join catalogue
        on activities.expected_kpi = catalogue.kpi
),

-- Ended activities share places where equal.
compared as (
    select
        activity_id,
        rank() over (order by ice_score desc) as ice_place,
        rank() over (order by attainment desc) as outcome_place,
        count(*) over () as n_compared
    from joined
    where not_compared_reason is null
)

-- Left join 1:1: compared are unique on activity_id.
select
    joined.activity_key,
    joined.activity_id,
    joined.activity,
    joined.owner,
    joined.channel_key,
    joined.stage,
    joined.status,
    joined.investment_class,
    joined.impact,
    joined.confidence,
    joined.effort,
    joined.ice_score,
    joined.ice_rank,
    joined.expected_kpi,
    joined.expected_value,
    joined.outcome_value,
    joined.share_of_expected,
    joined.cost_reporting,
    joined.cost_per_outcome,
    cast(compared.ice_place as integer) as compared_ice_rank,
    cast(compared.outcome_place as integer) as compared_outcome_rank,
    cast(compared.ice_place - compared.outcome_place as integer) as places_gained,
    cast(compared.n_compared as integer) as n_compared,
    joined.not_compared_reason,
    joined.as_of_date
from joined
left join compared
    on joined.activity_id = compared.activity_id
