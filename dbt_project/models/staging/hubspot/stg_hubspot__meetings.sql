-- Grain: meeting x contact who took part; one row without a contact where none is linked. What was noted never leaves raw.
with source as (
    select * from {{ source('hubspot', 'meetings') }}
),

contacts as (
    select distinct
        object_id as meeting_id,
        to_id as contact_id
    from {{ source('hubspot', 'associations') }}
    where object_type = 'meetings' and to_type = 'contacts'
),

deals as (
    select
        object_id as meeting_id,
        min(to_id) as deal_id
    from {{ source('hubspot', 'associations') }}
    where object_type = 'meetings' and to_type = 'deals'
    group by object_id
)

-- contacts fan out, as the grain says; deals are unique on meeting_id.
select
    'hubspot' as source_system,
    {{ surrogate_key(['source.meeting_id', 'contacts.contact_id']) }} as row_id,
    source.meeting_id,
    contacts.contact_id,
    deals.deal_id,
    {{ scrub_emails(clean_text('source.activity_type')) }} as meeting_type,
    case source.outcome
        when 'COMPLETED' then 'held'
        when 'NO_SHOW' then 'no_show'
        when 'CANCELED' then 'cancelled'
        when 'RESCHEDULED' then 'rescheduled'
        when 'SCHEDULED' then 'scheduled'
    end as outcome,
    {{ keyed_hash("'hubspot|owner|' || source.owner_id") }} as owner_key,
    source.started_at,
    {{ reporting_date('source.started_at') }} as started_date,
    source.ended_at,
    source.modified_at,
    source.is_archived
from source
left join contacts
    on source.meeting_id = contacts.meeting_id
left join deals
    on source.meeting_id = deals.meeting_id
