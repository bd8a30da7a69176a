-- Grain: currency. What ads and unallocated must add up to: the cost of the account's own report.
with source as (
    select * from {{ source('google_ads', 'account_daily') }}
)

select
    'ad_performance' as entity,
    'google_ads' as source_system,
    'amount' as measure,
    {{ currency_code('currency') }} as currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    {{ money_sum(micros_to_decimal('cost_micros')) }} as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from source
group by {{ currency_code('currency') }}
