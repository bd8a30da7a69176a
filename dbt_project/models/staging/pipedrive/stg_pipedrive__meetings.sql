-- Grain: meeting x person who took part; one row without a person where none is linked. Done is held: Pipedrive knows no absence.
with activities as (
    {{ pipedrive_activities(var('pipedrive_meeting_types')) }}
)

select
    'pipedrive' as source_system,
    row_id,
    activity_id as meeting_id,
    contact_id,
    deal_id,
    {{ scrub_emails(clean_text('activity_type')) }} as meeting_type,
    case when is_done then 'held' else 'scheduled' end as outcome,
    owner_key,
    started_at,
    started_date,
    {{ dbt.dateadd('second', 'duration_seconds', 'started_at') }} as ended_at,
    modified_at,
    is_archived
from activities
