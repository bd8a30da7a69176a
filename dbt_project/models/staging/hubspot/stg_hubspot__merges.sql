-- Grain: kind of record x id that is no more x id that holds it. Chains are not followed here: see int_crm_merges__resolved.
with source as (
    select * from {{ source('hubspot', 'merges') }}
)

select
    'hubspot' as source_system,
    {{ surrogate_key(['object_type', 'merged_id', 'surviving_id']) }} as row_id,
    case object_type when 'contacts' then 'contact' when 'companies' then 'company' when 'deals' then 'deal' end as object_type,
    merged_id,
    surviving_id,
    merged_at
from source
