-- Grain: ad group x keyword x search term x match x the account's own day. A part of the keywords' figures: rare searches are
-- not told. Restated for 30 days, on Sundays for 90.
with source as (
    select * from {{ source('microsoft_ads', 'search_term_daily') }}
),

accounts as (
    select * from {{ ref('stg_microsoft_ads__ad_accounts') }}
)

-- Left join 1:1: accounts are unique on account_id.
select
    {{ surrogate_key([
        'source.account_id', 'source.ad_group_id', 'source.keyword_id', 'source.search_query',
        'source.delivered_match_type', 'source.date_day',
    ]) }} as row_id,
    'microsoft_ads' as source_system,
    source.date_day,
    source.account_id,
    source.campaign_id,
    source.ad_group_id,
    source.keyword_id,
    {{ scrub_emails('source.keyword') }} as keyword_text,
    lower(source.delivered_match_type) as match_type,
    {{ scrub_emails('source.search_query') }} as search_term,
    source.impressions,
    source.clicks,
    {{ money('source.spend') }} as cost,
    cast(source.conversions as decimal(18, 6)) as conversions,
    {{ money('source.revenue') }} as conversion_value,
    accounts.currency
from source
left join accounts
    on source.account_id = accounts.account_id
