-- Grain: platform x account x campaign x ad group x ad x network x device x date; rows of files as their file gives them.
-- Network and device are in the grain because the platforms report by them and R-S1 asks for them; they add up like the
-- rest. Additive over all in the reporting currency; `cost` only within one currency. Ads + unallocated = ad group = campaign =
-- account. Restated as long as the platforms restate (their windows are in ingestion). Days are the account's own.
with ads as (
    select * from {{ ref('int_ads__daily') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
)

-- Left join 1:1: rates are unique on currency and day.
select
    ads.ad_row_key,
    ads.campaign_key,
    ads.ad_key,
    ads.channel_key,
    ads.platform,
    ads.account_id,
    ads.campaign_id,
    ads.ad_group_id,
    ads.ad_id,
    ads.network,
    ads.device,
    ads.allocation_level,
    ads.campaign_type,
    ads.currency,
    ads.impressions,
    ads.clicks,
    ads.cost,
    {{ to_reporting('ads.cost', 'rates.rate') }} as cost_reporting,
    ads.platform_conversions,
    ads.platform_conversion_value,
    {{ to_reporting('ads.platform_conversion_value', 'rates.rate') }} as platform_conversion_value_reporting,
    rates.rate as reporting_rate,
    ads.is_network_assumed,
    ads.is_negative_residual,
    ads.has_account_total,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    ads.date_day,
    rates.rate_date,
    ads.source_name,
    ads.source_system,
    ads.dataset
from ads
left join rates
    on ads.currency = rates.currency
    and ads.date_day = rates.date_day
