-- Grain: path of channels as a file gives it.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('attribution_paths') }},

renamed as (
    select
        path,
        conversions,
        non_conversions,
        value,
        {{ files_lineage() }}
    from kept
)

select * from renamed
