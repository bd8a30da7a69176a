-- Grain: lead gen form sent by a person, as the union of forms wants it. LinkedIn hands on neither client nor click.
with responses as (
    select * from {{ ref('stg_linkedin_ads__lead_form_responses') }}
)

select
    'linkedin_ads' as source_system,
    {{ keyed_hash("'linkedin_ads|form|' || response_id") }} as form_hash,
    email_hash,
    is_role_email,
    email_domain,
    phone_hash,
    cast(null as {{ dbt.type_string() }}) as client_hash,
    cast(null as {{ dbt.type_string() }}) as click_hash,
    submitted_at
from responses
