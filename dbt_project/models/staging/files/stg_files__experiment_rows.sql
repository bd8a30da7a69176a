-- Grain: unit x experiment.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('experiment_rows') }},

renamed as (
    select
        experiment,
        {{ keyed_hash("_system || '|' || unit_id") }} as unit_key,
        variant,
        converted,
        value,
        {{ clean_text('segment') }} as segment,
        exposed_at,
        coalesce(exposed_date, {{ reporting_date('exposed_at') }}) as exposed_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
