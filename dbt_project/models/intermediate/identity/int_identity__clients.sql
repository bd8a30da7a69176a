-- Grain: client, with when it was seen and where. Whole every night: a client is a row a day it came.
{{ config(materialized='table') }}

with days as (
    select * from {{ ref('int_identity__client_days') }}
)

select
    client_key,
    min(geo_country) as country,
    count(*) as n_days,
    min(first_event_at) as first_seen_at,
    max(last_event_at) as last_seen_at
from days
group by client_key
