-- Grain: channel, with members of their own for what is missing, unknown or not mapped. Changes only with its seed.
with channels as (
    select * from {{ ref('channels') }}
)

select
    channel_key,
    channel,
    channel_no,
    channel_type,
    description,
    cast(sort_order as integer) as sort_order,
    is_paid,
    is_known
from channels
