-- Grain: person as they are now. Names never leave raw.
-- Pipedrive does not say where a person came from; companies keep it in a field of their own (SOURCE_FIELD). A source that speaks of
-- an import tells how the record was made: it is no channel.
with source as (
    select * from {{ source('pipedrive', 'persons') }}
),

typed as (
    select
        *,
        {{ scrub_emails(clean_text('source')) }} as crm_source,
        coalesce({{ matches_any_case('source', '^import') }}, false) as is_imported
    from source
)

select
    'pipedrive' as source_system,
    person_id as contact_id,
    {{ person_key("'pipedrive'", 'person_id', 'email', 'phone') }} as person_key,
    {{ email_hash('email') }} as email_hash,
    {{ is_role_address('email') }} as is_role_email,
    {{ email_domain('email') }} as email_domain,
    {{ phone_hash('phone') }} as phone_hash,
    cast(null as {{ dbt.type_string() }}) as mobile_phone_hash,
    organization_id as company_id,
    {{ keyed_hash("'pipedrive|owner|' || owner_id") }} as owner_key,
    cast(null as {{ dbt.type_string() }}) as click_hash,
    cast(null as {{ dbt.type_string() }}) as legal_basis,
    cast(null as boolean) as is_email_opted_out,
    cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
    cast(null as {{ dbt.type_string() }}) as lead_status,
    {{ scrub_emails(clean_text('buying_role')) }} as buying_role,
    cast(null as {{ dbt.type_string() }}) as segment,
    cast(null as {{ dbt.type_string() }}) as country,
    crm_source,
    cast(null as {{ dbt.type_string() }}) as crm_source_detail,
    case when not is_imported then crm_source end as origin,
    cast(null as {{ dbt.type_string() }}) as landing_page,
    cast(null as {{ dbt.type_string() }}) as made_by,
    {{ scrub_emails('cast(extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    created_at,
    {{ reporting_date('created_at') }} as created_date,
    modified_at,
    case when is_deleted then modified_at end as archived_at,
    is_imported,
    is_imported or crm_source is null as is_offline_source,
    is_deleted as is_archived
from typed
