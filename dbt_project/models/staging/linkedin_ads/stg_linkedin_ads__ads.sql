-- Grain: version of a creative, which other platforms call an ad. Where it leads is said by the post it shows.
with source as (
    select * from {{ source('linkedin_ads', 'creatives') }}
),

posts as (
    select * from {{ source('linkedin_ads', 'posts') }}
),

campaigns as (
    select
        account_id,
        campaign_id,
        campaign_group_id,
        row_number() over (partition by account_id, campaign_id order by _dlt_valid_from desc) as version_rank
    from {{ source('linkedin_ads', 'campaigns') }}
)

-- Left joins 1:1: a post is unique in its account, and so is the last version of a campaign.
select
    source.account_id,
    campaigns.campaign_group_id as campaign_id,
    source.campaign_id as ad_group_id,
    source.creative_id as ad_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.name') }} as ad_name,
    posts.content_type as ad_format,
    {{ linkedin_ads_status('source.intended_status') }} as status,
    {{ scrub_emails('posts.landing_page') }} as final_url,
    {{ scrub_emails('posts.commentary') }} as headline,
    cast(source.created_at as date) as created_date
from source
left join posts
    on source.account_id = posts.account_id
    and source.post_id = posts.post_id
left join campaigns
    on source.account_id = campaigns.account_id
    and source.campaign_id = campaigns.campaign_id
    and campaigns.version_rank = 1
