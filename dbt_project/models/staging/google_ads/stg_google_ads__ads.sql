-- Grain: version of an ad.
with source as (
    select * from {{ source('google_ads', 'ads') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('ad_name') }} as ad_name,
    case
        when type = 'RESPONSIVE_SEARCH_AD' then 'responsive_search'
        when type like 'SHOPPING%' then 'product'
        when type like '%VIDEO%' then 'video'
        when type like '%CAROUSEL%' then 'carousel'
        when type in ('RESPONSIVE_DISPLAY_AD', 'DEMAND_GEN_MULTI_ASSET_AD', 'IMAGE_AD') then 'image'
        else lower(type)
    end as ad_format,
    {{ google_ads_status('status') }} as status,
    {{ scrub_emails('final_url') }} as final_url,
    cast(null as {{ dbt.type_string() }}) as headline,
    cast(null as date) as created_date
from source
