-- Grain: campaign x day of the click. Acme has one kind of conversion and tells no value.
with source as (
    select * from {{ source('acme_ads', 'campaign_daily') }}
)

select
    {{ surrogate_key(['account_id', 'campaign_id', 'date_day']) }} as row_id,
    'acme_ads' as source_system,
    date_day,
    'click' as date_basis,
    'campaign' as level,
    account_id,
    campaign_id,
    cast(null as {{ dbt.type_string() }}) as ad_group_id,
    cast(null as {{ dbt.type_string() }}) as ad_id,
    'conversion' as conversion_action_id,
    'conversion' as conversion_action_name,
    'other' as conversion_category,
    cast(null as boolean) as is_primary,
    '28d_click' as attribution_setting,
    'click' as attribution_kind,
    true as is_headline,
    conversions,
    cast(null as decimal(18, 6)) as conversion_value,
    cast(null as {{ dbt.type_string() }}) as currency
from source
where conversions > 0
