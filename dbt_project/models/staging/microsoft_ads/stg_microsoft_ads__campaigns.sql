-- Grain: version of a campaign. A deleted one is no longer listed: its last version has an end. Whether a campaign is shown to
-- former visitors only lies in criteria of its ad groups, which are not read: is_retargeting is unknown.
with source as (
    select * from {{ source('microsoft_ads', 'campaigns') }}
)

select
    account_id,
    campaign_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('name') }} as campaign_name,
    {{ microsoft_ads_status('status') }} as status,
    lower(campaign_type) as platform_type,
    case campaign_type
        when 'Search' then 'search'
        when 'DynamicSearchAds' then 'search'
        when 'Shopping' then 'shopping'
        when 'PerformanceMax' then 'performance_max'
        when 'Audience' then 'display'
        else 'other'
    end as campaign_type,
    cast(null as boolean) as is_retargeting,
    lower(marketing_objective) as objective,
    case when budget_type like 'DailyBudget%' then {{ money('daily_budget') }} end as daily_budget,
    cast(null as {{ dbt.type_string() }}) as currency,
    start_date,
    end_date
from source
