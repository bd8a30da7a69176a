-- Grain: account, as it was last seen. LinkedIn's days are UTC for every account.
with source as (
    select
        *,
        row_number() over (partition by account_id order by _dlt_valid_from desc) as version_rank
    from {{ source('linkedin_ads', 'ad_accounts') }}
)

select
    account_id,
    {{ scrub_emails('name') }} as account_name,
    {{ currency_code('currency') }} as currency,
    'UTC' as time_zone,
    'linkedin_ads' as source_system
from source
where version_rank = 1
