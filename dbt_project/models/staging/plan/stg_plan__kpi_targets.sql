-- Grain: KPI x channel x period x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('kpi_targets') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    kpi,
    channel,
    grain,
    period_start,
    target,
    goal_id,
    {{ scrub_emails('owner') }} as owner,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
