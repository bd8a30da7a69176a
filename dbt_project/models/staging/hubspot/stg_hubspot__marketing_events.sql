-- Grain: marketing event x contact x state they came to (registered, attended, no_show, cancelled).
with events as (
    select * from {{ source('hubspot', 'marketing_events') }}
),

participations as (
    select * from {{ source('hubspot', 'event_participations') }}
)

-- Inner join 1:1: event ids are unique; who took part in an event that is gone is nobody's touchpoint.
select
    'hubspot' as source_system,
    participations.event_id || '|' || participations.contact_id || '|' || participations.state as row_id,
    participations.event_id,
    participations.contact_id,
    {{ scrub_emails(clean_text('events.name')) }} as event_name,
    lower(events.event_type) as event_type,
    lower(participations.state) as state,
    participations.occurred_at,
    {{ reporting_date('participations.occurred_at') }} as occurred_date,
    events.starts_at,
    events.ends_at,
    coalesce(events.is_cancelled, false) as is_cancelled
from participations
inner join events
    on participations.event_id = events.event_id
