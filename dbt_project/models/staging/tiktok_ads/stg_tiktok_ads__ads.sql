-- Grain: version of an ad.
with source as (
    select * from {{ source('tiktok_ads', 'ads') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('ad_name') }} as ad_name,
    case ad_format
        when 'SINGLE_VIDEO' then 'video'
        when 'SINGLE_IMAGE' then 'image'
        when 'CAROUSEL_ADS' then 'carousel'
        else lower(ad_format)
    end as ad_format,
    {{ tiktok_ads_status('source') }} as status,
    {{ scrub_emails('landing_page_url') }} as final_url,
    {{ scrub_emails('ad_text') }} as headline,
    cast(create_time as date) as created_date
from source
