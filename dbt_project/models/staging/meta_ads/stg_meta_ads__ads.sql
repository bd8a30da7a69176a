-- Grain: version of an ad. Format and link are those of its creative tonight.
with source as (
    select * from {{ source('meta_ads', 'ads') }}
),

creatives as (
    select
        *,
        case when link_url like '%?%' then '&' else '?' end as joint
    from {{ source('meta_ads', 'creatives') }}
)

-- Left join 1:1: creatives are unique on account and creative. One that is gone leaves format and link unknown.
select
    source.account_id,
    source.campaign_id,
    source.adset_id as ad_group_id,
    source.ad_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.name') }} as ad_name,
    case
        when creatives.n_cards > 0 then 'carousel'
        when creatives.object_type = 'VIDEO' then 'video'
        when creatives.object_type in ('SHARE', 'PHOTO') then 'image'
        else lower(creatives.object_type)
    end as ad_format,
    {{ meta_ads_status('source.status') }} as status,
    {{ scrub_emails("creatives.link_url || coalesce(creatives.joint || creatives.url_tags, '')") }} as final_url,
    {{ scrub_emails('creatives.title') }} as headline,
    source.created_date
from source
left join creatives
    on source.account_id = creatives.account_id
    and source.creative_id = creatives.creative_id
