-- Grain: version of an ad group.
with source as (
    select * from {{ source('google_ads', 'ad_groups') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('ad_group_name') }} as ad_group_name,
    {{ google_ads_status('status') }} as status,
    cast(null as {{ dbt.type_string() }}) as attribution_setting,
    cast(null as decimal(18, 6)) as daily_budget
from source
