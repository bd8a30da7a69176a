-- Grain: deal (system x deal id), over all sources; the newest row counts where several datasets give it.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('deals', 'deals', [
        'source_system', 'dataset', 'row_id', 'version_at', 'deal_id', 'lead_id', 'person_key', 'contact_hash', 'email_hash', 'phone_hash',
        'is_role_email', 'email_domain', 'company_id', 'origin',
        'traffic_source', 'traffic_medium', 'traffic_campaign', 'status', 'stage', 'pipeline', 'segment', 'lead_type',
        'owner_key', 'attributes', 'amount', 'margin', 'currency', 'vat_basis', 'vat_rate_pct', 'created_at',
        'created_date', 'closed_at', 'closed_date',
    ]) }}
),

ranked as (
    select
        unioned.*,
        row_number() over (
            partition by source_system, deal_id
            order by version_at desc nulls last, source_name asc, dataset asc, row_id asc
        ) as version_rank
    from unioned
)

select
    {{ surrogate_key(['source_system', "'deal'", 'deal_id']) }} as deal_key,
    {{ keyed_hash("source_system || '|lead|' || lead_id") }} as lead_key,
    person_key,
    contact_hash,
    email_hash,
    phone_hash,
    is_role_email,
    email_domain,
    {{ optional_key('company_id', ['source_system', "'company'", 'company_id']) }} as company_key,
    {{ traffic_key() }} as traffic_key,
    deal_id,
    company_id,
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
    amount,
    margin,
    currency,
    vat_basis,
    vat_rate_pct,
    created_at,
    created_date,
    closed_at,
    closed_date,
    source_name,
    source_system,
    dataset
from ranked
where version_rank = 1
