-- Grain: person x stage visit (one visit a stage in this slice). Visits add up over stages and people; days do not.
-- Stages are told by leads, deals and orders: awareness = first lead, consideration = first qualification or deal,
-- purchase = first won deal or paid sale, loyalty = first repeat purchase. No such source tells onboarding: it has no rows
-- until customer service data comes in. A stage skipped on the way to a later one is implied, with unknown dates.
with conversions as (
    select * from {{ ref('fct_conversion') }}
),

stages as (
    select 'awareness' as stage, 1 as stage_number
    union all
    select 'consideration' as stage, 2 as stage_number
    union all
    select 'purchase' as stage, 3 as stage_number
    union all
    select 'loyalty' as stage, 5 as stage_number
),

events as (
    select
        person_key,
        case conversion_type
            when 'lead' then 'awareness'
            when 'customer' then 'purchase'
            when 'repeat' then 'loyalty'
            else 'consideration'
        end as stage,
        conversion_at,
        conversion_date,
        is_date_implied,
        channel_key,
        conversion_key,
        source_name,
        source_system
    from conversions
    where conversion_date is not null
),

ranked as (
    select
        events.*,
        row_number() over (
            partition by person_key, stage
            order by conversion_date asc, conversion_at asc nulls last, conversion_key asc
        ) as entry_rank,
        row_number() over (
            partition by person_key
            order by conversion_date asc, conversion_at asc nulls last, conversion_key asc
        ) as person_rank
    from events
),

entries as (
    select * from ranked
    where entry_rank = 1
),

people as (
    select
        entries.person_key,
        max(stages.stage_number) as last_stage_number,
        min(entries.source_name) as source_name,
        min(entries.source_system) as source_system
    from entries
    inner join stages
        on entries.stage = stages.stage
    group by entries.person_key
),

first_channels as (
    select
        person_key,
        channel_key
    from ranked
    where person_rank = 1
),

-- One row a person and stage up to the last one reached: people x stages, then 1:1 joins on both keys.
visits as (
    select
        people.person_key,
        stages.stage,
        stages.stage_number,
        first_channels.channel_key,
        entries.conversion_at as entered_at,
        entries.conversion_date as entered_date,
        coalesce(entries.is_date_implied, false) as is_date_implied,
        entries.person_key is null as is_implied,
        people.source_name,
        people.source_system
    from people
    inner join stages
        on people.last_stage_number >= stages.stage_number
    left join entries
        on people.person_key = entries.person_key
        and stages.stage = entries.stage
    left join first_channels
        on people.person_key = first_channels.person_key
),

sequenced as (
    select
        visits.*,
        lead(stage) over (partition by person_key order by stage_number) as next_stage,
        lead(entered_at) over (partition by person_key order by stage_number) as next_entered_at,
        lead(entered_date) over (partition by person_key order by stage_number) as next_entered_date
    from visits
)

select
    {{ surrogate_key(['person_key', 'stage', '1']) }} as journey_stage_key,
    person_key,
    channel_key,
    stage,
    stage_number,
    1 as visit_number,
    next_stage,
    case
        when next_entered_date >= entered_date then {{ days_between('entered_date', 'next_entered_date') }}
    end as days_in_stage,
    next_stage is null as is_current,
    is_implied,
    is_date_implied,
    coalesce(next_entered_date < entered_date, false) as is_backward,
    entered_at,
    entered_date,
    next_entered_at as exited_at,
    next_entered_date as exited_date,
    source_name,
    source_system
from sequenced
