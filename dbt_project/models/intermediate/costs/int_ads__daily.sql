-- Grain: ad result as fine as its source gives it, by the platform's own day, over all sources. Cost is media cost without
-- VAT. Conversions are what the platform reports and are never mixed with our own.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('ad_performance', 'ad_performance', [
        'source_system', 'dataset', 'row_id', 'date_day', 'platform', 'account_id', 'campaign_id', 'campaign_type',
        'impressions', 'clicks', 'cost', 'platform_conversions', 'platform_conversion_value', 'currency',
    ]) }}
)

select
    {{ surrogate_key(['source_name', 'row_id']) }} as ad_row_key,
    platform,
    {{ ad_channel('platform', 'campaign_type') }} as channel_key,
    platform in ('google_ads', 'google ads', 'google', 'adwords')
    and not {{ google_ads_network_is_known('campaign_type') }} as is_network_assumed,
    account_id,
    campaign_id,
    campaign_type,
    impressions,
    clicks,
    cost,
    platform_conversions,
    platform_conversion_value,
    currency,
    date_day,
    source_name,
    source_system,
    dataset
from unioned
