-- Grain: organization as it is now.
with source as (
    select * from {{ source('pipedrive', 'organizations') }}
)

select
    'pipedrive' as source_system,
    organization_id as company_id,
    {{ scrub_emails(clean_text('name')) }} as company_name,
    {{ scrub_emails(clean_text('website')) }} as company_domain,
    {{ clean_text('industry') }} as segment,
    {{ clean_text('country') }} as country,
    {{ keyed_hash("'pipedrive|owner|' || owner_id") }} as owner_key,
    cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
    cast(null as {{ dbt.type_string() }}) as made_by,
    {{ scrub_emails('cast(extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    n_employees,
    annual_revenue,
    created_at,
    {{ reporting_date('created_at') }} as created_date,
    modified_at,
    case when is_deleted then modified_at end as archived_at,
    false as is_imported,
    is_deleted as is_archived
from source
