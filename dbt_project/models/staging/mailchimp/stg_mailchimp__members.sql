-- Grain: list x contact. As they are tonight, with the moments that the vendor tells of consent and change.
with source as (
    select * from {{ source('mailchimp', 'members') }}
)

select
    {{ surrogate_key(['list_id', keyed_hash("'mailchimp|' || contact_id")]) }} as row_id,
    'mailchimp' as source_system,
    account_id,
    list_id,
    {{ keyed_hash("'mailchimp|' || contact_id") }} as contact_key,
    {{ keyed_hash("'mailchimp|' || email_id") }} as recipient_key,
    {{ email_hash('email_address') }} as person_hash,
    {{ is_role_address('email_address') }} as is_role_email,
    {{ phone_hash('phone') }} as phone_hash,
    -- transactional: gets what was ordered or asked for, agreed to nothing
    case status when 'transactional' then 'never_subscribed' else status end as status,
    {{ clean_text('source') }} as signup_source,
    language,
    timestamp_signup as signed_up_at,
    timestamp_opt as consented_at,
    case when status in ('unsubscribed', 'cleaned', 'archived') then last_changed end as left_at,
    last_changed as changed_at
from source
