-- Grain: CRM x kind of record x id that was merged away. surviving_id follows chains (A into B into C: C); null where they go in a
-- circle, and every record then stands for itself.
with recursive moved as (
    {{ union_of('crm_systems', 'merges', ['source_system', 'object_type', 'merged_id', 'surviving_id', 'merged_at']) }}
),

followed as (
    select
        source_system,
        object_type,
        merged_id,
        surviving_id,
        1 as n_steps
    from moved
    union all
    -- a record is merged again and again: a chain of twenty is more than people make, and ends a circle
    select
        followed.source_system,
        followed.object_type,
        followed.merged_id,
        moved.surviving_id,
        followed.n_steps + 1 as n_steps
    from followed
    inner join moved
        on followed.source_system = moved.source_system
        and followed.object_type = moved.object_type
        and followed.surviving_id = moved.merged_id
    where followed.n_steps < 20 and moved.surviving_id <> followed.merged_id
),

-- Semi-join: what survives is itself merged into nothing.
ends as (
    select followed.*
    from followed
    where
        not exists (
            select 1
            from moved
            where
                moved.source_system = followed.source_system
                and moved.object_type = followed.object_type
                and moved.merged_id = followed.surviving_id
        )
),

chosen as (
    select
        source_system,
        object_type,
        merged_id,
        surviving_id,
        row_number() over (
            partition by source_system, object_type, merged_id order by n_steps desc, surviving_id asc
        ) as choice
    from ends
),

gone as (
    select
        source_system,
        object_type,
        merged_id,
        min(merged_at) as merged_at
    from moved
    group by source_system, object_type, merged_id
)

-- Left join 1:1: chosen are unique on system, kind and id once the first choice is taken.
select
    gone.source_system,
    gone.object_type,
    gone.merged_id,
    chosen.surviving_id,
    gone.merged_at,
    chosen.surviving_id is null as is_circular
from gone
left join chosen
    on gone.source_system = chosen.source_system
    and gone.object_type = chosen.object_type
    and gone.merged_id = chosen.merged_id
    and chosen.choice = 1
