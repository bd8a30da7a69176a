-- Grain: level x its ids x day. Each level from its own report: never add levels up. Restated for 28 days.
with accounts as (
    select * from {{ ref('stg_acme_ads__ad_accounts') }}
),

unioned as (
    {%- for level, ids in {
        'account': [], 'campaign': ['campaign_id'], 'ad': ['campaign_id', 'ad_group_id', 'ad_id'],
    }.items() %}
    select
        '{{ level }}' as level,
        '{{ level }}_daily' as dataset,
        account_id,
        {%- for id in ['campaign_id', 'ad_group_id', 'ad_id'] %}
        {% if id in ids %}{{ id }}{% else %}cast(null as {{ dbt.type_string() }}) as {{ id }}{% endif %},
        {%- endfor %}
        date_day,
        impressions,
        clicks,
        cost,
        conversions
    from {{ source('acme_ads', level ~ '_daily') }}
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
    'acme_ads' as source_system,
    unioned.dataset,
    unioned.level,
    unioned.date_day,
    'acme_ads' as platform,
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
    unioned.cost,
    unioned.conversions as platform_conversions,
    cast(null as decimal(18, 6)) as platform_conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
