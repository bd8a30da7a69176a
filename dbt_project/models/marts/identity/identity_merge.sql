-- Grain: person key that is no more. Merges go step by step: kept_person_key may have been merged since; current_person_key is where all
-- of it is tonight. Computed from the edges that are used tonight: one that is undone takes its merge away.
with components as (
    select * from {{ ref('int_identity__components') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
),

edges as (
    select * from {{ ref('identity_edge') }}
    where is_used
),

-- Joins 1:1: members are unique on the node's number.
named as (
    select
        {{ person_key_of('gone.node_kind', 'gone.node_hash') }} as merged_person_key,
        {{ person_key_of('kept.node_kind', 'kept.node_hash') }} as kept_person_key,
        gone.person_key as current_person_key,
        own_end.node_key as via_node_key,
        far_end.node_key as other_via_node_key,
        components.merged_day
    from components
    inner join members as gone
        on components.node_number = gone.node_number
    inner join members as kept
        on components.merged_into_number = kept.node_number
    inner join members as own_end
        on components.via_own_number = own_end.node_number
    inner join members as far_end
        on components.via_number = far_end.node_number
    where components.merged_into_number is not null
),

-- Both ways: an edge has no direction. Several reasons may say the same: the first.
reasons as (
    select
        node_key_a,
        node_key_b,
        edge_key,
        reason,
        source_system,
        first_seen_at
    from edges
    union all
    select
        node_key_b as node_key_a,
        node_key_a as node_key_b,
        edge_key,
        reason,
        source_system,
        first_seen_at
    from edges
),

ranked as (
    select
        named.*,
        reasons.edge_key,
        reasons.reason,
        reasons.source_system,
        row_number() over (
            partition by named.merged_person_key
            order by reasons.first_seen_at asc nulls last, reasons.edge_key asc
        ) as choice
    from named
    inner join reasons
        on named.via_node_key = reasons.node_key_a
        and named.other_via_node_key = reasons.node_key_b
)

select
    merged_person_key,
    kept_person_key,
    current_person_key,
    edge_key,
    reason,
    cast('1970-01-01' as date) + merged_day as merged_date,
    source_system
from ranked
where choice = 1
