-- Grain: deal (system x deal id), over files and CRMs; without the recycle bin's, and without files' of a system that a connected CRM
-- gives too (var crm_systems_in_files). A CRM's deal comes from the lead that is the first of its contacts to be one, else its
-- contact with the smallest id is the first. A deal stays when its company or its contacts are archived.
{{ config(materialized='table') }}
{% set margin_fields = var('crm_deal_margin_fields') %}

with crm as (
    select * from {{ ref('int_crm_deals__unioned') }}
    where not is_archived
),

files as (
    select * from {{ ref('int_deals__unioned') }}
    where not {{ is_left_to_crm('source_system') }}
),

participants as (
    select distinct
        source_system,
        deal_id,
        contact_id
    from {{ ref('int_crm_deal_contacts__unioned') }}
),

leads as (
    select * from {{ ref('int_crm_leads__defined') }}
),

-- Left join 1:1: leads are unique on system and contact.
ranked as (
    select
        participants.source_system,
        participants.deal_id,
        participants.contact_id,
        leads.lead_key,
        row_number() over (
            partition by participants.source_system, participants.deal_id
            order by leads.created_at asc nulls last, participants.contact_id asc
        ) as choice
    from participants
    left join leads
        on participants.source_system = leads.source_system
        and participants.contact_id = leads.contact_id
),

-- Left join 1:1: the first choice is one a deal.
crm_deals as (
    select
        crm.*,
        ranked.lead_key,
        {{ keyed_hash("crm.source_system || '|' || ranked.contact_id") }} as contact_hash
    from crm
    left join ranked
        on crm.source_system = ranked.source_system
        and crm.deal_id = ranked.deal_id
        and ranked.choice = 1
)

select
    deal_key,
    lead_key,
    person_key,
    contact_hash,
    case when not coalesce(is_role_email, false) then email_hash end as email_hash,
    company_key,
    traffic_key,
    deal_id,
    origin as source_as_told,
    origin,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    status,
    stage,
    pipeline,
    segment,
    lead_type,
    owner_key,
    attributes,
    cast(null as {{ dbt.type_string() }}) as lost_reason,
    amount,
    margin,
    currency,
    vat_basis,
    vat_rate_pct,
    false as is_bulk_import,
    created_at,
    created_date,
    cast(null as date) as expected_close_date,
    closed_at,
    closed_date,
    source_name,
    source_system,
    dataset
from files
union all
select
    {{ surrogate_key(['source_system', "'deal'", 'deal_id']) }} as deal_key,
    lead_key,
    contact_hash as person_key,
    contact_hash,
    cast(null as {{ dbt.type_string() }}) as email_hash,
    {{ optional_key('company_id', ['source_system', "'company'", 'company_id']) }} as company_key,
    {{ surrogate_key(['origin', 'null', 'null', 'null']) }} as traffic_key,
    deal_id,
    crm_source as source_as_told,
    origin,
    cast(null as {{ dbt.type_string() }}) as traffic_source,
    cast(null as {{ dbt.type_string() }}) as traffic_medium,
    cast(null as {{ dbt.type_string() }}) as traffic_campaign,
    status,
    stage_name as stage,
    pipeline_name as pipeline,
    cast(null as {{ dbt.type_string() }}) as segment,
    cast(null as {{ dbt.type_string() }}) as lead_type,
    owner_key,
    attributes,
    lost_reason,
    amount,
    {% if margin_fields -%}
    {{ dbt.safe_cast(form_answer('attributes', margin_fields), 'decimal(18, 6)') }} as margin,
    {%- else -%}
    cast(null as decimal(18, 6)) as margin,
    {%- endif %}
    currency,
    vat_basis,
    cast(null as decimal(9, 4)) as vat_rate_pct,
    is_imported as is_bulk_import,
    created_at,
    created_date,
    {{ reporting_date('expected_close_at') }} as expected_close_date,
    closed_at,
    closed_date,
    source_name,
    source_system,
    cast(null as {{ dbt.type_string() }}) as dataset
from crm_deals
