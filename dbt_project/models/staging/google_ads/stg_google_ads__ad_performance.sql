-- Grain: level x its ids x network x device (not the account's level) x the account's own day. Each level from its own
-- report: never add levels up. Conversions are those of primary actions, on the day of the click. Restated for 30 days,
-- on Sundays for 90.
{% set levels = {
    'account': [],
    'campaign': ['campaign_id', 'network', 'device'],
    'ad_group': ['campaign_id', 'ad_group_id', 'network', 'device'],
    'ad': ['campaign_id', 'ad_group_id', 'ad_id', 'network', 'device'],
} %}
with unioned as (
    {%- for level, ids in levels.items() %}
    select
        '{{ level }}' as level,
        '{{ level }}_daily' as dataset,
        date_day,
        account_id,
        {%- for id in levels['ad'] %}
        {% if id in ids %}{{ id }}{% else %}cast(null as {{ dbt.type_string() }}) as {{ id }}{% endif %},
        {%- endfor %}
        impressions,
        clicks,
        cost_micros,
        conversions,
        conversions_value,
        currency
    from {{ source('google_ads', level ~ '_daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key([
        'level', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id', 'network', 'device', 'date_day',
    ]) }} as row_id,
    'google_ads' as source_system,
    dataset,
    level,
    date_day,
    'google_ads' as platform,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    cast(null as {{ dbt.type_string() }}) as campaign_name,
    cast(null as {{ dbt.type_string() }}) as campaign_type,
    lower(network) as network,
    lower(device) as device,
    impressions,
    clicks,
    {{ micros_to_decimal('cost_micros') }} as cost,
    conversions as platform_conversions,
    {{ money('conversions_value') }} as platform_conversion_value,
    {{ currency_code('currency') }} as currency
from unioned
