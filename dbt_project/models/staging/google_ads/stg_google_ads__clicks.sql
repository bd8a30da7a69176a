-- Grain: click of the last 90 days and of all nights before. Its click id is a keyed hash: it meets the same hash of web
-- analytics and the CRM.
with source as (
    select
        *,
        {{ google_ads_id('ad_group_ad') }} as ad_id,
        {{ google_ads_id('keyword') }} as keyword_id
    from {{ source('google_ads', 'click_view') }}
)

select
    {{ keyed_hash('gclid') }} as click_key,
    'google_ads' as source_system,
    date_day,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    keyword_id,
    lower(network) as network,
    lower(device) as device,
    clicks
from source
