-- Grain: competitor x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('competitors') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    competitor,
    {{ scrub_emails('website') }} as website,
    {{ scrub_emails('positioning') }} as positioning,
    {{ scrub_emails('strengths') }} as strengths,
    {{ scrub_emails('weaknesses') }} as weaknesses,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
