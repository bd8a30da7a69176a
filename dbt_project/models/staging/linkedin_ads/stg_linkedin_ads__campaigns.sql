-- Grain: version of a campaign group, which other platforms call a campaign. LinkedIn targets in campaigns (ad groups
-- elsewhere): type and retargeting come from those of now.
with source as (
    select * from {{ source('linkedin_ads', 'campaign_groups') }}
),

campaigns as (
    select
        account_id,
        campaign_group_id,
        min(lower(type)) as type,
        min(case when ',' || targeting_facets || ',' like '%,dynamicSegments,%' then 1 else 0 end) = 1 as is_retargeting,
        min(case when format = 'SINGLE_VIDEO' then 1 else 0 end) = 1 as is_video,
        min(objective_type) as objective_type
    from {{ source('linkedin_ads', 'campaigns') }}
    where _dlt_valid_to is null
    group by account_id, campaign_group_id
)

-- Left join 1:1: campaigns are grouped by group. The objective may be set in the group or in its campaigns.
select
    source.account_id,
    source.campaign_group_id as campaign_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.name') }} as campaign_name,
    {{ linkedin_ads_status('source.status') }} as status,
    campaigns.type as platform_type,
    case
        when coalesce(source.objective_type, campaigns.objective_type) = 'LEAD_GENERATION' then 'lead_gen'
        when campaigns.is_retargeting then 'retargeting'
        when campaigns.is_video or coalesce(source.objective_type, campaigns.objective_type) like 'VIDEO_VIEW%' then 'video'
        else 'prospecting'
    end as campaign_type,
    campaigns.is_retargeting,
    lower(coalesce(source.objective_type, campaigns.objective_type)) as objective,
    {{ money('source.daily_budget') }} as daily_budget,
    {{ currency_code('source.daily_budget_currency') }} as currency,
    cast(source.run_start_at as date) as start_date,
    cast(source.run_end_at as date) as end_date
from source
left join campaigns
    on source.account_id = campaigns.account_id
    and source.campaign_group_id = campaigns.campaign_group_id
