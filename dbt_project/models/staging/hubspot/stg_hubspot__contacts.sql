-- Grain: contact as it is now, the recycle bin's too. Names never leave raw.
-- OFFLINE says that no tracked visit came before (typed in, imported, an app): it is no channel, and origin is unknown there.
with source as (
    select * from {{ source('hubspot', 'contacts') }}
)

select
    'hubspot' as source_system,
    contact_id,
    {{ person_key("'hubspot'", 'contact_id', 'email', 'phone') }} as person_key,
    {{ email_hash('email') }} as email_hash,
    {{ is_role_address('email') }} as is_role_email,
    {{ email_domain('email') }} as email_domain,
    {{ phone_hash('phone') }} as phone_hash,
    {{ phone_hash('mobile_phone') }} as mobile_phone_hash,
    company_id,
    {{ keyed_hash("'hubspot|owner|' || owner_id") }} as owner_key,
    {{ keyed_hash('google_click_id') }} as click_hash,
    {{ clean_text('legal_basis') }} as legal_basis,
    email_optout as is_email_opted_out,
    lifecycle_stage,
    lead_status,
    {{ scrub_emails(clean_text('buying_role')) }} as buying_role,
    {{ clean_text('industry') }} as segment,
    {{ clean_text('country') }} as country,
    source as crm_source,
    {{ scrub_emails(clean_text('source_detail_1')) }} as crm_source_detail,
    case when source <> 'OFFLINE' then source end as origin,
    {{ scrub_emails(clean_text('first_url')) }} as landing_page,
    object_source as made_by,
    {{ scrub_emails('cast(extra_properties as ' ~ dbt.type_string() ~ ')') }} as attributes,
    created_at,
    {{ reporting_date('created_at') }} as created_date,
    modified_at,
    archived_at,
    coalesce(object_source = 'IMPORT', false) as is_imported,
    coalesce(source = 'OFFLINE', false) as is_offline_source,
    is_archived
from source
