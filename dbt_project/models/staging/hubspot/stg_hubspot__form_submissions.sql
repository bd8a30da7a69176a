-- Grain: form that was sent. What was filled in stays in raw.
with source as (
    select * from {{ source('hubspot', 'form_submissions') }}
),

forms as (
    select * from {{ source('hubspot', 'forms') }}
)

-- Left join 1:1: form ids are unique.
select
    'hubspot' as source_system,
    {{ keyed_hash("'hubspot|form|' || source.submission_id") }} as form_hash,
    source.submission_id,
    source.form_id,
    {{ scrub_emails(clean_text('forms.name')) }} as form_name,
    {{ email_hash('source.email') }} as email_hash,
    {{ is_role_address('source.email') }} as is_role_email,
    {{ email_domain('source.email') }} as email_domain,
    {{ phone_hash(form_answer('source.answers', ['phone', 'mobilephone'])) }} as phone_hash,
    {{ web_client_hash(client_id_in(form_answer('source.answers', var('identity_form_client_fields')))) }} as client_hash,
    {{ keyed_hash(form_answer('source.answers', var('identity_form_click_fields'))) }} as click_hash,
    {{ scrub_emails(clean_text('source.page_location')) }} as page_url,
    source.submitted_at,
    {{ reporting_date('source.submitted_at') }} as submitted_date
from source
left join forms
    on source.form_id = forms.form_id
