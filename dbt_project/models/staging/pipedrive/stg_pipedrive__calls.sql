-- Grain: call x person who took part; one row without a person where none is linked. Pipedrive does not say who called whom.
with source as (
    select
        *,
        cast(cast(due_date as {{ dbt.type_string() }}) || ' ' || coalesce(due_time, '00:00:00') || '+00' as timestamptz) as started_at,
        cast(
            cast({{ dbt.split_part('duration', "':'", 1) }} as integer) * 3600
            + cast({{ dbt.split_part('duration', "':'", 2) }} as integer) * 60
            + coalesce(cast(nullif({{ dbt.split_part('duration', "':'", 3) }}, '') as integer), 0) as integer
        ) as duration_seconds
    from {{ source('pipedrive', 'activities') }}
    where activity_type in ('{{ var("pipedrive_call_types") | join("', '") }}')
),

participants as (
    select distinct
        activity_id,
        {{ each_listed('coalesce(participant_ids, person_id)') }} as contact_id
    from source
    where coalesce(participant_ids, person_id) is not null
),

dated as (
    select
        *,
        -- a whole day has no time
        case when due_time is null then due_date else {{ reporting_date('started_at') }} end as started_date
    from source
)

-- participants fan out, as the grain says.
select
    'pipedrive' as source_system,
    {{ surrogate_key(['source.activity_id', 'participants.contact_id']) }} as row_id,
    source.activity_id as call_id,
    participants.contact_id,
    source.deal_id,
    cast(null as {{ dbt.type_string() }}) as direction,
    case when source.is_done then 'completed' else 'scheduled' end as outcome,
    {{ keyed_hash("'pipedrive|owner|' || source.owner_id") }} as owner_key,
    source.duration_seconds,
    source.started_at,
    source.started_date,
    source.modified_at,
    source.is_deleted as is_archived
from dated as source
left join participants
    on source.activity_id = participants.activity_id
