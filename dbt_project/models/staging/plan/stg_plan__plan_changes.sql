-- Grain: version x sheet x row x field. Written once, never changed.
select
    {{ surrogate_key(['version', 'sheet', 'row_id', 'field']) }} as change_id,
    version,
    seen_as_of as seen_date,
    seen_at,
    sheet,
    {{ scrub_emails('row_id') }} as row_id,
    change_type,
    field,
    {{ scrub_emails('old_value') }} as old_value,
    {{ scrub_emails('new_value') }} as new_value,
    {{ scrub_emails('reason') }} as reason
from {{ source('plan', 'plan_changes') }}
