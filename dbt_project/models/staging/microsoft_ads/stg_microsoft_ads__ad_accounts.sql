-- Grain: account, as it is now.
with source as (
    select * from {{ source('microsoft_ads', 'ad_accounts') }}
)

select
    account_id,
    {{ scrub_emails('name') }} as account_name,
    {{ currency_code('currency') }} as currency,
    {{ microsoft_ads_time_zone('time_zone') }} as time_zone,
    'microsoft_ads' as source_system
from source
where _dlt_valid_to is null
