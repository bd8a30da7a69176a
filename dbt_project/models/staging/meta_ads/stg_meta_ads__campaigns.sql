-- Grain: version of a campaign. A budget is null where its ad sets have their own.
with source as (
    select * from {{ source('meta_ads', 'campaigns') }}
),

accounts as (
    select * from {{ ref('stg_meta_ads__ad_accounts') }}
)

-- Left join 1:1: accounts are unique on account_id.
select
    source.account_id,
    source.campaign_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.name') }} as campaign_name,
    {{ meta_ads_status('source.status') }} as status,
    lower(source.objective) as platform_type,
    case
        when source.objective in ('OUTCOME_LEADS', 'LEAD_GENERATION') then 'lead_gen'
        when source.is_retargeting then 'retargeting'
        when source.objective = 'VIDEO_VIEWS' then 'video'
        else 'prospecting'
    end as campaign_type,
    source.is_retargeting,
    lower(source.objective) as objective,
    {{ meta_ads_budget('source.daily_budget', 'accounts.currency') }} as daily_budget,
    accounts.currency,
    source.start_date,
    source.stop_date as end_date
from source
left join accounts
    on source.account_id = accounts.account_id
