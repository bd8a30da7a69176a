-- Grain: CRM x deal x visit of a stage, over all CRMs. is_backward: it came from a later stage of the same pipeline, which a deal that
-- is reopened did not: one CRM has the end among its stages, the other has not.
-- furthest_order: the latest of the pipeline's stages it was in before; null where there was none.
-- n_stages_skipped: stages between the one before and this one; null where it is the first, an end, or another pipeline's.
with unioned as (
    {{ union_of('crm_systems', 'deal_stage_visits', [
        'source_system', 'row_id', 'deal_id', 'visit_number', 'pipeline_id', 'stage_id', 'stage_name', 'stage_order', 'entered_at',
        'left_at', 'changed_by', 'is_closed_stage',
    ]) }}
),

compared as (
    select
        unioned.*,
        lag(stage_order) over (partition by source_system, deal_id order by visit_number) as previous_order,
        lag(pipeline_id) over (partition by source_system, deal_id order by visit_number) as previous_pipeline_id,
        lag(is_closed_stage) over (partition by source_system, deal_id order by visit_number) as was_closed,
        max(case when not is_closed_stage then stage_order end) over (
            partition by source_system, deal_id, pipeline_id
            order by visit_number
            rows between unbounded preceding and 1 preceding
        ) as furthest_order
    from unioned
)

select
    source_name,
    source_system,
    row_id,
    deal_id,
    visit_number,
    pipeline_id,
    stage_id,
    stage_name,
    stage_order,
    entered_at,
    left_at,
    changed_by,
    furthest_order,
    case
        when not is_closed_stage and not was_closed and pipeline_id = previous_pipeline_id
            then greatest(stage_order - previous_order - 1, 0)
    end as n_stages_skipped,
    is_closed_stage,
    coalesce(
        not is_closed_stage and not was_closed and pipeline_id = previous_pipeline_id and stage_order < previous_order, false
    ) as is_backward
from compared
