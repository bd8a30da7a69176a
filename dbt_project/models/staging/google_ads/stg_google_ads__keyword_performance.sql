-- Grain: keyword x network x device x the account's own day. Additive. Keywords as they are now; search campaigns only.
with source as (
    select * from {{ source('google_ads', 'keyword_daily') }}
),

keywords as (
    select * from {{ source('google_ads', 'keywords') }}
)

-- Left join 1:1: keywords are unique on account, ad group and keyword.
select
    {{ surrogate_key([
        'source.account_id', 'source.ad_group_id', 'source.keyword_id', 'source.network', 'source.device',
        'source.date_day',
    ]) }} as row_id,
    'google_ads' as source_system,
    source.date_day,
    source.account_id,
    source.campaign_id,
    source.ad_group_id,
    source.keyword_id,
    keywords.keyword_text,
    lower(keywords.match_type) as match_type,
    lower(source.network) as network,
    lower(source.device) as device,
    source.impressions,
    source.clicks,
    {{ micros_to_decimal('source.cost_micros') }} as cost,
    source.conversions as platform_conversions,
    {{ money('source.conversions_value') }} as platform_conversion_value,
    {{ currency_code('source.currency') }} as currency
from source
left join keywords
    on source.account_id = keywords.account_id
    and source.ad_group_id = keywords.ad_group_id
    and source.keyword_id = keywords.keyword_id
