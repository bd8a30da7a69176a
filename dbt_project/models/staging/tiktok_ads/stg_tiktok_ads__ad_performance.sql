-- Grain: level x its ids x the account's own day. Each level from its own report: never add levels up. Restated for 28 days.
-- Conversions are the headline events of stg_tiktok_ads__ad_conversions, on the day of the click or view.
{% set levels = {
    'account': [],
    'campaign': ['campaign_id'],
    'ad_group': ['campaign_id', 'ad_group_id'],
    'ad': ['campaign_id', 'ad_group_id', 'ad_id'],
} %}
with accounts as (
    select * from {{ ref('stg_tiktok_ads__ad_accounts') }}
),

unioned as (
    {%- for level, ids in levels.items() %}
    select
        '{{ level }}' as level,
        '{{ level }}_daily' as dataset,
        account_id,
        {%- for id in levels['ad'] %}
        {% if id in ids %}{{ id }}{% else %}cast(null as {{ dbt.type_string() }}) as {{ id }}{% endif %},
        {%- endfor %}
        date_day,
        impressions,
        clicks,
        spend,
        cast(complete_payment + form + online_consult as decimal(18, 6)) as conversions,
        {{ money('total_complete_payment_rate + total_form_value + total_online_consult_value') }} as conversion_value
    from {{ source('tiktok_ads', level ~ '_daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left join 1:1: accounts are unique on account_id.
select
    {{ surrogate_key([
        'unioned.level', 'unioned.account_id', 'unioned.campaign_id', 'unioned.ad_group_id', 'unioned.ad_id',
        'unioned.date_day',
    ]) }} as row_id,
    'tiktok_ads' as source_system,
    unioned.dataset,
    unioned.level,
    unioned.date_day,
    'tiktok_ads' as platform,
    unioned.account_id,
    unioned.campaign_id,
    unioned.ad_group_id,
    unioned.ad_id,
    cast(null as {{ dbt.type_string() }}) as campaign_name,
    cast(null as {{ dbt.type_string() }}) as campaign_type,
    cast(null as {{ dbt.type_string() }}) as network,
    cast(null as {{ dbt.type_string() }}) as device,
    unioned.impressions,
    unioned.clicks,
    {{ money('unioned.spend') }} as cost,
    unioned.conversions as platform_conversions,
    unioned.conversion_value as platform_conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
