-- Grain: CRM x contact that is a lead: that came to lead, MQL, SQL or opportunity by something else than an import; only a customer
-- (an order's, a shop's) was none. One contact is one lead, dated by the first such step (is_date_implied: a later one than lead).
-- Contacts in the recycle bin, or merged into another, are none.
with contacts as (
    select * from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where surviving_id is not null
),

visits as (
    select * from {{ ref('int_crm_lifecycle__visits') }}
    where object_type = 'contact' and not is_implied and not is_bulk_import
),

-- What was passed over is implied only where something came after it.
reached as (
    select
        source_system,
        record_id,
        min(case when step in ('lead', 'mql', 'sql', 'opportunity') then entered_at end) as lead_at,
        min(case when step = 'lead' then entered_at end) as told_lead_at,
        min(case when step = 'mql' then entered_at end) as mql_at,
        min(case when step = 'sql' then entered_at end) as sql_at,
        {{ "min(case when step = 'sql' then entered_at end)" if var('crm_qualified_step') == 'sql'
            else "min(case when step in ('mql', 'sql') then entered_at end)" }} as qualified_at,
        max(step_number) as furthest_number,
        max(is_backward) as has_moved_back
    from visits
    group by source_system, record_id
)

-- Joins 1:1: reached is unique on system and record, moved on system, kind and id.
select
    contacts.source_name,
    contacts.source_system,
    contacts.contact_id,
    {{ keyed_hash("contacts.source_system || '|lead|' || contacts.contact_id") }} as lead_key,
    contacts.person_key as contact_hash,
    coalesce(companies.surviving_id, contacts.company_id) as company_id,
    contacts.owner_key,
    contacts.crm_source,
    contacts.origin,
    contacts.landing_page,
    contacts.segment,
    contacts.country,
    contacts.attributes,
    contacts.is_imported as is_bulk_import,
    coalesce(reached.told_lead_at <> reached.lead_at, true) as is_date_implied,
    coalesce(reached.mql_at is null and reached.furthest_number > {{ lifecycle_steps().index('mql') + 1 }}, false) as is_mql_implied,
    coalesce(reached.sql_at is null and reached.furthest_number > {{ lifecycle_steps().index('sql') + 1 }}, false) as is_sql_implied,
    reached.has_moved_back,
    reached.lead_at as created_at,
    {{ reporting_date('reached.lead_at') }} as created_date,
    reached.mql_at,
    {{ reporting_date('reached.mql_at') }} as mql_date,
    reached.sql_at,
    {{ reporting_date('reached.sql_at') }} as sql_date,
    reached.qualified_at,
    {{ reporting_date('reached.qualified_at') }} as qualified_date
from contacts
inner join reached
    on contacts.source_system = reached.source_system
    and contacts.contact_id = reached.record_id
left join moved
    on contacts.source_system = moved.source_system
    and contacts.contact_id = moved.merged_id
    and moved.object_type = 'contact'
left join moved as companies
    on contacts.source_system = companies.source_system
    and contacts.company_id = companies.merged_id
    and companies.object_type = 'company'
where moved.merged_id is null and reached.lead_at is not null
