-- Grain: call x person who took part; one row without a person where none is linked. Pipedrive does not say who called whom.
with activities as (
    {{ pipedrive_activities(var('pipedrive_call_types')) }}
)

select
    'pipedrive' as source_system,
    row_id,
    activity_id as call_id,
    contact_id,
    deal_id,
    cast(null as {{ dbt.type_string() }}) as direction,
    case when is_done then 'completed' else 'scheduled' end as outcome,
    owner_key,
    duration_seconds,
    started_at,
    started_date,
    modified_at,
    is_archived
from activities
