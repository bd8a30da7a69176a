-- Grain: account, as it is now.
with source as (
    select * from {{ source('acme_ads', 'ad_accounts') }}
)

select
    account_id,
    name as account_name,
    {{ currency_code('currency') }} as currency,
    time_zone,
    'acme_ads' as source_system
from source
where _dlt_valid_to is null
