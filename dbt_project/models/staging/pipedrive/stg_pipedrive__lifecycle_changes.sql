-- Grain: person x lifecycle stage x record that brought them there. Pipedrive has no lifecycle: a lead of the inbox, a deal, a deal won.
-- A lead that became a deal is no longer in the inbox, and its beginning as a lead is not known.
with leads as (
    select * from {{ source('pipedrive', 'leads') }}
),

deals as (
    select * from {{ source('pipedrive', 'deals') }}
),

changes as (
    select
        'lead|' || lead_id as row_id,
        person_id,
        'lead' as lifecycle_stage,
        created_at as changed_at
    from leads
    union all
    select
        'opportunity|' || deal_id as row_id,
        person_id,
        'opportunity' as lifecycle_stage,
        created_at as changed_at
    from deals
    where not is_deleted
    union all
    select
        'customer|' || deal_id as row_id,
        person_id,
        'customer' as lifecycle_stage,
        won_at as changed_at
    from deals
    where won_at is not null and status = 'won'
)

select
    'pipedrive' as source_system,
    row_id,
    'contact' as object_type,
    person_id as record_id,
    lifecycle_stage,
    changed_at,
    {{ reporting_date('changed_at') }} as changed_date,
    cast(null as {{ dbt.type_string() }}) as changed_by
from changes
where person_id is not null
