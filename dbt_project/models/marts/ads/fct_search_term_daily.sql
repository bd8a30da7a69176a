-- Grain: platform x keyword x search term x date. Additive over all in the reporting currency; a part of the campaign's
-- figures, since platforms hide rare terms. Restated as long as the platforms restate. Terms hold no addresses.
with terms as (
    select
        *,
        source_name as platform
    from {{ ref('int_search_terms__unioned') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
)

-- Left join 1:1: rates are unique on currency and day.
select
    {{ surrogate_key(['terms.source_name', 'terms.row_id']) }} as search_term_row_key,
    {{ optional_key('terms.campaign_id', ['terms.platform', 'terms.account_id', 'terms.campaign_id']) }} as campaign_key,
    terms.platform,
    terms.account_id,
    terms.campaign_id,
    terms.ad_group_id,
    terms.keyword_id,
    terms.keyword_text,
    terms.match_type,
    terms.search_term,
    terms.currency,
    terms.impressions,
    terms.clicks,
    terms.cost,
    {{ to_reporting('terms.cost', 'rates.rate') }} as cost_reporting,
    terms.conversions as platform_conversions,
    terms.conversion_value as platform_conversion_value,
    {{ to_reporting('terms.conversion_value', 'rates.rate') }} as platform_conversion_value_reporting,
    rates.rate as reporting_rate,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    terms.date_day,
    rates.rate_date,
    terms.source_name,
    terms.source_system
from terms
left join rates
    on terms.currency = rates.currency
    and terms.date_day = rates.date_day
