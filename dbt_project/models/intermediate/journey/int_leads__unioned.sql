-- Grain: lead (system x lead id), over all sources. Where several datasets of a system give the same lead, the newest
-- row counts; rpt_reconciliation shows how many were merged.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('leads', 'leads', [
        'source_system', 'dataset', 'row_id', 'version_at', 'lead_id', 'person_key', 'contact_hash', 'email_hash', 'phone_hash',
        'is_role_email', 'email_domain', 'company_id', 'origin',
        'traffic_source', 'traffic_medium', 'traffic_campaign', 'landing_page', 'segment', 'lead_type', 'owner_key',
        'country', 'attributes', 'created_at', 'created_date', 'qualified_at', 'qualified_date',
    ]) }}
),

ranked as (
    select
        unioned.*,
        row_number() over (
            partition by source_system, lead_id
            order by version_at desc nulls last, source_name asc, dataset asc, row_id asc
        ) as version_rank
    from unioned
)

select
    {{ keyed_hash("source_system || '|lead|' || lead_id") }} as lead_key,
    coalesce(person_key, {{ keyed_hash("source_system || '|lead|' || lead_id") }}) as person_key,
    contact_hash,
    email_hash,
    phone_hash,
    is_role_email,
    email_domain,
    {{ optional_key('company_id', ['source_system', "'company'", 'company_id']) }} as company_key,
    {{ traffic_key() }} as traffic_key,
    lead_id,
    company_id,
    origin,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    landing_page,
    segment,
    lead_type,
    owner_key,
    country,
    attributes,
    created_at,
    created_date,
    qualified_at,
    qualified_date,
    source_name,
    source_system,
    dataset
from ranked
where version_rank = 1
