-- Grain: account, as it is now.
with source as (
    select * from {{ source('google_ads', 'ad_accounts') }}
)

select
    account_id,
    {{ scrub_emails('account_name') }} as account_name,
    {{ currency_code('currency') }} as currency,
    time_zone,
    'google_ads' as source_system
from source
where _dlt_valid_to is null
