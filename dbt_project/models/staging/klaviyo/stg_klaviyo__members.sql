-- Grain: list x profile. As they are tonight. Consent is the profile's, to e-mail marketing as a whole; a list says since when.
with list_profiles as (
    select * from {{ source('klaviyo', 'list_profiles') }}
),

profiles as (
    select * from {{ source('klaviyo', 'profiles') }}
)

-- Inner join 1:1: profiles are unique on account and id; one that was deleted since is on no list.
select
    {{ surrogate_key(['list_profiles.list_id', keyed_hash("'klaviyo|' || list_profiles.profile_id")]) }} as row_id,
    'klaviyo' as source_system,
    list_profiles.account_id,
    list_profiles.list_id,
    {{ keyed_hash("'klaviyo|' || list_profiles.profile_id") }} as contact_key,
    {{ keyed_hash("'klaviyo|' || list_profiles.profile_id") }} as recipient_key,
    {{ email_hash('profiles.email') }} as person_hash,
    {{ is_role_address('profiles.email') }} as is_role_email,
    {{ phone_hash('profiles.phone_number') }} as phone_hash,
    case
        when profiles.suppression_reason in ('HARD_BOUNCE', 'INVALID_EMAIL') then 'cleaned'
        when profiles.suppression_reason is not null or profiles.consent = 'UNSUBSCRIBED' then 'unsubscribed'
        when profiles.consent = 'SUBSCRIBED' then 'subscribed'
        else 'never_subscribed'
    end as status,
    profiles.method as signup_source,
    profiles.locale as language,
    list_profiles.joined_group_at as signed_up_at,
    profiles.consent_timestamp as consented_at,
    case
        when profiles.suppression_reason is not null then profiles.suppression_timestamp
        when profiles.consent = 'UNSUBSCRIBED' then profiles.consent_last_updated
    end as left_at,
    profiles.updated as changed_at
from list_profiles
inner join profiles
    on list_profiles.account_id = profiles.account_id
    and list_profiles.profile_id = profiles.profile_id
