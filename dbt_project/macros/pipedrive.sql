{# What is peculiar to Pipedrive. #}

{# Activities of some types x person who took part, one row without a person where none is linked. #}
{% macro pipedrive_activities(types) -%}
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
    where activity_type in ('{{ types | join("', '") }}')
),

participants as (
    select distinct
        activity_id,
        {{ each_listed('coalesce(participant_ids, person_id)') }} as contact_id
    from source
    where coalesce(participant_ids, person_id) is not null
)

-- participants fan out, as the grain says.
select
    {{ surrogate_key(['source.activity_id', 'participants.contact_id']) }} as row_id,
    source.activity_id,
    source.activity_type,
    participants.contact_id,
    source.deal_id,
    source.is_done,
    {{ keyed_hash("'pipedrive|owner|' || source.owner_id") }} as owner_key,
    source.duration_seconds,
    source.started_at,
    -- a whole day has no time
    case when source.due_time is null then source.due_date else {{ reporting_date('source.started_at') }} end as started_date,
    source.modified_at,
    source.is_deleted as is_archived
from source
left join participants
    on source.activity_id = participants.activity_id
{%- endmacro %}
