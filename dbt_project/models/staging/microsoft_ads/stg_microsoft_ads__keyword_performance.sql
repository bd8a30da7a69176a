-- Grain: keyword x the account's own day. Additive. Search campaigns only, keywords that are gone too.
with source as (
    select * from {{ source('microsoft_ads', 'keyword_daily') }}
),

accounts as (
    select * from {{ ref('stg_microsoft_ads__ad_accounts') }}
)

-- Left join 1:1: accounts are unique on account_id.
select
    {{ surrogate_key(['source.account_id', 'source.ad_group_id', 'source.keyword_id', 'source.date_day']) }} as row_id,
    'microsoft_ads' as source_system,
    source.date_day,
    source.account_id,
    source.campaign_id,
    source.ad_group_id,
    source.keyword_id,
    {{ scrub_emails('source.keyword') }} as keyword_text,
    lower(source.bid_match_type) as match_type,
    cast(null as {{ dbt.type_string() }}) as network,
    cast(null as {{ dbt.type_string() }}) as device,
    source.impressions,
    source.clicks,
    {{ money('source.spend') }} as cost,
    source.conversions as platform_conversions,
    {{ money('source.revenue') }} as platform_conversion_value,
    accounts.currency
from source
left join accounts
    on source.account_id = accounts.account_id
