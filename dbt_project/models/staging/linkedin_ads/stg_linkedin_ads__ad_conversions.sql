-- Grain: ad x conversion rule x kind of attribution x UTC day of the click or view; lead forms sent are a rule of their own.
-- Rows of clicks and views alone are parts of their rule's row for both, which is the headline; LinkedIn tells the value of
-- both together only.
{% set kinds = {
    'click_and_view': 'external_website_conversions',
    'click': 'external_website_post_click_conversions',
    'view': 'external_website_post_view_conversions',
} %}
with accounts as (
    select * from {{ ref('stg_linkedin_ads__ad_accounts') }}
),

rules as (
    select * from {{ source('linkedin_ads', 'conversions') }}
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
    {%- for kind, column in kinds.items() %}
    select
        account_id,
        creative_id,
        date_day,
        conversion_id,
        '{{ kind }}' as attribution_kind,
        {{ column }} as conversions,
        {% if kind == 'click_and_view' -%}
        conversion_value_in_local_currency
        {%- else -%}
        cast(null as decimal(18, 6))
        {%- endif %} as conversion_value
    from {{ source('linkedin_ads', 'conversion_daily') }}
    where {{ column }} <> 0
    union all
    {%- endfor %}
    select
        account_id,
        creative_id,
        date_day,
        'one_click_leads' as conversion_id,
        'click_and_view' as attribution_kind,
        one_click_leads as conversions,
        cast(null as decimal(18, 6)) as conversion_value
    from {{ source('linkedin_ads', 'creative_daily') }}
    where one_click_leads <> 0
)

-- Left joins 1:1: accounts and rules are unique, and so is the last version of an ad in its account.
select
    {{ surrogate_key([
        'unioned.account_id', 'unioned.creative_id', 'unioned.conversion_id', 'unioned.attribution_kind', 'unioned.date_day',
    ]) }} as row_id,
    'linkedin_ads' as source_system,
    unioned.date_day,
    'click' as date_basis,
    'ad' as level,
    unioned.account_id,
    ads.campaign_id,
    ads.ad_group_id,
    unioned.creative_id as ad_id,
    unioned.conversion_id as conversion_action_id,
    case
        when unioned.conversion_id = 'one_click_leads' then 'Lead gen form'
        else {{ scrub_emails('rules.name') }}
    end as conversion_action_name,
    case
        when unioned.conversion_id = 'one_click_leads' or rules.type in ('LEAD', 'QUALIFIED_LEAD', 'SUBMIT_APPLICATION') then 'lead'
        when rules.type = 'PURCHASE' then 'purchase'
        when rules.type = 'PHONE_CALL' then 'phone_call'
        when rules.type in ('SIGN_UP', 'COMPLETE_SIGNUP') then 'sign_up'
        when rules.type = 'ADD_TO_CART' then 'add_to_cart'
        when rules.type in ('KEY_PAGE_VIEW', 'VIEW_CONTENT') then 'page_view'
        else 'other'
    end as conversion_category,
    cast(null as boolean) as is_primary,
    case unioned.attribution_kind
        when 'click' then cast(rules.post_click_window_days as {{ dbt.type_string() }}) || 'd_click'
        when 'view' then cast(rules.view_through_window_days as {{ dbt.type_string() }}) || 'd_view'
        else
            cast(rules.post_click_window_days as {{ dbt.type_string() }}) || 'd_click_'
            || cast(rules.view_through_window_days as {{ dbt.type_string() }}) || 'd_view'
    end as attribution_setting,
    unioned.attribution_kind,
    unioned.attribution_kind = 'click_and_view' as is_headline,
    cast(unioned.conversions as decimal(18, 6)) as conversions,
    {{ money('unioned.conversion_value') }} as conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
left join rules
    on unioned.account_id = rules.account_id
    and unioned.conversion_id = rules.conversion_id
left join ads
    on unioned.account_id = ads.account_id
    and unioned.creative_id = ads.ad_id
    and ads.version_rank = 1
