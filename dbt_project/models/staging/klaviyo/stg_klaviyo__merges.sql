-- Grain: change of a profile's address, as a night first saw it. Which profile another was merged into is not told.
with source as (
    select * from {{ source('klaviyo', 'address_changes') }}
)

select
    {{ surrogate_key(['account_id', keyed_hash("'klaviyo|' || contact_id"), 'seen_date']) }} as row_id,
    'klaviyo' as source_system,
    account_id,
    list_id,
    {{ keyed_hash("'klaviyo|' || contact_id") }} as contact_key,
    {{ email_hash('old_email') }} as old_person_hash,
    {{ email_hash('new_email') }} as new_person_hash,
    seen_date
from source
