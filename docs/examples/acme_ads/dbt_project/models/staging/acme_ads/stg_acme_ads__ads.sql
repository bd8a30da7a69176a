-- Grain: version of an ad.
with source as (
    select * from {{ source('acme_ads', 'ads') }}
)

select
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('name') }} as ad_name,
    cast(null as {{ dbt.type_string() }}) as ad_format,
    case status when 'on' then 'active' else 'paused' end as status,
    {{ scrub_emails('url') }} as final_url,
    cast(null as {{ dbt.type_string() }}) as headline,
    cast(null as date) as created_date
from source
