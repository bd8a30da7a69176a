-- Grain: activity of the plan in force. Costs and outcomes of activities with campaigns of their own add up; outcomes read by channel
-- overlap and never do. Changes nightly while it runs, and as long as its figures are restated.
with activities as (
    select * from {{ ref('dim_activity') }}
),

catalogue as (
    select * from {{ ref('dim_kpi') }}
),

measure_catalogue as (
    select * from {{ ref('measures') }}
),

fact_coverage as (
    select * from {{ ref('int_fact_coverage') }}
),

measures as (
    select * from {{ ref('int_measures') }}
),

entities as (
    select * from {{ ref('int_measures__entities') }}
),

costs as (
    select * from {{ ref('fct_cost') }}
),

goals as (
    select * from {{ ref('rpt_goal_progress') }}
),

told_apart as (
    select
        measure,
        count(activity_id) > 0 as has_activity
    from measures
    group by measure
),

-- Both parts of a ratio are read alike: by campaign only where both can be, on the days that both are told. Left joins 1:1: KPIs,
-- measures and facts are unique on their names.
expected as (
    select
        activities.activity_id,
        activities.channel_key,
        catalogue.numerator,
        catalogue.denominator,
        numerator_measures.aggregation as numerator_aggregation,
        denominator_measures.aggregation as denominator_aggregation,
        catalogue.unit,
        greatest(
            activities.start_date, numerator_facts.first_date, coalesce(denominator_facts.first_date, numerator_facts.first_date)
        ) as first_date,
        least(activities.as_of_date, coalesce(activities.end_date, activities.as_of_date)) as last_date,
        case
            when
                activities.utm_campaigns is not null and coalesce(numerator_told.has_activity, false)
                and (catalogue.denominator is null or coalesce(denominator_told.has_activity, false))
                then 'campaign'
            else 'channel'
        end as outcome_basis,
        case
            when activities.start_date > activities.as_of_date then 'it has not begun'
            when numerator_facts.fact is null then 'no source delivers this'
            when catalogue.denominator is not null and denominator_facts.fact is null then 'no source delivers the denominator'
            when
                coalesce(activities.end_date, activities.as_of_date)
                < greatest(numerator_facts.first_date, coalesce(denominator_facts.first_date, numerator_facts.first_date))
                then 'before the first data'
            when
                activities.start_date
                > least(numerator_facts.through_date, coalesce(denominator_facts.through_date, numerator_facts.through_date))
                then 'no data for these days yet'
        end as gap,
        activities.start_date
        < greatest(numerator_facts.first_date, coalesce(denominator_facts.first_date, numerator_facts.first_date)) as is_partial
    from activities
    inner join catalogue
        on activities.expected_kpi = catalogue.kpi
    {%- for part in ['numerator', 'denominator'] %}
    left join measure_catalogue as {{ part }}_measures
        on catalogue.{{ part }} = {{ part }}_measures.measure
    left join fact_coverage as {{ part }}_facts
        on {{ part }}_measures.fact = {{ part }}_facts.fact
    left join told_apart as {{ part }}_told
        on {{ recorded_as('catalogue.' ~ part) }} = {{ part }}_told.measure
    {%- endfor %}
),

{% for part in ['numerator', 'denominator'] %}
{%- for records, name in [('measures', 's'), ('entities', '_entities')] %}
{{ part }}{{ name }} as (
    select
        expected.activity_id,
        {%- if records == 'measures' %}
        count(*) as n_records,
        count(measures.value) as n_known,
        min(measures.unknown_reason) as unknown_reason,
        cast(sum(measures.value) as decimal(24, 6)) as value
        {%- else %}
        cast(count(distinct entities.entity_key) as decimal(24, 6)) as value
        {%- endif %}
    from expected
    inner join {{ records }}
        on {{ recorded_as('expected.' ~ part) if records == 'measures' else 'expected.' ~ part }} = {{ records }}.measure
        and {{ records }}.date_day between expected.first_date and expected.last_date
        and (
            (expected.outcome_basis = 'campaign' and expected.activity_id = {{ records }}.activity_id)
            or (expected.outcome_basis = 'channel' and expected.channel_key = {{ records }}.channel_key)
        )
    group by expected.activity_id
),

{% endfor -%}
{%- endfor -%}

-- No record on days that are told is 0, records without any value are unknown.
outcomes as (
    select
        expected.activity_id,
        expected.outcome_basis,
        expected.unit,
        expected.is_partial,
        expected.denominator is not null as is_ratio,
        case
            when expected.gap is not null then null
            when numerators.n_records is null then cast(0 as decimal(24, 6))
            when numerators.n_known = 0 then null
            when expected.numerator_aggregation = 'distinct' then coalesce(numerator_entities.value, 0)
            else numerators.value
        end as numerator_value,
        case
            when expected.gap is not null or expected.denominator is null then null
            when denominators.n_records is null then cast(0 as decimal(24, 6))
            when denominators.n_known = 0 then null
            when expected.denominator_aggregation = 'distinct' then coalesce(denominator_entities.value, 0)
            else denominators.value
        end as denominator_value,
        coalesce(expected.gap, numerators.unknown_reason, denominators.unknown_reason) as reason
    from expected
    left join numerators
        on expected.activity_id = numerators.activity_id
    left join denominators
        on expected.activity_id = denominators.activity_id
    left join numerator_entities
        on expected.activity_id = numerator_entities.activity_id
    left join denominator_entities
        on expected.activity_id = denominator_entities.activity_id
),

valued as (
    select
        *,
        case when is_ratio then {{ ratio('numerator_value', 'denominator_value') }} else numerator_value end as outcome_value
    from outcomes
),

-- A cost without an amount leaves the sum unknown rather than too small.
costs_of_activities as (
    select
        activity_id,
        case when count(*) = count(amount_reporting) then {{ money_sum('amount_reporting') }} end as cost_reporting,
        min(unknown_reason) as unknown_reason
    from costs
    where activity_id is not null and not is_committed
    group by activity_id
)

-- Left joins 1:1: valued and costs are unique on activity_id, goals on goal_id.
select
    activities.activity_key,
    activities.goal_key,
    activities.activity_id,
    activities.goal_id,
    activities.activity,
    activities.owner,
    activities.decided_by,
    activities.channel_key,
    activities.stage,
    activities.investment_class,
    activities.status,
    activities.start_date,
    activities.end_date,
    activities.is_in_period,
    activities.is_late,
    activities.n_milestones,
    activities.n_milestones_done,
    activities.n_milestones_late,
    activities.next_milestone_date,
    activities.expected_kpi,
    activities.expected_value,
    valued.outcome_value,
    case when valued.outcome_value is not null then valued.outcome_basis end as outcome_basis,
    coalesce(valued.is_partial and valued.outcome_value is not null, false) as is_partial,
    case
        when activities.expected_kpi is null then 'no KPI is expected of it'
        when valued.outcome_value is null then coalesce(valued.reason, 'the denominator is zero')
    end as outcome_unknown_reason,
    {{ ratio('valued.outcome_value', 'activities.expected_value') }} as share_of_expected,
    activities.budget_reporting,
    costs_of_activities.cost_reporting,
    case
        when costs_of_activities.activity_id is null then 'no cost names it'
        when costs_of_activities.cost_reporting is null then costs_of_activities.unknown_reason
    end as cost_unknown_reason,
    case
        when valued.unit = 'count' and not valued.is_ratio then {{ ratio('costs_of_activities.cost_reporting', 'valued.outcome_value') }}
    end as cost_per_outcome,
    activities.expected_outcome,
    activities.outcome,
    goals.status as goal_status,
    activities.plan_version,
    activities.as_of_date
from activities
left join valued
    on activities.activity_id = valued.activity_id
left join costs_of_activities
    on activities.activity_id = costs_of_activities.activity_id
left join goals
    on activities.goal_id = goals.goal_id
