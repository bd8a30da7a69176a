-- Grain: account, as it is now.
with source as (
    select * from {{ source('tiktok_ads', 'ad_accounts') }}
)

select
    account_id,
    {{ scrub_emails('name') }} as account_name,
    {{ currency_code('currency') }} as currency,
    coalesce(display_timezone, timezone) as time_zone,
    'tiktok_ads' as source_system
from source
where _dlt_valid_to is null
