-- Grain: kind of record x id that is no more x id that holds it. Chains are not followed here: see int_crm_merges__resolved.
with source as (
    select * from {{ source('pipedrive', 'merges') }}
)

select
    'pipedrive' as source_system,
    {{ surrogate_key(['object_type', 'merged_id', 'surviving_id']) }} as row_id,
    case object_type when 'persons' then 'contact' when 'organizations' then 'company' when 'deals' then 'deal' end as object_type,
    merged_id,
    surviving_id,
    merged_at
from source
