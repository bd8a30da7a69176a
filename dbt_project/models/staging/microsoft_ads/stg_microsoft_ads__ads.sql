-- Grain: version of an ad. Ads have no name here: the first headline stands for it.
with source as (
    select * from {{ source('microsoft_ads', 'ads') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('title') }} as ad_name,
    case type
        when 'ResponsiveSearch' then 'responsive_search'
        when 'ExpandedText' then 'expanded_text'
        when 'DynamicSearch' then 'dynamic_search'
        when 'ResponsiveAd' then 'responsive_display'
        when 'AppInstall' then 'app_install'
        else lower(type)
    end as ad_format,
    {{ microsoft_ads_status('status') }} as status,
    {{ scrub_emails('final_url') }} as final_url,
    {{ scrub_emails('title') }} as headline,
    cast(null as date) as created_date
from source
