-- Grain: activity x month x channel x stage x category x version of the row. All versions stay; in force are rows without valid_to_version.
with {{ plan_rows('budget_lines') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    activity_id,
    month,
    channel,
    stage,
    category,
    amount,
    currency,
    cap,
    {{ scrub_emails('owner') }} as owner,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
