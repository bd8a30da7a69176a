-- Grain: version of a campaign, which other platforms call an ad group.
with source as (
    select * from {{ source('linkedin_ads', 'campaigns') }}
)

select
    account_id,
    campaign_group_id as campaign_id,
    campaign_id as ad_group_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('name') }} as ad_group_name,
    {{ linkedin_ads_status('status') }} as status,
    cast(null as {{ dbt.type_string() }}) as attribution_setting,
    {{ money('daily_budget') }} as daily_budget
from source
