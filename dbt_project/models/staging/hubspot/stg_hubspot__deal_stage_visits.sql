-- Grain: deal x visit of a stage, from the history of the deal's stage. A value set anew to what it was is no visit.
-- left_at is null while the deal is there; stages that were skipped have no visit, going back makes a new one.
with changes as (
    select * from {{ source('hubspot', 'property_changes') }}
    where object_type = 'deals' and property = 'dealstage'
),

stages as (
    select * from {{ ref('stg_hubspot__stages') }}
),

ordered as (
    select
        object_id as deal_id,
        value as stage_id,
        changed_at,
        source_type,
        position,
        -- position 0 is the newest: of two changes in one moment the later one has the smaller
        lag(value) over (partition by object_id order by changed_at asc, position desc) as previous_stage_id
    from changes
),

visits as (
    select
        deal_id,
        stage_id,
        changed_at as entered_at,
        source_type as changed_by,
        row_number() over (partition by deal_id order by changed_at asc, position desc) as visit_number,
        lead(changed_at) over (partition by deal_id order by changed_at asc, position desc) as left_at
    from ordered
    where stage_id is distinct from previous_stage_id
)

-- Left join 1:1: stages are unique on stage_id; a stage that was deleted since has no name.
select
    'hubspot' as source_system,
    visits.deal_id || '|' || cast(visits.visit_number as {{ dbt.type_string() }}) as row_id,
    visits.deal_id,
    cast(visits.visit_number as integer) as visit_number,
    stages.pipeline_id,
    visits.stage_id,
    stages.stage_name,
    stages.stage_order,
    visits.entered_at,
    visits.left_at,
    visits.changed_by,
    coalesce(stages.is_closed, false) as is_closed_stage
from visits
left join stages
    on visits.stage_id = stages.stage_id
where visits.stage_id <> ''
