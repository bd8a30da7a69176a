-- Grain: deal as it is now, the recycle bin's too. Amounts in the deal's currency; see the var crm_vat_basis.
-- The name is free text and never leaves raw.
with source as (
    select * from {{ source('hubspot', 'deals') }}
),

stages as (
    select * from {{ ref('stg_hubspot__stages') }}
),

account as (
    select max(currency) as currency from {{ source('hubspot', 'accounts') }}
),

companies as (
    select
        object_id as deal_id,
        -- the primary one, else the one with the smallest id
        coalesce(min(case when label = 'Primary' then to_id end), min(to_id)) as company_id
    from {{ source('hubspot', 'associations') }}
    where object_type = 'deals' and to_type = 'companies'
    group by object_id
)

-- Joins 1:1: stages are unique on stage_id, companies on deal_id; account is one row.
select
    'hubspot' as source_system,
    source.deal_id,
    companies.company_id,
    source.pipeline_id,
    stages.pipeline_name,
    source.stage_id,
    stages.stage_name,
    case
        when coalesce(source.is_won, stages.is_won) then 'won'
        when coalesce(source.is_closed, stages.is_closed) then 'lost'
        else 'open'
    end as status,
    {{ keyed_hash("'hubspot|owner|' || source.owner_id") }} as owner_key,
    source.source as crm_source,
    case when source.source <> 'OFFLINE' then source.source end as origin,
    {{ scrub_emails(clean_text('source.lost_reason')) }} as lost_reason,
    source.object_source as made_by,
    {{ scrub_emails('cast(source.extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    source.amount,
    coalesce({{ currency_code('source.currency') }}, account.currency) as currency,
    '{{ var("crm_vat_basis") }}' as vat_basis,
    source.created_at,
    {{ reporting_date('source.created_at') }} as created_date,
    source.closes_at as expected_close_at,
    case when coalesce(source.is_closed, stages.is_closed) then source.closes_at end as closed_at,
    case when coalesce(source.is_closed, stages.is_closed) then {{ reporting_date('source.closes_at') }} end as closed_date,
    source.modified_at,
    source.archived_at,
    coalesce(source.object_source = 'IMPORT', false) as is_imported,
    source.is_archived
from source
cross join account
left join stages
    on source.stage_id = stages.stage_id
left join companies
    on source.deal_id = companies.deal_id
