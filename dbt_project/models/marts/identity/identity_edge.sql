-- Grain: two identifiers x reason x system that says so. Joins that are used (guard is null) and those that a guard takes out, kept to be
-- explained. Keys alone. Edges do not add up to people.
with edges as (
    select * from {{ ref('int_identity__edges') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
)

-- Joins 1:1: members are unique on the node, and every end of an edge is one.
select
    {{ surrogate_key(['edges.kind_a', 'edges.hash_a', 'edges.kind_b', 'edges.hash_b', 'edges.reason', 'edges.source_system']) }}
        as edge_key,
    one.person_key,
    other.person_key as other_person_key,
    one.node_key as node_key_a,
    other.node_key as node_key_b,
    edges.kind_a as node_kind_a,
    edges.kind_b as node_kind_b,
    edges.reason,
    edges.guard,
    edges.n_seen,
    edges.guard is null as is_used,
    edges.first_seen_at,
    edges.last_seen_at,
    edges.source_system
from edges
inner join members as one
    on edges.kind_a = one.node_kind and edges.hash_a = one.node_hash
inner join members as other
    on edges.kind_b = other.node_kind and edges.hash_b = other.node_hash
