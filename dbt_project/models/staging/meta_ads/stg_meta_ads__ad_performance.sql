-- Grain: level x its ids x network x device x the account's own day. Each level from its own report: never add levels up.
-- Restated for 28 days. Conversions are the headline ones of stg_meta_ads__ad_conversions.
-- Clicks are clicks of every kind, as the other platforms count them; link clicks alone are in raw.
{% set levels = {
    'account': [],
    'campaign': ['campaign_id', 'publisher_platform'],
    'ad': ['campaign_id', 'adset_id', 'ad_id', 'publisher_platform', 'device_platform'],
} %}
with unioned as (
    {%- for level, keys in levels.items() %}
    select
        '{{ level }}' as level,
        '{{ level }}_daily' as dataset,
        account_id,
        {%- for key in levels['ad'] %}
        {% if key in keys %}{{ key }}{% else %}cast(null as {{ dbt.type_string() }}) as {{ key }}{% endif %},
        {%- endfor %}
        date_day,
        currency,
        impressions,
        clicks,
        spend,
        pixel_purchases + pixel_leads + form_leads + calls as conversions,
        pixel_purchase_value as conversion_value
    from {{ source('meta_ads', level ~ '_daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key([
        'level', 'account_id', 'campaign_id', 'ad_id', 'publisher_platform', 'device_platform', 'date_day',
    ]) }} as row_id,
    'meta_ads' as source_system,
    dataset,
    level,
    date_day,
    'meta_ads' as platform,
    account_id,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    cast(null as {{ dbt.type_string() }}) as campaign_name,
    cast(null as {{ dbt.type_string() }}) as campaign_type,
    lower(publisher_platform) as network,
    case
        when device_platform in ('mobile_app', 'mobile_web') then 'mobile'
        else device_platform
    end as device,
    impressions,
    clicks,
    {{ money('spend') }} as cost,
    cast(conversions as decimal(18, 6)) as platform_conversions,
    {{ money('conversion_value') }} as platform_conversion_value,
    {{ currency_code('currency') }} as currency
from unioned
