-- Grain: contact or company x lifecycle stage it came to x moment, from the property's history.
with source as (
    select * from {{ source('hubspot', 'property_changes') }}
    where property = 'lifecyclestage'
)

select
    'hubspot' as source_system,
    object_type || '|' || object_id || '|' || cast(position as {{ dbt.type_string() }}) as row_id,
    case object_type when 'contacts' then 'contact' else 'company' end as object_type,
    object_id as record_id,
    nullif(value, '') as lifecycle_stage,
    changed_at,
    {{ reporting_date('changed_at') }} as changed_date,
    source_type as changed_by
from source
