-- Grain: deal x person who takes part in it. Contacts that identity knows as one person are one row, with all their roles. Deals do
-- not add up over people. A deal without a contact has no row; files name one person a deal.
with deals as (
    select * from {{ ref('fct_deal') }}
),

combined as (
    select * from {{ ref('int_deals__combined') }}
),

participants as (
    select * from {{ ref('int_crm_deal_contacts__unioned') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
    where node_kind = 'crm_contact'
),

hashed as (
    select
        combined.deal_key,
        participants.buying_role,
        {{ keyed_hash("participants.source_system || '|' || participants.contact_id") }} as contact_hash
    from participants
    -- 1:1, deals are unique on system and id
    inner join combined
        on participants.source_name = combined.source_name
        and participants.deal_id = combined.deal_id
        and participants.source_system = combined.source_system
),

-- Left join 1:1: members are unique on the node. A contact in the recycle bin is no member, and stands for itself.
people as (
    select
        hashed.deal_key,
        coalesce(members.person_key, hashed.contact_hash) as person_key,
        hashed.contact_hash,
        hashed.buying_role
    from hashed
    left join members
        on hashed.contact_hash = members.node_hash
    union all
    select
        deal_key,
        person_key,
        cast(null as {{ dbt.type_string() }}) as contact_hash,
        cast(null as {{ dbt.type_string() }}) as buying_role
    from deals
    where has_person
),

grouped as (
    select
        deal_key,
        person_key,
        {{ dbt.listagg("distinct buying_role", "', '", "order by buying_role") }} as buying_role,
        greatest(count(distinct contact_hash), 1) as n_contacts
    from people
    group by deal_key, person_key
)

-- Inner join 1:1: deals are unique on deal_key.
select
    {{ surrogate_key(['grouped.deal_key', 'grouped.person_key']) }} as deal_contact_key,
    grouped.deal_key,
    grouped.person_key,
    deals.company_key,
    grouped.buying_role,
    grouped.n_contacts,
    grouped.person_key = deals.person_key as is_primary,
    deals.source_name,
    deals.source_system
from grouped
inner join deals
    on grouped.deal_key = deals.deal_key
