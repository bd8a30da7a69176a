-- Grain: change of a contact's address, as a night first saw it. The contact stays, its address is another.
with source as (
    select * from {{ source('mailchimp', 'address_changes') }}
)

select
    {{ surrogate_key(['list_id', keyed_hash("'mailchimp|' || contact_id"), 'seen_date']) }} as row_id,
    'mailchimp' as source_system,
    account_id,
    list_id,
    {{ keyed_hash("'mailchimp|' || contact_id") }} as contact_key,
    {{ email_hash('old_email') }} as old_person_hash,
    {{ email_hash('new_email') }} as new_person_hash,
    seen_date
from source
