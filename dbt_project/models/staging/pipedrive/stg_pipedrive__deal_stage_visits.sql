-- Grain: deal x visit of a stage, from the deal's changelog; won and lost, a status in Pipedrive, are visits as in other CRMs.
-- left_at is null while the deal is there; stages that were skipped have no visit, going back or being reopened makes a new one.
with deals as (
    select * from {{ source('pipedrive', 'deals') }}
),

changes as (
    select * from {{ source('pipedrive', 'deal_changes') }}
),

stages as (
    select * from {{ ref('stg_pipedrive__stages') }}
),

first_changes as (
    select
        deal_id,
        old_value as stage_id
    from changes
    where field = 'stage_id'
    qualify row_number() over (partition by deal_id order by changed_at asc, position desc) = 1
),

-- What a deal was made with is in no changelog: it is what the first change left, or what it still is. Left join 1:1 on deal_id.
events as (
    select
        deals.deal_id,
        'stage_id' as field,
        coalesce(first_changes.stage_id, deals.stage_id) as stage_id,
        deals.created_at as changed_at,
        cast(null as bigint) as position
    from deals
    left join first_changes
        on deals.deal_id = first_changes.deal_id
    union all
    select
        deal_id,
        field,
        -- reopened: it is where it was before it ended, filled in below
        case when field = 'stage_id' or new_value in ('won', 'lost') then new_value end as stage_id,
        changed_at,
        position
    from changes
    where field = 'stage_id' or (field = 'status' and new_value in ('won', 'lost', 'open'))
),

filled as (
    select
        deal_id,
        changed_at,
        position,
        coalesce(
            stage_id,
            last_value(case when field = 'stage_id' then stage_id end ignore nulls) over (
                partition by deal_id
                order by changed_at asc, position desc nulls first
                rows between unbounded preceding and current row
            )
        ) as stage_id
    from events
),

compared as (
    select
        filled.*,
        lag(stage_id) over (partition by deal_id order by changed_at asc, position desc nulls first) as previous_stage_id
    from filled
),

visits as (
    select
        deal_id,
        stage_id,
        changed_at as entered_at,
        row_number() over (partition by deal_id order by changed_at asc, position desc nulls first) as visit_number,
        lead(changed_at) over (partition by deal_id order by changed_at asc, position desc nulls first) as left_at
    from compared
    where stage_id is distinct from previous_stage_id
)

-- Left join 1:1: stages are unique on stage_id; a stage that was deleted since has no name.
select
    'pipedrive' as source_system,
    visits.deal_id || '|' || cast(visits.visit_number as {{ dbt.type_string() }}) as row_id,
    visits.deal_id,
    cast(visits.visit_number as integer) as visit_number,
    stages.pipeline_id,
    visits.stage_id,
    coalesce(stages.stage_name, case when visits.stage_id in ('won', 'lost') then visits.stage_id end) as stage_name,
    stages.stage_order,
    visits.entered_at,
    visits.left_at,
    cast(null as {{ dbt.type_string() }}) as changed_by,
    visits.stage_id in ('won', 'lost') as is_closed_stage
from visits
left join stages
    on visits.stage_id = stages.stage_id
