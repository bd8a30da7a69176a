-- Grain: day x purpose. Counts add up over days, not over purposes.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('consent_counts') }},

renamed as (
    select
        date as date_day,
        lower({{ clean_text('purpose') }}) as purpose,
        shown,
        accepted,
        denied,
        {{ files_lineage() }}
    from kept
)

select * from renamed
