-- Grain: level x its ids x event x the account's own day of the click or view. Levels repeat each other; vta_ rows are a part
-- of their event. Headline are the events that end a journey: purchases, forms and contacts, clicks and views together.
{% set events = {
    'complete_payment': ('purchase', 'total_complete_payment_rate', 'Complete payment'),
    'form': ('lead', 'total_form_value', 'Submit form'),
    'online_consult': ('phone_call', 'total_online_consult_value', 'Contact'),
    'user_registration': ('sign_up', 'total_user_registration_value', 'Complete registration'),
    'web_event_add_to_cart': ('add_to_cart', 'total_web_event_add_to_cart_value', 'Add to cart'),
    'vta_complete_payment': ('purchase', 'vta_complete_payment_value', 'Complete payment after a view'),
} %}
{% set levels = {'campaign': ['campaign_id'], 'ad': ['campaign_id', 'ad_group_id', 'ad_id']} %}
with accounts as (
    select * from {{ ref('stg_tiktok_ads__ad_accounts') }}
),

ad_groups as (
    select * from {{ ref('stg_tiktok_ads__ad_groups') }}
    where valid_to is null
),

-- What the ad groups of a campaign agree on; null where they differ.
campaigns as (
    select
        campaign_id,
        case when min(attribution_setting) = max(attribution_setting) then min(attribution_setting) end as attribution_setting
    from ad_groups
    group by campaign_id
),

unioned as (
    {%- for level, ids in levels.items() %}
    {%- set last_level = loop.last %}
    {%- for event, (category, value, name) in events.items() %}
    select
        '{{ level }}' as level,
        date_day,
        account_id,
        {%- for id in levels['ad'] %}
        {% if id in ids %}{{ id }}{% else %}cast(null as {{ dbt.type_string() }}) as {{ id }}{% endif %},
        {%- endfor %}
        '{{ event }}' as conversion_action_id,
        '{{ name }}' as conversion_action_name,
        '{{ category }}' as conversion_category,
        {{ 'true' if event in ['complete_payment', 'form', 'online_consult'] else 'false' }} as is_headline,
        '{{ 'view' if event.startswith('vta_') else 'click_and_view' }}' as attribution_kind,
        {{ event }} as conversions,
        {{ value }} as conversion_value
    from {{ source('tiktok_ads', level ~ '_daily') }}
    where {{ event }} <> 0
    {%- if not (loop.last and last_level) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
)

-- Left joins 1:1: accounts, campaigns and the versions of ad groups that hold are each unique on their id.
select
    {{ surrogate_key([
        'unioned.level', 'unioned.account_id', 'unioned.campaign_id', 'unioned.ad_id', 'unioned.conversion_action_id',
        'unioned.date_day',
    ]) }} as row_id,
    'tiktok_ads' as source_system,
    unioned.date_day,
    'click' as date_basis,
    unioned.level,
    unioned.account_id,
    unioned.campaign_id,
    unioned.ad_group_id,
    unioned.ad_id,
    unioned.conversion_action_id,
    unioned.conversion_action_name,
    unioned.conversion_category,
    cast(null as boolean) as is_primary,
    coalesce(ad_groups.attribution_setting, campaigns.attribution_setting) as attribution_setting,
    unioned.attribution_kind,
    unioned.is_headline,
    cast(unioned.conversions as decimal(18, 6)) as conversions,
    {{ money('unioned.conversion_value') }} as conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
left join ad_groups
    on unioned.ad_group_id = ad_groups.ad_group_id
left join campaigns
    on unioned.campaign_id = campaigns.campaign_id
