-- Grain: meeting x contact who took part; one row without a contact where none is linked. What was noted never leaves raw.
with activities as (
    {{ hubspot_activities('meetings', 'meeting_id') }}
)

select
    'hubspot' as source_system,
    row_id,
    meeting_id,
    contact_id,
    deal_id,
    {{ scrub_emails(clean_text('activity_type')) }} as meeting_type,
    case outcome
        when 'COMPLETED' then 'held'
        when 'NO_SHOW' then 'no_show'
        when 'CANCELED' then 'cancelled'
        when 'RESCHEDULED' then 'rescheduled'
        when 'SCHEDULED' then 'scheduled'
    end as outcome,
    owner_key,
    started_at,
    started_date,
    ended_at,
    modified_at,
    is_archived
from activities
