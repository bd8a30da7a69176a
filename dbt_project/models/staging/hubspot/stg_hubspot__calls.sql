-- Grain: call x contact who took part; one row without a contact where none is linked. What was noted never leaves raw.
with source as (
    select * from {{ source('hubspot', 'calls') }}
),

contacts as (
    select distinct
        object_id as call_id,
        to_id as contact_id
    from {{ source('hubspot', 'associations') }}
    where object_type = 'calls' and to_type = 'contacts'
),

deals as (
    select
        object_id as call_id,
        min(to_id) as deal_id
    from {{ source('hubspot', 'associations') }}
    where object_type = 'calls' and to_type = 'deals'
    group by object_id
)

-- contacts fan out, as the grain says; deals are unique on call_id.
select
    'hubspot' as source_system,
    {{ surrogate_key(['source.call_id', 'contacts.contact_id']) }} as row_id,
    source.call_id,
    contacts.contact_id,
    deals.deal_id,
    case source.direction when 'INBOUND' then 'inbound' when 'OUTBOUND' then 'outbound' end as direction,
    lower(source.status) as outcome,
    {{ keyed_hash("'hubspot|owner|' || source.owner_id") }} as owner_key,
    cast(round(source.duration_ms / 1000.0) as integer) as duration_seconds,
    source.started_at,
    {{ reporting_date('source.started_at') }} as started_date,
    source.modified_at,
    source.is_archived
from source
left join contacts
    on source.call_id = contacts.call_id
left join deals
    on source.call_id = deals.call_id
