-- Grain: ad campaign (dim_campaign) that belongs to an activity in force: by the utm_campaign most of its ads carry, else by its
-- own name, since links without tags of their own are often named after it by the platform.
with campaigns as (
    select * from {{ ref('dim_campaign') }}
),

utm_campaigns as (
    select * from {{ ref('int_plan__utm_campaigns') }}
)

-- Left joins 1:1: utm_campaigns are unique on utm_campaign.
select
    campaigns.campaign_key,
    coalesce(tagged.activity_id, named.activity_id) as activity_id
from campaigns
left join utm_campaigns as tagged
    on lower(campaigns.utm_campaign) = tagged.utm_campaign
left join utm_campaigns as named
    on lower(campaigns.campaign_name) = named.utm_campaign
where coalesce(tagged.activity_id, named.activity_id) is not null
