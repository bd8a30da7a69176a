-- Grain: person, and the company they stand for: the CRM's word before a file's, that before the domain of an address; of several the
-- latest, then the smallest key.
with members as (
    select * from {{ ref('int_identity__members') }}
),

companies as (
    select * from {{ ref('int_companies__sources') }}
),

contacts as (
    select * from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'company'
),

leads as (
    select * from {{ ref('int_leads__unioned') }}
),

addresses as (
    select * from {{ ref('int_identity__addresses') }}
),

-- Left join 1:1: moved ids are unique on system, kind and id.
told as (
    select
        'crm_contact' as node_kind,
        contacts.person_key as node_hash,
        {{ surrogate_key(['contacts.source_system', "'company'", 'coalesce(moved.surviving_id, contacts.company_id)']) }} as own_key,
        1 as trust,
        contacts.modified_at as told_at
    from contacts
    left join moved
        on contacts.source_system = moved.source_system
        and contacts.company_id = moved.merged_id
    where contacts.company_id is not null
    union all
    select
        'lead' as node_kind,
        lead_key as node_hash,
        company_key as own_key,
        2 as trust,
        created_at as told_at
    from leads
    where company_key is not null
    union all
    select
        'email' as node_kind,
        email_hash as node_hash,
        {{ surrogate_key(["'domain'", "'company'", 'email_domain']) }} as own_key,
        3 as trust,
        first_seen_at as told_at
    from addresses
    where not is_role_email
),

-- Joins 1:1: companies are unique on own_key, members on the node.
ranked as (
    select
        members.person_key,
        companies.company_key,
        row_number() over (
            partition by members.person_key
            order by told.trust asc, told.told_at desc nulls last, companies.company_key asc
        ) as choice
    from told
    inner join companies
        on told.own_key = companies.own_key
    inner join members
        on told.node_kind = members.node_kind
        and told.node_hash = members.node_hash
)

select
    person_key,
    company_key
from ranked
where choice = 1
