-- Grain: account, as it is now.
with source as (
    select * from {{ source('meta_ads', 'ad_accounts') }}
)

select
    account_id,
    {{ scrub_emails('name') }} as account_name,
    {{ currency_code('currency') }} as currency,
    timezone_name as time_zone,
    'meta_ads' as source_system
from source
where _dlt_valid_to is null
