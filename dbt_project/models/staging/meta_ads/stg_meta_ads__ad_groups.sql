-- Grain: version of an ad set. A budget is null where its campaign has one.
with source as (
    select * from {{ source('meta_ads', 'ad_sets') }}
),

accounts as (
    select * from {{ ref('stg_meta_ads__ad_accounts') }}
)

-- Left join 1:1: accounts are unique on account_id.
select
    source.account_id,
    source.campaign_id,
    source.adset_id as ad_group_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.name') }} as ad_group_name,
    {{ meta_ads_status('source.status') }} as status,
    source.attribution_setting,
    {{ meta_ads_budget('source.daily_budget', 'accounts.currency') }} as daily_budget
from source
left join accounts
    on source.account_id = accounts.account_id
