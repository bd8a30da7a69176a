-- Grain: version of an ad group. Budgets lie with campaigns, windows of conversions with goals.
with source as (
    select * from {{ source('microsoft_ads', 'ad_groups') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('name') }} as ad_group_name,
    {{ microsoft_ads_status('status') }} as status,
    cast(null as {{ dbt.type_string() }}) as attribution_setting,
    cast(null as decimal(18, 6)) as daily_budget
from source
