-- Grain: ad x event x the account's own day of the click or view. vta_ rows are a part of their event. Headline are the events
-- that end a journey: purchases, forms and contacts, clicks and views together. Every conversion has an ad: no other level.
{% set events = {
    'complete_payment': ('purchase', 'total_complete_payment_rate', 'Complete payment'),
    'form': ('lead', 'total_form_value', 'Submit form'),
    'online_consult': ('phone_call', 'total_online_consult_value', 'Contact'),
    'user_registration': ('sign_up', 'total_user_registration_value', 'Complete registration'),
    'web_event_add_to_cart': ('add_to_cart', 'total_web_event_add_to_cart_value', 'Add to cart'),
    'vta_complete_payment': ('purchase', 'vta_complete_payment_value', 'Complete payment after a view'),
} %}
with accounts as (
    select * from {{ ref('stg_tiktok_ads__ad_accounts') }}
),

ad_groups as (
    select * from {{ ref('stg_tiktok_ads__ad_groups') }}
    where valid_to is null
),

unioned as (
    {%- for event, (category, value, name) in events.items() %}
    select
        date_day,
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        '{{ event }}' as conversion_action_id,
        '{{ name }}' as conversion_action_name,
        '{{ category }}' as conversion_category,
        {{ 'true' if event in ['complete_payment', 'form', 'online_consult'] else 'false' }} as is_headline,
        '{{ 'view' if event.startswith('vta_') else 'click_and_view' }}' as attribution_kind,
        {{ event }} as conversions,
        {{ value }} as conversion_value
    from {{ source('tiktok_ads', 'ad_daily') }}
    where {{ event }} <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left joins 1:1: accounts and the versions of ad groups that hold are each unique on their id.
select
    {{ surrogate_key(['unioned.account_id', 'unioned.ad_id', 'unioned.conversion_action_id', 'unioned.date_day']) }} as row_id,
    'tiktok_ads' as source_system,
    unioned.date_day,
    'click' as date_basis,
    'ad' as level,
    unioned.account_id,
    unioned.campaign_id,
    unioned.ad_group_id,
    unioned.ad_id,
    unioned.conversion_action_id,
    unioned.conversion_action_name,
    unioned.conversion_category,
    cast(null as boolean) as is_primary,
    ad_groups.attribution_setting,
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
