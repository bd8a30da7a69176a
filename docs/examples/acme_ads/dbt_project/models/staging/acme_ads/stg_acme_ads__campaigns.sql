-- Grain: version of a campaign.
with source as (
    select * from {{ source('acme_ads', 'campaigns') }}
)

select
    account_id,
    campaign_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('name') }} as campaign_name,
    case status when 'on' then 'active' else 'paused' end as status,
    lower(goal) as platform_type,
    case lower(goal) when 'find' then 'prospecting' when 'remind' then 'retargeting' else 'other' end as campaign_type,
    lower(goal) = 'remind' as is_retargeting,
    cast(null as {{ dbt.type_string() }}) as objective,
    cast(null as decimal(18, 6)) as daily_budget,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as date) as start_date,
    cast(null as date) as end_date
from source
