-- Grain: campaign x goal x kind of attribution x the account's own day of the click or view. Restated for 30 days, on Sundays
-- for 90. Headline: goals that bidding uses, after clicks; conversions after views are in no other figure of Microsoft's.
{% set kinds = {
    'click': ('all_conversions', 'all_revenue', 'click_window_minutes'),
    'view': ('view_through_conversions', 'view_through_revenue', 'view_window_minutes'),
} %}
with source as (
    select * from {{ source('microsoft_ads', 'conversion_daily') }}
),

goals as (
    select * from {{ source('microsoft_ads', 'conversion_actions') }}
),

accounts as (
    select * from {{ ref('stg_microsoft_ads__ad_accounts') }}
),

-- Left join 1:1: goals are unique on account and goal. A deleted goal is not listed, but told by what it counted.
described as (
    select
        source.*,
        goals.goal_category,
        goals.click_window_minutes,
        goals.view_window_minutes,
        coalesce(not goals.exclude_from_bidding, source.conversions <> 0) as is_primary
    from source
    left join goals
        on source.account_id = goals.account_id
        and source.goal_id = goals.goal_id
),

unioned as (
    {%- for kind, (counted, value, minutes) in kinds.items() %}
    select
        account_id,
        campaign_id,
        date_day,
        goal_id,
        goal,
        goal_category,
        is_primary,
        '{{ kind }}' as attribution_kind,
        cast({{ minutes }} / 1440 as integer) as window_days,
        cast({{ counted }} as decimal(18, 6)) as conversions,
        {{ money(value) }} as conversion_value
    from described
    where {{ counted }} <> 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- Left join 1:1: accounts are unique on account_id.
select
    {{ surrogate_key([
        'unioned.account_id', 'unioned.campaign_id', 'unioned.goal_id', 'unioned.attribution_kind', 'unioned.date_day',
    ]) }} as row_id,
    'microsoft_ads' as source_system,
    unioned.date_day,
    'click' as date_basis,
    'campaign' as level,
    unioned.account_id,
    unioned.campaign_id,
    cast(null as {{ dbt.type_string() }}) as ad_group_id,
    cast(null as {{ dbt.type_string() }}) as ad_id,
    unioned.goal_id as conversion_action_id,
    {{ scrub_emails('unioned.goal') }} as conversion_action_name,
    case unioned.goal_category
        when 'Purchase' then 'purchase'
        when 'SubmitLeadForm' then 'lead'
        when 'RequestQuote' then 'lead'
        when 'BookAppointment' then 'lead'
        when 'Contact' then 'phone_call'
        when 'Signup' then 'sign_up'
        when 'Subscribe' then 'sign_up'
        when 'AddToCart' then 'add_to_cart'
        when 'PageView' then 'page_view'
        else 'other'
    end as conversion_category,
    unioned.is_primary,
    cast(unioned.window_days as {{ dbt.type_string() }}) || 'd_' || unioned.attribution_kind as attribution_setting,
    unioned.attribution_kind,
    unioned.is_primary and unioned.attribution_kind = 'click' as is_headline,
    unioned.conversions,
    unioned.conversion_value,
    accounts.currency
from unioned
left join accounts
    on unioned.account_id = accounts.account_id
