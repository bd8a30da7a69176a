-- Grain: level x its ids x network x device (not the account's level) x the account's own day. Each level from its own
-- report: never add levels up. Conversions are those of goals that bidding uses, on the day of the click. Restated for 30
-- days, on Sundays for 90.
{% set levels = {
    'account': [],
    'campaign': ['campaign_id', 'network', 'device_type'],
    'ad_group': ['campaign_id', 'ad_group_id', 'network', 'device_type'],
    'ad': ['campaign_id', 'ad_group_id', 'ad_id', 'network', 'device_type'],
} %}
with accounts as (
    select * from {{ ref('stg_microsoft_ads__ad_accounts') }}
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
        conversions,
        revenue
    from {{ source('microsoft_ads', level ~ '_daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left join 1:1: accounts are unique on account_id.
select
    {{ surrogate_key([
        'unioned.level', 'unioned.account_id', 'unioned.campaign_id', 'unioned.ad_group_id', 'unioned.ad_id',
        'unioned.network', 'unioned.device_type', 'unioned.date_day',
    ]) }} as row_id,
    'microsoft_ads' as source_system,
    unioned.dataset,
    unioned.level,
    unioned.date_day,
    'microsoft_ads' as platform,
    unioned.account_id,
    unioned.campaign_id,
    unioned.ad_group_id,
    unioned.ad_id,
    cast(null as {{ dbt.type_string() }}) as campaign_name,
    cast(null as {{ dbt.type_string() }}) as campaign_type,
    case
        when unioned.network like '%partners%' then 'search_partners'
        when unioned.network like 'Microsoft sites%' then 'search'
        else lower(unioned.network)
    end as network,
    case unioned.device_type
        when 'Computer' then 'desktop'
        when 'Smartphone' then 'mobile'
        else lower(unioned.device_type)
    end as device,
    unioned.impressions,
    unioned.clicks,
    {{ money('unioned.spend') }} as cost,
    unioned.conversions as platform_conversions,
    {{ money('unioned.revenue') }} as platform_conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
