-- Grain: learning x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('learnings') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    learning_id,
    learnt_date,
    activity_id,
    experiment_id,
    {{ scrub_emails('learning') }} as learning,
    {{ scrub_emails('evidence') }} as evidence,
    {{ scrub_emails('consequence') }} as consequence,
    {{ scrub_emails('owner') }} as owner,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
