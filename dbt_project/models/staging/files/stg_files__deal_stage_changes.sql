-- Grain: entry of a deal into a stage.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('deal_stage_changes') }},

renamed as (
    select
        deal_id,
        {{ clean_text('stage') }} as stage,
        {{ keyed_hash("_system || '|owner|' || owner") }} as owner_key,
        changed_at,
        coalesce(changed_date, {{ reporting_date('changed_at') }}) as changed_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
