-- Grain: deal as it is now, deleted ones too while Pipedrive tells of them. Amounts in the deal's currency; see the var crm_vat_basis.
-- Pipedrive writes 0 where nobody said what a deal is worth: unknown here. The title is free text and never leaves raw.
with source as (
    select
        *,
        -- what it is now: a reopened deal may keep the moment it was lost. A deleted one says no more what it was.
        case
            when status <> 'deleted' then status
            when won_at is not null then 'won'
            when lost_at is not null then 'lost'
            else 'open'
        end as outcome
    from {{ source('pipedrive', 'deals') }}
),

ended as (
    select
        *,
        case outcome when 'won' then won_at when 'lost' then lost_at end as closed_at
    from source
),

stages as (
    select * from {{ ref('stg_pipedrive__stages') }}
),

contacts as (
    select
        contact_id,
        crm_source,
        origin
    from {{ ref('stg_pipedrive__contacts') }}
)

-- Left joins 1:1: stages are unique on stage_id, contacts on contact_id.
select
    'pipedrive' as source_system,
    source.deal_id,
    source.organization_id as company_id,
    source.pipeline_id,
    stages.pipeline_name,
    source.stage_id,
    stages.stage_name,
    source.outcome as status,
    {{ keyed_hash("'pipedrive|owner|' || source.owner_id") }} as owner_key,
    contacts.crm_source,
    contacts.origin,
    {{ scrub_emails(clean_text('source.lost_reason')) }} as lost_reason,
    source.origin as made_by,
    {{ scrub_emails('cast(source.extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    nullif(source.amount, 0) as amount,
    {{ currency_code('source.currency') }} as currency,
    '{{ var("crm_vat_basis") }}' as vat_basis,
    source.created_at,
    {{ reporting_date('source.created_at') }} as created_date,
    cast(source.expected_close_date as timestamptz) as expected_close_at,
    source.closed_at,
    {{ reporting_date('source.closed_at') }} as closed_date,
    source.modified_at,
    case when source.is_deleted then source.modified_at end as archived_at,
    coalesce(source.origin = 'Import', false) as is_imported,
    source.is_deleted as is_archived
from ended as source
left join stages
    on source.stage_id = stages.stage_id
left join contacts
    on source.person_id = contacts.contact_id
