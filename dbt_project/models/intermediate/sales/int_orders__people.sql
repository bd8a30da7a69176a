-- Grain: order head that names a person, with the person its system says (told_person_key) and the one identity knows. An order that
-- names nobody stays nobody's, even where the device that placed it is known.
{{ config(materialized='table') }}

with orders as (
    select * from {{ ref('int_orders__unioned') }}
    where person_key is not null
),

members as (
    select * from {{ ref('int_identity__members') }}
    where node_kind = 'order'
)

-- Left join 1:1: members are unique on the node.
select
    orders.order_key,
    orders.person_key as told_person_key,
    coalesce(members.person_key, orders.person_key) as person_key
from orders
left join members
    on orders.order_key = members.node_hash
