-- Grain: identifier, and the person it stands for. person_key is made of the oldest identifier of the component, so that it stays when
-- others join; an identifier that is joined to none is a person of its own. The interface for whoever asks whose something is.
{{ config(materialized='table') }}

with nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

-- Left joins 1:1: components and nodes are unique on the node's number.
anchored as (
    select
        nodes.node_kind,
        nodes.node_hash,
        coalesce(anchors.node_kind, nodes.node_kind) as anchor_kind,
        coalesce(anchors.node_hash, nodes.node_hash) as anchor_hash,
        nodes.node_number,
        components.node_number is not null as is_joined,
        nodes.first_seen_at,
        nodes.last_seen_at
    from nodes
    left join components
        on nodes.node_number = components.node_number
    left join nodes as anchors
        on components.anchor_number = anchors.node_number
)

select
    node_kind,
    node_hash,
    {{ person_key_of('anchor_kind', 'anchor_hash') }} as person_key,
    {{ node_key('node_kind', 'node_hash') }} as node_key,
    node_number,
    is_joined,
    anchor_kind = node_kind and anchor_hash = node_hash as is_anchor,
    first_seen_at,
    last_seen_at
from anchored
