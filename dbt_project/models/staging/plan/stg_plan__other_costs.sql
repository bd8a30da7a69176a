-- Grain: a marketing cost beside media, as the plan in force has it. Amount in its own currency.
with source as (
    select * from {{ source('plan', 'other_costs') }}
    where valid_to_version is null
)

select
    cost_id as row_id,
    'plan' as source_system,
    'plan' as dataset,
    date_day,
    category,
    channel as origin,
    {{ scrub_emails('supplier') }} as supplier,
    activity_id as activity,
    stage,
    amount,
    {{ currency_code('currency') }} as currency,
    vat_basis,
    vat_rate_pct
from source
