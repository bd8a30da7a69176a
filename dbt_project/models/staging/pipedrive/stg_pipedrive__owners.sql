-- Grain: user. Who it is stays in raw; the address is hashed as everybody's.
with source as (
    select * from {{ source('pipedrive', 'users') }}
)

select
    'pipedrive' as source_system,
    user_id as owner_id,
    {{ keyed_hash("'pipedrive|owner|' || user_id") }} as owner_key,
    {{ email_hash('email') }} as email_hash,
    not is_active as is_archived
from source
