-- Grain: note x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('market_notes') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    note_id,
    noted_date,
    {{ scrub_emails('topic') }} as topic,
    {{ scrub_emails('finding') }} as finding,
    {{ scrub_emails('source_text') }} as source_text,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
