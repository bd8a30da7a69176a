-- Grain: deal x visit of a stage, a stage that was passed over among them (is_implied: no moment). Days add up over visits of a deal;
-- a deal that is reopened or goes back visits a stage again. The visit a deal is in ends when it moves on. Files do not tell in
-- which order stages come: nothing is implied there, and whether a move goes back is unknown.
with deals as (
    select * from {{ ref('int_deals__combined') }}
),

crm_visits as (
    select * from {{ ref('int_crm_stage_visits__unioned') }}
),

crm_stages as (
    {{ union_of('crm_systems', 'stages', [
        'source_system', 'pipeline_id', 'pipeline_name', 'stage_id', 'stage_name', 'stage_order', 'is_closed',
    ]) }}
),

file_changes as (
    {{ union_of('deal_stages', 'deal_stage_changes', ['source_system', 'deal_id', 'stage', 'changed_at', 'changed_date']) }}
),

-- Several datasets of a system may give the same change; a stage told twice in a row is one visit.
distinct_changes as (
    select distinct
        source_name,
        source_system,
        deal_id,
        stage,
        changed_at,
        changed_date
    from file_changes
    where changed_date is not null and stage is not null
),

compared as (
    select
        distinct_changes.*,
        lag(stage) over (
            partition by source_system, deal_id order by changed_date asc, changed_at asc nulls last, stage asc
        ) as previous_stage
    from distinct_changes
),

file_visits as (
    select
        source_name,
        source_system,
        deal_id,
        stage,
        row_number() over history as visit_number,
        changed_at as entered_at,
        changed_date as entered_date,
        lead(changed_at) over history as left_at,
        lead(changed_date) over history as left_date
    from compared
    where stage is distinct from previous_stage
    window history as (partition by source_system, deal_id order by changed_date asc, changed_at asc nulls last, stage asc)
),

-- Inner joins: deals are unique on system and id; stages between fan out, as the grain says.
visits as (
    select
        deals.deal_key,
        coalesce(crm_stages.pipeline_name, deals.pipeline) as pipeline,
        coalesce(crm_visits.stage_name, crm_visits.stage_id) as stage,
        crm_visits.stage_order,
        crm_visits.visit_number,
        crm_visits.is_closed_stage,
        false as is_implied,
        crm_visits.is_backward,
        coalesce(crm_visits.changed_by = 'IMPORT', false) or (deals.is_bulk_import and crm_visits.visit_number = 1)
            as is_bulk_import,
        crm_visits.entered_at,
        {{ reporting_date('crm_visits.entered_at') }} as entered_date,
        crm_visits.left_at,
        {{ reporting_date('crm_visits.left_at') }} as left_date,
        deals.source_name,
        deals.source_system
    from crm_visits
    inner join deals
        on crm_visits.source_system = deals.source_system
        and crm_visits.deal_id = deals.deal_id
        and crm_visits.source_name = deals.source_name
    left join crm_stages
        on crm_visits.source_system = crm_stages.source_system
        and crm_visits.stage_id = crm_stages.stage_id
    union all
    select
        deals.deal_key,
        crm_stages.pipeline_name as pipeline,
        crm_stages.stage_name as stage,
        crm_stages.stage_order,
        crm_visits.visit_number,
        false as is_closed_stage,
        true as is_implied,
        false as is_backward,
        coalesce(crm_visits.changed_by = 'IMPORT', false) as is_bulk_import,
        cast(null as timestamp with time zone) as entered_at,
        cast(null as date) as entered_date,
        cast(null as timestamp with time zone) as left_at,
        cast(null as date) as left_date,
        deals.source_name,
        deals.source_system
    from crm_visits
    inner join deals
        on crm_visits.source_system = deals.source_system
        and crm_visits.deal_id = deals.deal_id
        and crm_visits.source_name = deals.source_name
    inner join crm_stages
        on crm_visits.source_system = crm_stages.source_system
        and crm_visits.pipeline_id = crm_stages.pipeline_id
        and crm_visits.stage_order > crm_stages.stage_order
        and crm_visits.furthest_order < crm_stages.stage_order
        and not crm_stages.is_closed
    where crm_visits.n_stages_skipped > 0
    union all
    select
        deals.deal_key,
        deals.pipeline,
        file_visits.stage,
        cast(null as integer) as stage_order,
        file_visits.visit_number,
        coalesce(deals.status in ('won', 'lost') and file_visits.entered_date >= deals.closed_date, false) as is_closed_stage,
        false as is_implied,
        cast(null as boolean) as is_backward,
        false as is_bulk_import,
        file_visits.entered_at,
        file_visits.entered_date,
        file_visits.left_at,
        file_visits.left_date,
        deals.source_name,
        deals.source_system
    from file_visits
    inner join deals
        on file_visits.source_system = deals.source_system
        and file_visits.deal_id = deals.deal_id
        and file_visits.source_name = deals.source_name
),

numbered as (
    select
        visits.*,
        row_number() over (
            partition by deal_key order by visit_number asc, is_implied desc, stage_order asc nulls last, stage asc
        ) as sequence_number
    from visits
)

select
    {{ surrogate_key(['deal_key', 'sequence_number']) }} as deal_stage_key,
    deal_key,
    pipeline,
    stage,
    cast(stage_order as integer) as stage_order,
    cast(sequence_number as integer) as sequence_number,
    -- what an import wrote says nothing of how long it was there; of days alone whole days are known
    case
        when is_bulk_import then null
        when entered_at is not null and left_at is not null
            then cast(({{ epoch_microseconds('left_at') }} - {{ epoch_microseconds('entered_at') }}) / 86400e6 as decimal(18, 6))
        when left_date is not null then cast({{ days_between('entered_date', 'left_date') }} as decimal(18, 6))
    end as days_in_stage,
    left_date is null and not is_implied as is_current,
    is_closed_stage,
    is_implied,
    is_backward,
    is_bulk_import,
    entered_at,
    entered_date,
    left_at,
    left_date,
    source_name,
    source_system
from numbered
