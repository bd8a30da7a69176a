-- Grain: company as it is now, the recycle bin's too.
with source as (
    select * from {{ source('hubspot', 'companies') }}
)

select
    'hubspot' as source_system,
    company_id,
    {{ scrub_emails(clean_text('name')) }} as company_name,
    {{ scrub_emails(clean_text('domain')) }} as company_domain,
    {{ clean_text('industry') }} as segment,
    {{ clean_text('country') }} as country,
    {{ keyed_hash("'hubspot|owner|' || owner_id") }} as owner_key,
    lifecycle_stage,
    object_source as made_by,
    {{ scrub_emails('cast(extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    n_employees,
    annual_revenue,
    created_at,
    {{ reporting_date('created_at') }} as created_date,
    modified_at,
    archived_at,
    coalesce(object_source = 'IMPORT', false) as is_imported,
    is_archived
from source
