-- Grain: CRM x deal, over all CRMs, the recycle bin's too. Amounts in the deal's currency.
with unioned as (
    {{ union_of('crm_systems', 'deals', [
        'source_system', 'deal_id', 'company_id', 'pipeline_id', 'pipeline_name', 'stage_id', 'stage_name', 'status', 'owner_key',
        'crm_source', 'origin', 'lost_reason', 'made_by', 'attributes', 'amount', 'currency', 'vat_basis', 'created_at',
        'created_date', 'expected_close_at', 'closed_at', 'closed_date', 'modified_at', 'archived_at', 'is_imported', 'is_archived',
    ]) }}
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'company'
)

-- Left join 1:1: moved ids are unique on system, kind and id. A company merged since is the one that holds it.
select
    unioned.source_name,
    unioned.source_system,
    unioned.deal_id,
    coalesce(moved.surviving_id, unioned.company_id) as company_id,
    unioned.pipeline_id,
    unioned.pipeline_name,
    unioned.stage_id,
    unioned.stage_name,
    unioned.status,
    unioned.owner_key,
    unioned.crm_source,
    unioned.origin,
    unioned.lost_reason,
    unioned.made_by,
    unioned.attributes,
    unioned.amount,
    unioned.currency,
    unioned.vat_basis,
    unioned.created_at,
    unioned.created_date,
    unioned.expected_close_at,
    unioned.closed_at,
    unioned.closed_date,
    unioned.modified_at,
    unioned.archived_at,
    unioned.is_imported,
    unioned.is_archived
from unioned
left join moved
    on unioned.source_system = moved.source_system
    and unioned.company_id = moved.merged_id
