-- Grain: list. As they are tonight. How many are on it is not told; stg_klaviyo__members counts.
with source as (
    select * from {{ source('klaviyo', 'lists') }}
)

select
    'klaviyo' as source_system,
    account_id,
    list_id,
    {{ clean_text('name') }} as list_name,
    opt_in_process = 'double_opt_in' as is_double_opt_in,
    cast(null as bigint) as n_subscribed,
    created as created_at
from source
