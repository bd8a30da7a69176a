-- Grain: version of a campaign. TikTok plans and targets in ad groups: dates and retargeting come from those of now.
with source as (
    select * from {{ source('tiktok_ads', 'campaigns') }}
),

ad_groups as (
    select
        campaign_id,
        max(case when audience_ids <> '[]' then 1 else 0 end) = 1 as is_retargeting,
        min(schedule_start_time) as starts_at,
        max(schedule_end_time) as ends_at
    from {{ source('tiktok_ads', 'ad_groups') }}
    where _dlt_valid_to is null
    group by campaign_id
)

-- Left join 1:1: ad_groups are grouped by campaign. An ad group without a planned end is given one in ten years.
select
    source.account_id,
    source.campaign_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.campaign_name') }} as campaign_name,
    {{ tiktok_ads_status('source') }} as status,
    lower(source.objective_type) as platform_type,
    case
        when source.objective_type = 'LEAD_GENERATION' then 'lead_gen'
        when ad_groups.is_retargeting then 'retargeting'
        when source.objective_type = 'VIDEO_VIEWS' then 'video'
        else 'prospecting'
    end as campaign_type,
    ad_groups.is_retargeting,
    lower(source.objective_type) as objective,
    {{ tiktok_ads_daily_budget('source') }} as daily_budget,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(ad_groups.starts_at as date) as start_date,
    case
        when ad_groups.ends_at < {{ dbt.dateadd('year', 9, 'ad_groups.starts_at') }} then cast(ad_groups.ends_at as date)
    end as end_date
from source
left join ad_groups
    on source.campaign_id = ad_groups.campaign_id
