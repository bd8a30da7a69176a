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
    source.submission_id,
    source.form_id,
    {{ scrub_emails(clean_text('forms.name')) }} as form_name,
    {{ email_hash('source.email') }} as email_hash,
    {{ scrub_emails(clean_text('source.page_location')) }} as page_url,
    source.submitted_at,
    {{ reporting_date('source.submitted_at') }} as submitted_date
from source
left join forms
    on source.form_id = forms.form_id
