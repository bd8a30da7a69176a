-- Grain: CRM x deal x contact x buying role, over all CRMs. A contact merged since is the one that holds it.
with unioned as (
    {{ union_of('crm_systems', 'deal_contacts', ['source_system', 'deal_id', 'contact_id', 'buying_role']) }}
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'contact'
)

-- Left join 1:1: moved ids are unique on system, kind and id. Two contacts of a deal may have become one: distinct.
select distinct
    unioned.source_name,
    unioned.source_system,
    unioned.deal_id,
    coalesce(moved.surviving_id, unioned.contact_id) as contact_id,
    unioned.buying_role
from unioned
left join moved
    on unioned.source_system = moved.source_system
    and unioned.contact_id = moved.merged_id
