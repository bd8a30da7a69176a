-- Grain: goal x role (goal, condition) x span: the goal's days so far (actual), the baseline's, and a year before the goal's days so far
-- (season_to_date) and in all (season). The KPI's value in the span, for the goal's channels and activity. Nothing to add up.
-- The KPI's parts are those of the catalogue and its figures those of int_measures: no KPI is defined here.
{{ config(materialized='table') }}

with goals as (
    select * from {{ ref('dim_goal') }}
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

fact_systems as (
    select * from {{ ref('fact_systems') }}
),

measures as (
    select * from {{ ref('int_measures') }}
),

entities as (
    select * from {{ ref('int_measures__entities') }}
),

roles as (
    select
        'goal' as role,
        kpi as role_kpi,
        goals.*
    from goals
    union all
    select
        'condition' as role,
        condition_kpi as role_kpi,
        goals.*
    from goals
    where condition_kpi is not null
),

-- Left joins 1:1: KPIs, measures and facts are unique on their names.
covered as (
    select
        roles.role,
        roles.goal_id,
        roles.role_kpi as kpi,
        roles.channels,
        roles.activity_id,
        roles.start_date,
        roles.due_date,
        roles.baseline_start_date,
        roles.baseline_end_date,
        roles.as_of_date,
        catalogue.numerator,
        catalogue.denominator,
        numerator_measures.aggregation as numerator_aggregation,
        denominator_measures.aggregation as denominator_aggregation,
        case
            when numerator_facts.fact is null then 'no source delivers this'
            when catalogue.denominator is not null and denominator_facts.fact is null then 'no source delivers the denominator'
            when roles.measured_in not in (
                select fact_systems.measured_in from fact_systems
                where fact_systems.fact in (numerator_measures.fact, denominator_measures.fact)
            ) then 'its figures do not come from the system it is to be measured in'
        end as source_gap,
        coalesce(greatest(numerator_facts.first_date, denominator_facts.first_date), numerator_facts.first_date) as first_date,
        least(
            roles.as_of_date, roles.due_date, numerator_facts.through_date,
            coalesce(denominator_facts.through_date, numerator_facts.through_date)
        ) as measured_to_date,
        least(
            numerator_facts.through_date, coalesce(denominator_facts.through_date, numerator_facts.through_date)
        ) as through_date
    from roles
    left join catalogue
        on roles.role_kpi = catalogue.kpi
    left join measure_catalogue as numerator_measures
        on catalogue.numerator = numerator_measures.measure
    left join fact_coverage as numerator_facts
        on numerator_measures.fact = numerator_facts.fact
    left join measure_catalogue as denominator_measures
        on catalogue.denominator = denominator_measures.measure
    left join fact_coverage as denominator_facts
        on denominator_measures.fact = denominator_facts.fact
),

spans as (
    {%- for span, first, last in [
        ('actual', 'start_date', 'measured_to_date'),
        ('baseline', 'baseline_start_date', 'baseline_end_date'),
        ('season_to_date', dbt.dateadd('year', -1, 'start_date'), dbt.dateadd('year', -1, 'measured_to_date')),
        ('season', dbt.dateadd('year', -1, 'start_date'), dbt.dateadd('year', -1, 'due_date')),
    ] %}
    select
        '{{ span }}' as span,
        covered.*,
        cast({{ first }} as date) as span_start,
        cast({{ last }} as date) as span_end
    from covered
    {%- if span == 'baseline' %}
    where baseline_start_date is not null
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

parts as (
    {%- for part in ['numerator', 'denominator'] %}
    select
        '{{ part }}' as part,
        {{ part }} as measure,
        {{ recorded_as(part) }} as record_measure,
        spans.*
    from spans
    where {{ part }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

daily as (
    select
        measure,
        date_day,
        channel_key,
        activity_id,
        cast(sum(value) as decimal(24, 6)) as value,
        cast(count(*) as bigint) as n_records,
        cast(count(value) as bigint) as n_known,
        min(unknown_reason) as unknown_reason
    from measures
    group by measure, date_day, channel_key, activity_id
),

-- What a measure's records can be told apart by at all; one without records is 0 for whatever is asked.
told_apart as (
    select
        measure,
        count(channel_key) > 0 as has_channel,
        count(activity_id) > 0 as has_activity
    from daily
    group by measure
),

-- Each part and span reads its own days, from the first that both parts are told: a cost of half a year over the leads of a whole one
-- is no cost per lead. Unique on goal, role, span and part after the sum.
summed as (
    select
        parts.goal_id,
        parts.role,
        parts.span,
        parts.part,
        cast(sum(daily.value) as decimal(24, 6)) as value,
        cast(coalesce(sum(daily.n_records), 0) as bigint) as n_records,
        cast(coalesce(sum(daily.n_known), 0) as bigint) as n_known,
        min(daily.unknown_reason) as unknown_reason
    from parts
    left join daily
        on parts.record_measure = daily.measure
        and daily.date_day between greatest(parts.span_start, parts.first_date) and parts.span_end
        and (parts.activity_id is null or parts.activity_id = daily.activity_id)
        and (
            parts.channels is null
            or ',' || replace(parts.channels, ' ', '') || ',' like '%,' || daily.channel_key || ',%'
        )
    group by parts.goal_id, parts.role, parts.span, parts.part
),

distinctly as (
    select
        parts.goal_id,
        parts.role,
        parts.span,
        parts.part,
        cast(count(distinct entities.entity_key) as decimal(24, 6)) as value
    from parts
    inner join entities
        on parts.measure = entities.measure
        and entities.date_day between greatest(parts.span_start, parts.first_date) and parts.span_end
        and (parts.activity_id is null or parts.activity_id = entities.activity_id)
        and (
            parts.channels is null
            or ',' || replace(parts.channels, ' ', '') || ',' like '%,' || entities.channel_key || ',%'
        )
    group by parts.goal_id, parts.role, parts.span, parts.part
),

-- Left joins 1:1: all are unique on goal, role, span and part; told_apart on measure.
joined as (
    select
        spans.*,
        coalesce(
            spans.source_gap,
            case
                when spans.activity_id is not null and (
                    not coalesce(numerator_told.has_activity, true)
                    or (spans.denominator is not null and not coalesce(denominator_told.has_activity, true))
                ) then 'its records name no activity'
                when spans.channels is not null and (
                    not coalesce(numerator_told.has_channel, true)
                    or (spans.denominator is not null and not coalesce(denominator_told.has_channel, true))
                ) then 'its records name no channel'
                when spans.span_end < spans.first_date then 'before the first data'
                when spans.span_start > spans.through_date then 'no data for these days yet'
            end
        ) as gap,
        numerators.n_records as numerator_records,
        numerators.n_known as numerator_known,
        case when spans.numerator_aggregation = 'distinct' then coalesce(distinct_numerators.value, 0) else numerators.value end
            as numerator_sum,
        numerators.unknown_reason as numerator_reason,
        denominators.n_records as denominator_records,
        denominators.n_known as denominator_known,
        case when spans.denominator_aggregation = 'distinct' then coalesce(distinct_denominators.value, 0) else denominators.value end
            as denominator_sum,
        denominators.unknown_reason as denominator_reason
    from spans
    left join told_apart as numerator_told
        on {{ recorded_as('spans.numerator') }} = numerator_told.measure
    left join told_apart as denominator_told
        on {{ recorded_as('spans.denominator') }} = denominator_told.measure
    {%- for part in ['numerator', 'denominator'] %}
    left join summed as {{ part }}s
        on spans.goal_id = {{ part }}s.goal_id
        and spans.role = {{ part }}s.role
        and spans.span = {{ part }}s.span
        and {{ part }}s.part = '{{ part }}'
    left join distinctly as distinct_{{ part }}s
        on spans.goal_id = distinct_{{ part }}s.goal_id
        and spans.role = distinct_{{ part }}s.role
        and spans.span = distinct_{{ part }}s.span
        and distinct_{{ part }}s.part = '{{ part }}'
    {%- endfor %}
),

-- As rpt_kpi has it: no record on days that are told is 0, records without any value are unknown.
resolved as (
    select
        joined.*,
        case
            when gap is not null then null
            when numerator_records = 0 then cast(0 as decimal(24, 6))
            when numerator_known > 0 then numerator_sum
        end as numerator_value,
        case
            when gap is not null or denominator is null then null
            when denominator_records = 0 then cast(0 as decimal(24, 6))
            when denominator_known > 0 then denominator_sum
        end as denominator_value
    from joined
)

select
    goal_id,
    role,
    span,
    kpi,
    span_start,
    span_end,
    numerator_value,
    denominator_value,
    case when denominator is null then numerator_value else {{ ratio('numerator_value', 'denominator_value') }} end as value,
    case
        when gap is not null then gap
        when numerator_value is null then coalesce(numerator_reason, 'no value recorded')
        when denominator is not null and denominator_value is null then coalesce(denominator_reason, 'no value recorded')
        when denominator_value = 0 then 'the denominator is zero'
    end as unknown_reason,
    numerator_records as n_records,
    case
        when gap is not null then cast(0 as decimal(24, 6))
        when numerator_records = 0 then cast(1 as decimal(24, 6))
        else {{ ratio('numerator_known', 'numerator_records') }}
    end as coverage,
    -- weekends and holidays at the start are no missing days
    first_date is null or {{ days_between('span_start', 'first_date') }} >= {{ var('goal_start_grace_days') }} as is_partial,
    first_date,
    measured_to_date,
    as_of_date
from resolved
