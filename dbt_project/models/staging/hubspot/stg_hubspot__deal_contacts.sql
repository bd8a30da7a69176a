-- Grain: deal x contact x buying role: labels that the company gave the link; without one, what the contact's own record says.
with links as (
    select * from {{ source('hubspot', 'associations') }}
    where object_type = 'deals' and to_type = 'contacts'
),

roles as (
    select distinct
        object_id as deal_id,
        to_id as contact_id,
        {{ scrub_emails(clean_text('label')) }} as buying_role
    from links
    where category <> 'HUBSPOT_DEFINED' and {{ clean_text('label') }} is not null
),

pairs as (
    select distinct
        object_id as deal_id,
        to_id as contact_id
    from links
),

contacts as (
    select
        contact_id,
        {{ scrub_emails(clean_text('buying_role')) }} as buying_role
    from {{ source('hubspot', 'contacts') }}
)

-- roles fan pairs out, as the grain says; contacts are unique on contact_id.
select
    'hubspot' as source_system,
    {{ surrogate_key(['pairs.deal_id', 'pairs.contact_id', 'roles.buying_role']) }} as row_id,
    pairs.deal_id,
    pairs.contact_id,
    coalesce(roles.buying_role, contacts.buying_role) as buying_role
from pairs
left join roles
    on pairs.deal_id = roles.deal_id
    and pairs.contact_id = roles.contact_id
left join contacts
    on pairs.contact_id = contacts.contact_id
