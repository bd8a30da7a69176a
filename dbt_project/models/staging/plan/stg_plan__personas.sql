-- Grain: persona x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('personas') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    persona_id,
    {{ scrub_emails('persona') }} as persona,
    is_ideal_customer,
    {{ scrub_emails('segment') }} as segment,
    {{ scrub_emails('needs') }} as needs,
    {{ scrub_emails('objections') }} as objections,
    channels,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
