-- Grain: level x campaign or ad x action type x attribution window x the account's own day. Nothing adds up but headline rows
-- of one level: Meta tells the same purchase as offsite_conversion.fb_pixel_purchase, purchase and omni_purchase, and each
-- of them in every window.
--
-- Headline is the window `value`, which is the ad set's own attribution setting, and of overlapping action types the one
-- that says where it happened: the pixel's on the site, a lead form's on Meta. These exclude each other, each has one kind
-- of day, and the site's own orders are what they can be held against; purchase, omni_purchase and lead are sums over
-- places (app, shop, Meta) that no other system here knows. Goals are purchases, leads and calls; what comes before them
-- (cart, registration) is told, and no headline.
--
-- A day is that of the conversion; for what happens on Meta itself it is that of the click or view.
{% set categories = {
    'purchase': ['purchase', 'omni_purchase', 'offsite_conversion.fb_pixel_purchase', 'onsite_conversion.purchase'],
    'lead': ['lead', 'offsite_conversion.fb_pixel_lead', 'onsite_conversion.lead_grouped'],
    'phone_call': ['click_to_call_native_call_placed'],
    'sign_up': [
        'complete_registration', 'omni_complete_registration', 'offsite_conversion.fb_pixel_complete_registration'
    ],
    'add_to_cart': ['add_to_cart', 'omni_add_to_cart', 'offsite_conversion.fb_pixel_add_to_cart'],
    'page_view': ['view_content', 'omni_view_content', 'offsite_conversion.fb_pixel_view_content'],
} %}
with source as (
    select * from {{ source('meta_ads', 'conversion_daily') }}
),

named as (
    select
        *,
        case
            {%- for category, types in categories.items() %}
            when action_type in ('{{ types | join("', '") }}') then '{{ category }}'
            {%- endfor %}
            else 'other'
        end as conversion_category,
        case when attribution_window = 'value' then attribution_setting else attribution_window end as setting
    from source
)

select
    {{ surrogate_key(['level', 'account_id', 'object_id', 'action_type', 'attribution_window', 'date_day']) }} as row_id,
    'meta_ads' as source_system,
    date_day,
    case
        when action_type like 'onsite_conversion.%' or action_type like 'click_to_call%' then 'click'
        else 'conversion'
    end as date_basis,
    level,
    account_id,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    action_type as conversion_action_id,
    action_type as conversion_action_name,
    conversion_category,
    cast(null as boolean) as is_primary,
    setting as attribution_setting,
    case
        when setting like '%click%' and setting like '%view%' then 'click_and_view'
        when setting like '%click%' then 'click'
        when setting like '%view%' then 'view'
        else 'click_and_view'
    end as attribution_kind,
    attribution_window = 'value' and action_type in (
        'offsite_conversion.fb_pixel_purchase',
        'offsite_conversion.fb_pixel_lead',
        'onsite_conversion.lead_grouped',
        'click_to_call_native_call_placed'
    ) as is_headline,
    cast(conversions as decimal(18, 6)) as conversions,
    {{ money('conversion_value') }} as conversion_value,
    {{ currency_code('currency') }} as currency
from named
