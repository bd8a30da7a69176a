-- Grain: currency. What ads and unallocated must add up to: the cost of the account's own report.
with source as (
    select * from {{ ref('stg_microsoft_ads__ad_performance') }}
)

select
    'ad_performance' as entity,
    source_system,
    'amount' as measure,
    currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    {{ money_sum('cost') }} as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from source
where level = 'account'
group by source_system, currency
