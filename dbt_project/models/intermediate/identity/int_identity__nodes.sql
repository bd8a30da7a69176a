-- Grain: identifier (kind x keyed hash), joined to others or not. node_number stands for it where components are computed.
-- A moment before 2000 or after tonight is a clock out of order: it dates nothing.
{{ config(materialized='table') }}

with links as (
    select * from {{ ref('int_identity__links') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

contacts as (
    select * from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

members as (
    select * from {{ ref('int_email_members__unioned') }}
),

leads as (
    select * from {{ ref('int_leads__unioned') }}
),

orders as (
    select * from {{ ref('int_orders__unioned') }}
),

seen as (
    select kind_a as node_kind, hash_a as node_hash, first_seen_at, last_seen_at from links
    union all
    select kind_b as node_kind, hash_b as node_hash, first_seen_at, last_seen_at from links
    union all
    select 'client' as node_kind, client_key as node_hash, first_seen_at, last_seen_at from clients
    union all
    select 'crm_contact' as node_kind, person_key as node_hash, created_at as first_seen_at, modified_at as last_seen_at from contacts
    union all
    select 'email_contact' as node_kind, contact_key as node_hash, signed_up_at as first_seen_at, changed_at as last_seen_at from members
    union all
    select
        'lead' as node_kind,
        lead_key as node_hash,
        coalesce(created_at, cast(created_date as timestamp with time zone)) as first_seen_at,
        coalesce(created_at, cast(created_date as timestamp with time zone)) as last_seen_at
    from leads
    union all
    select
        'order' as node_kind,
        order_key as node_hash,
        coalesce(ordered_at, cast(ordered_date as timestamp with time zone)) as first_seen_at,
        coalesce(ordered_at, cast(ordered_date as timestamp with time zone)) as last_seen_at
    from orders
),

dated as (
    select
        node_kind,
        node_hash,
        {%- for moment in ['first_seen_at', 'last_seen_at'] %}
        case
            when {{ moment }} >= timestamp with time zone '2000-01-01 00:00:00+00' and {{ moment }} < {{ as_of() }} + interval '1 day'
                then {{ moment }}
        end as {{ moment }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from seen
    where node_hash is not null
)

select
    {{ node_number('node_kind', 'node_hash') }} as node_number,
    node_kind,
    node_hash,
    {{ kind_rank('node_kind') }} as kind_rank,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from dated
group by node_kind, node_hash
