-- Grain: deal x person who takes part, the main person among them. The role is the person's own (BUYING_ROLE_FIELD): Pipedrive
-- keeps none by deal.
with pairs as (
    select
        deal_id,
        person_id
    from {{ source('pipedrive', 'deal_participants') }}
    union distinct
    select
        deal_id,
        person_id
    from {{ source('pipedrive', 'deals') }}
    where person_id is not null
),

contacts as (
    select * from {{ ref('stg_pipedrive__contacts') }}
)

-- Left join 1:1: contacts are unique on contact_id.
select
    'pipedrive' as source_system,
    {{ surrogate_key(['pairs.deal_id', 'pairs.person_id']) }} as row_id,
    pairs.deal_id,
    pairs.person_id as contact_id,
    contacts.buying_role
from pairs
left join contacts
    on pairs.person_id = contacts.contact_id
