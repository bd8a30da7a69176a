-- Grain: piece of content x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('content_items') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    content_id,
    {{ scrub_emails('title') }} as title,
    {{ scrub_emails('format') }} as format,
    activity_id,
    channel,
    stage,
    persona_id,
    query,
    publish_date,
    status,
    {{ scrub_emails('owner') }} as owner,
    {{ scrub_emails('url') }} as url,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
