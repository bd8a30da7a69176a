-- Grain: CRM x contact or company x visit of a lifecycle step (seed crm_lifecycle_steps), from the CRM's history; a value set anew to
-- what it was is no visit. Steps passed over on the way to one later than any before are implied: between the visits, with no moment.
-- is_bulk_import: an import put it there, so its moment is the import's and nobody's. The history of a record merged away counts
-- only where the one that holds it has none.
{{ config(materialized='table') }}

with changes as (
    select * from {{ ref('int_crm_lifecycle_changes__unioned') }}
    where lifecycle_stage is not null
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where surviving_id is not null
),

records as (
    select source_system, 'contact' as object_type, contact_id as record_id, is_imported
    from {{ ref('int_crm_contacts__unioned') }}
    union all
    select source_system, 'company' as object_type, company_id as record_id, is_imported
    from {{ ref('int_crm_companies__unioned') }}
),

steps as (
    select
        source_system,
        lifecycle_stage,
        step,
        {{ lifecycle_step_number('step') }} as step_number
    from {{ ref('crm_lifecycle_steps') }}
),

known_steps as (
    select distinct source_system, step, step_number
    from steps
    where step <> 'subscriber'
),

-- Joins 1:1: moved ids are unique on system, kind and id; steps on system and stage.
named as (
    select
        changes.source_name,
        changes.source_system,
        changes.object_type,
        coalesce(moved.surviving_id, changes.record_id) as record_id,
        changes.row_id,
        changes.lifecycle_stage,
        steps.step,
        steps.step_number,
        changes.changed_at,
        changes.changed_by,
        moved.surviving_id is null as is_own
    from changes
    inner join steps
        on changes.source_system = steps.source_system
        and changes.lifecycle_stage = steps.lifecycle_stage
    left join moved
        on changes.source_system = moved.source_system
        and changes.object_type = moved.object_type
        and changes.record_id = moved.merged_id
),

owned as (
    select
        named.*,
        max(is_own) over (partition by source_system, object_type, record_id) as has_own
    from named
),

compared as (
    select
        owned.*,
        lag(step) over (
            partition by source_system, object_type, record_id order by changed_at asc, step_number asc, row_id asc
        ) as previous_step
    from owned
    where is_own = has_own
),

-- Left join 1:1: records are unique on system, kind and id.
visits as (
    select
        compared.*,
        row_number() over history as visit_number,
        lag(compared.step_number) over history as previous_number,
        max(compared.step_number) over (history rows between unbounded preceding and 1 preceding) as furthest_number,
        lead(compared.changed_at) over history as left_at,
        coalesce(compared.changed_by = 'IMPORT', false)
        or (coalesce(records.is_imported, false) and row_number() over history = 1) as is_bulk_import
    from compared
    left join records
        on compared.source_system = records.source_system
        and compared.object_type = records.object_type
        and compared.record_id = records.record_id
    where compared.step is distinct from compared.previous_step
    window
        history as (
            partition by compared.source_system, compared.object_type, compared.record_id
            order by compared.changed_at asc, compared.step_number asc, compared.row_id asc
        )
),

-- Steps between fan out, as the grain says.
with_implied as (
    select
        source_name,
        source_system,
        object_type,
        record_id,
        visit_number,
        lifecycle_stage,
        step,
        step_number,
        changed_at as entered_at,
        left_at,
        changed_by,
        false as is_implied,
        coalesce(step_number < previous_number, false) as is_backward,
        is_bulk_import
    from visits
    union all
    select
        visits.source_name,
        visits.source_system,
        visits.object_type,
        visits.record_id,
        visits.visit_number,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        known_steps.step,
        known_steps.step_number,
        cast(null as timestamp with time zone) as entered_at,
        cast(null as timestamp with time zone) as left_at,
        visits.changed_by,
        true as is_implied,
        false as is_backward,
        visits.is_bulk_import
    from visits
    inner join known_steps
        on visits.source_system = known_steps.source_system
        and visits.step_number > known_steps.step_number
        and coalesce(visits.furthest_number, 0) < known_steps.step_number
)

select
    source_name,
    source_system,
    object_type,
    record_id,
    row_number() over (
        partition by source_system, object_type, record_id order by visit_number asc, is_implied desc, step_number asc
    ) as sequence_number,
    lifecycle_stage,
    step,
    step_number,
    entered_at,
    left_at,
    changed_by,
    is_implied,
    is_backward,
    is_bulk_import
from with_implied
