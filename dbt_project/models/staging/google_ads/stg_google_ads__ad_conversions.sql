-- Grain: campaign x conversion action x date basis x kind of attribution x the account's own day. The two bases tell the same
-- conversions on different days, and are never added up. Restated for 30 days, on Sundays for 90.
-- Headline: primary actions after clicks, on the day of the click.
{% set kinds = {
    'click': ('click', 'all_conversions', 'all_conversions_value'),
    'conversion': ('click', 'all_conversions_by_conversion_date', 'all_conversions_value_by_conversion_date'),
    'view': ('view', 'view_through_conversions', none),
} %}
with source as (
    select
        *,
        {{ google_ads_id('conversion_action') }} as conversion_action_id
    from {{ source('google_ads', 'conversion_daily') }}
),

actions as (
    select * from {{ source('google_ads', 'conversion_actions') }}
),

unioned as (
    {%- for basis, (kind, conversions, value) in kinds.items() %}
    select
        date_day,
        '{{ 'click' if kind == 'view' else basis }}' as date_basis,
        '{{ kind }}' as attribution_kind,
        account_id,
        campaign_id,
        conversion_action_id,
        conversion_action_name,
        conversion_action_category,
        cast({{ conversions }} as decimal(18, 6)) as conversions,
        {% if value %}{{ money(value) }}{% else %}cast(null as decimal(18, 6)){% endif %} as conversion_value,
        currency
    from source
    where {{ conversions }} <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left join 1:1: actions are unique on account and action; one that was deleted is in the report alone.
select
    {{ surrogate_key([
        'unioned.account_id', 'unioned.campaign_id', 'unioned.conversion_action_id', 'unioned.date_basis',
        'unioned.attribution_kind', 'unioned.date_day',
    ]) }} as row_id,
    'google_ads' as source_system,
    unioned.date_day,
    unioned.date_basis,
    'campaign' as level,
    unioned.account_id,
    unioned.campaign_id,
    cast(null as {{ dbt.type_string() }}) as ad_group_id,
    cast(null as {{ dbt.type_string() }}) as ad_id,
    unioned.conversion_action_id,
    {{ scrub_emails('unioned.conversion_action_name') }} as conversion_action_name,
    case
        when unioned.conversion_action_category in ('PURCHASE', 'STORE_SALE') then 'purchase'
        when unioned.conversion_action_category = 'PHONE_CALL_LEAD' then 'phone_call'
        when
            unioned.conversion_action_category like '%LEAD%'
            or unioned.conversion_action_category in ('BOOK_APPOINTMENT', 'REQUEST_QUOTE', 'CONTACT')
            then 'lead'
        when unioned.conversion_action_category = 'SIGNUP' then 'sign_up'
        when unioned.conversion_action_category = 'ADD_TO_CART' then 'add_to_cart'
        when unioned.conversion_action_category = 'PAGE_VIEW' then 'page_view'
        else 'other'
    end as conversion_category,
    actions.include_in_conversions_metric as is_primary,
    case unioned.attribution_kind
        when 'click' then cast(actions.click_through_lookback_window_days as {{ dbt.type_string() }}) || 'd_click'
        else cast(actions.view_through_lookback_window_days as {{ dbt.type_string() }}) || 'd_view'
    end as attribution_setting,
    unioned.attribution_kind,
    coalesce(actions.include_in_conversions_metric, false)
    and unioned.attribution_kind = 'click'
    and unioned.date_basis = 'click' as is_headline,
    unioned.conversions,
    unioned.conversion_value,
    {{ currency_code('unioned.currency') }} as currency
from unioned
left join actions
    on unioned.account_id = actions.account_id
    and unioned.conversion_action_id = actions.conversion_action_id
