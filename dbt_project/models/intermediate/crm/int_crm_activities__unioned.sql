-- Grain: CRM x call or meeting x contact who took part, over all CRMs. A contact merged since is the one that holds it.
with calls as (
    {{ union_of('crm_systems', 'calls', [
        'source_system', 'row_id', 'call_id', 'contact_id', 'deal_id', 'direction', 'outcome', 'owner_key', 'started_at',
        'started_date', 'is_archived',
    ]) }}
),

meetings as (
    {{ union_of('crm_systems', 'meetings', [
        'source_system', 'row_id', 'meeting_id', 'contact_id', 'deal_id', 'meeting_type', 'outcome', 'owner_key', 'started_at',
        'started_date', 'is_archived',
    ]) }}
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'contact'
),

activities as (
    select
        source_name,
        source_system,
        'call' as activity_kind,
        'call|' || row_id as row_id,
        call_id as activity_id,
        contact_id,
        deal_id,
        cast(null as {{ dbt.type_string() }}) as meeting_type,
        direction,
        outcome,
        owner_key,
        started_at,
        started_date,
        is_archived
    from calls
    union all
    select
        source_name,
        source_system,
        'meeting' as activity_kind,
        'meeting|' || row_id as row_id,
        meeting_id as activity_id,
        contact_id,
        deal_id,
        meeting_type,
        cast(null as {{ dbt.type_string() }}) as direction,
        outcome,
        owner_key,
        started_at,
        started_date,
        is_archived
    from meetings
)

-- Left join 1:1: moved ids are unique on system, kind and id.
select
    activities.source_name,
    activities.source_system,
    activities.activity_kind,
    activities.row_id,
    activities.activity_id,
    coalesce(moved.surviving_id, activities.contact_id) as contact_id,
    activities.deal_id,
    activities.meeting_type,
    activities.direction,
    activities.outcome,
    activities.owner_key,
    activities.started_at,
    activities.started_date,
    activities.is_archived
from activities
left join moved
    on activities.source_system = moved.source_system
    and activities.contact_id = moved.merged_id
