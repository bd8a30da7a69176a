-- Grain: platform x level x its ids x conversion action x attribution setting and kind x date basis x date. What platforms report:
-- rows overlap (a purchase counted by several actions, windows, levels and date bases), so sums hold over headline rows
-- only; a data test shows that those do not overlap. Headline: what the platform's staging calls so, of the campaign report
-- where the account has one (ads do not tell all), by the day of the click where it is told (that is when the money was
-- spent). is_headline_of_level is the same for each level and date basis by itself. Restated for as long as conversions
-- come. Never our own conversions.
with conversions as (
    select * from {{ ref('int_ad_conversions__unioned') }}
),

accounts as (
    select * from {{ ref('int_ad_accounts__unioned') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

-- Left join 1:1: accounts are unique on source and account.
keyed as (
    select
        conversions.*,
        conversions.source_name as platform,
        coalesce(conversions.currency, accounts.currency) as value_currency
    from conversions
    left join accounts
        on conversions.source_name = accounts.source_name
        and conversions.account_id = accounts.account_id
),

keys as (
    select
        *,
        max(case when is_headline and level = 'campaign' then 1 else 0 end) over (
            partition by source_name, account_id
        ) = 1 as has_campaign_report,
        max(case when is_headline and date_basis = 'click' then 1 else 0 end) over (
            partition by
                source_name, account_id, level, campaign_id, ad_group_id, ad_id, conversion_action_id, attribution_setting
        ) = 1 as has_click_dates,
        {{ surrogate_key(['source_name', 'row_id']) }} as ad_conversion_key,
        {{ campaign_key() }} as campaign_key,
        {{ ad_key() }} as ad_key
    from keyed
)

-- Left join 1:1: rates are unique on currency and day.
select
    keys.ad_conversion_key,
    keys.campaign_key,
    keys.ad_key,
    keys.platform,
    keys.account_id,
    keys.campaign_id,
    keys.ad_group_id,
    keys.ad_id,
    keys.level,
    keys.conversion_action_id,
    keys.conversion_action_name,
    keys.conversion_category,
    keys.attribution_setting,
    keys.attribution_kind,
    keys.date_basis,
    keys.value_currency as currency,
    keys.conversions as platform_conversions,
    keys.conversion_value as platform_conversion_value,
    {{ to_reporting('keys.conversion_value', 'rates.rate') }} as platform_conversion_value_reporting,
    rates.rate as reporting_rate,
    keys.is_primary,
    keys.is_headline
    and (keys.level = 'campaign' or not keys.has_campaign_report)
    and (keys.date_basis = 'click' or not keys.has_click_dates) as is_headline,
    keys.is_headline as is_headline_of_level,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    keys.date_day,
    rates.rate_date,
    keys.source_name,
    keys.source_system
from keys
left join rates
    on keys.value_currency = rates.currency
    and keys.date_day = rates.date_day
