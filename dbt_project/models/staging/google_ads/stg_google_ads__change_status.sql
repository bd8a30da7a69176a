-- Grain: change of a thing, the last one of it on the night that asked. Counts; nothing to add up.
with source as (
    select * from {{ source('google_ads', 'change_status') }}
)

select
    {{ surrogate_key(['account_id', 'resource_name']) }} as row_id,
    'google_ads' as source_system,
    date_day,
    account_id,
    case resource_type
        when 'AD_GROUP_AD' then 'ad'
        when 'AD_GROUP_CRITERION' then 'keyword'
        else lower(resource_type)
    end as entity,
    lower(resource_status) as operation,
    {{ google_ads_id('campaign') }} as campaign_id,
    {{ google_ads_id('ad_group') }} as ad_group_id,
    {{ google_ads_id('ad_group_ad') }} as ad_id,
    {{ google_ads_id('ad_group_criterion') }} as keyword_id,
    {{ google_ads_id('campaign_budget') }} as budget_id
from source
