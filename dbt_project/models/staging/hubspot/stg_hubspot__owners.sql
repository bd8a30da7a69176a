-- Grain: owner. Who it is stays in raw; the address is hashed as everybody's.
with source as (
    select * from {{ source('hubspot', 'owners') }}
)

select
    'hubspot' as source_system,
    owner_id,
    {{ keyed_hash("'hubspot|owner|' || owner_id") }} as owner_key,
    {{ email_hash('email') }} as email_hash,
    is_archived
from source
