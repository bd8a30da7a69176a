-- Grain: level x its ids x UTC day. Each level from its own report: never add levels up. Restated for 30 days, on Sundays for 90.
-- Conversions are those on the website and the lead forms sent, on the day of the click or view.
{% set levels = {
    'account': ('account_daily', none),
    'campaign': ('campaign_group_daily', 'campaign_group_id'),
    'ad_group': ('campaign_daily', 'campaign_id'),
    'ad': ('creative_daily', 'creative_id'),
} %}
with accounts as (
    select * from {{ ref('stg_linkedin_ads__ad_accounts') }}
),

ad_groups as (
    select
        account_id,
        campaign_id,
        ad_group_id,
        row_number() over (partition by account_id, ad_group_id order by valid_from desc) as version_rank
    from {{ ref('stg_linkedin_ads__ad_groups') }}
),

ads as (
    select
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        row_number() over (partition by account_id, ad_id order by valid_from desc) as version_rank
    from {{ ref('stg_linkedin_ads__ads') }}
),

unioned as (
    {%- for level, (table, id) in levels.items() %}
    select
        '{{ level }}' as level,
        '{{ table }}' as dataset,
        account_id,
        {{ id or 'account_id' }} as entity_id,
        date_day,
        impressions,
        clicks,
        cost_in_local_currency,
        external_website_conversions + one_click_leads as conversions,
        conversion_value_in_local_currency
    from {{ source('linkedin_ads', table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left joins 1:1: accounts are unique, and so is the last version of an ad group and of an ad in its account. LinkedIn's
-- report names the entity alone; what it belongs to is said by the account's structure.
select
    unioned.level || '|' || unioned.account_id || '|' || unioned.entity_id || '|'
    || cast(unioned.date_day as {{ dbt.type_string() }}) as row_id,
    'linkedin_ads' as source_system,
    unioned.dataset,
    unioned.level,
    unioned.date_day,
    'linkedin_ads' as platform,
    unioned.account_id,
    case
        when unioned.level = 'campaign' then unioned.entity_id
        else coalesce(ads.campaign_id, ad_groups.campaign_id)
    end as campaign_id,
    case
        when unioned.level = 'ad_group' then unioned.entity_id
        else ads.ad_group_id
    end as ad_group_id,
    case when unioned.level = 'ad' then unioned.entity_id end as ad_id,
    cast(null as {{ dbt.type_string() }}) as campaign_name,
    cast(null as {{ dbt.type_string() }}) as campaign_type,
    cast(null as {{ dbt.type_string() }}) as network,
    cast(null as {{ dbt.type_string() }}) as device,
    unioned.impressions,
    unioned.clicks,
    {{ money('unioned.cost_in_local_currency') }} as cost,
    cast(unioned.conversions as decimal(18, 6)) as platform_conversions,
    {{ money('unioned.conversion_value_in_local_currency') }} as platform_conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
left join ad_groups
    on unioned.level = 'ad_group'
    and unioned.account_id = ad_groups.account_id
    and unioned.entity_id = ad_groups.ad_group_id
    and ad_groups.version_rank = 1
left join ads
    on unioned.level = 'ad'
    and unioned.account_id = ads.account_id
    and unioned.entity_id = ads.ad_id
    and ads.version_rank = 1
