-- Grain: mandate x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('mandates') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    mandate_id,
    subject,
    {{ scrub_emails('subject_id') }} as subject_id,
    {{ scrub_emails('decision') }} as decision,
    {{ scrub_emails('owner') }} as owner,
    limit_amount,
    currency,
    {{ scrub_emails('escalates_to') }} as escalates_to,
    holds_from_date,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
