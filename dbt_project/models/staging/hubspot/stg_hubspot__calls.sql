-- Grain: call x contact who took part; one row without a contact where none is linked. What was noted never leaves raw.
with activities as (
    {{ hubspot_activities('calls', 'call_id') }}
)

select
    'hubspot' as source_system,
    row_id,
    call_id,
    contact_id,
    deal_id,
    case direction when 'INBOUND' then 'inbound' when 'OUTBOUND' then 'outbound' end as direction,
    lower(status) as outcome,
    owner_key,
    cast(round(duration_ms / 1000.0) as integer) as duration_seconds,
    started_at,
    started_date,
    modified_at,
    is_archived
from activities
