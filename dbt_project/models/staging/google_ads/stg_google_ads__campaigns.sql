-- Grain: version of a campaign. Shown to former visitors when it holds a list of people of now. Google tells no objective.
with source as (
    select * from {{ source('google_ads', 'campaigns') }}
),

with_user_list as (
    select distinct
        account_id,
        campaign_id
    from {{ source('google_ads', 'campaign_user_lists') }}
)

-- Left join 1:1: with_user_list is distinct on account and campaign.
select
    source.account_id,
    source.campaign_id,
    source._dlt_valid_from as valid_from,
    source._dlt_valid_to as valid_to,
    {{ scrub_emails('source.campaign_name') }} as campaign_name,
    {{ google_ads_status('source.status') }} as status,
    lower(source.advertising_channel_type) as platform_type,
    case
        when source.advertising_channel_type in ('SEARCH', 'SHOPPING', 'PERFORMANCE_MAX', 'DISPLAY', 'VIDEO', 'DEMAND_GEN')
            then lower(source.advertising_channel_type)
        else 'other'
    end as campaign_type,
    with_user_list.campaign_id is not null as is_retargeting,
    cast(null as {{ dbt.type_string() }}) as objective,
    case when source.budget_period = 'DAILY' then {{ micros_to_decimal('source.budget_amount_micros') }} end as daily_budget,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(left(source.start_date_time, 10) as date) as start_date,
    cast(left(source.end_date_time, 10) as date) as end_date
from source
left join with_user_list
    on source.account_id = with_user_list.account_id
    and source.campaign_id = with_user_list.campaign_id
