-- Grain: activity x version of its row. Every version stays; in force are rows without valid_to_version.
with {{ plan_rows('activities') }}

select
    {{ surrogate_key(['row_id', 'valid_from_version']) }} as row_version_id,
    row_id,
    activity_id,
    {{ scrub_emails('activity') }} as activity,
    {{ scrub_emails('owner') }} as owner,
    start_date,
    end_date,
    status,
    channel,
    stage,
    goal_id,
    {{ scrub_emails('audience') }} as audience,
    persona_id,
    {{ scrub_emails('utm_campaigns') }} as utm_campaigns,
    expected_kpi,
    expected_value,
    {{ scrub_emails('expected_outcome') }} as expected_outcome,
    {{ scrub_emails('outcome') }} as outcome,
    impact,
    confidence,
    effort,
    investment_class,
    {{ scrub_emails('note') }} as note,
    {{ scrub_emails('change_reason') }} as change_reason,
    valid_from_version,
    valid_to_version,
    valid_from_date,
    valid_to_date
from dated
