-- Grain: experiment x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('experiments') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    experiment_id,
    {{ scrub_emails('hypothesis') }} as hypothesis,
    activity_id,
    kpi,
    method,
    smallest_effect_pct,
    start_date,
    end_date,
    status,
    {{ scrub_emails('owner') }} as owner,
    {{ scrub_emails('result') }} as result,
    {{ scrub_emails('decision') }} as decision,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
