-- Grain: property x date x breakdown x its dimensions (where sessions came from, landing page, event). The vendor's own aggregates,
-- modelled where consent is missing: not our sessions. Choose one breakdown: each holds the whole property. Sessions add up over days
-- and traffic; users add up over nothing (fct_web_users). Restated for 12 days.
with aggregates as (
    select * from {{ ref('int_web_aggregates__unioned') }}
    where period = 'day'
),

rates as (
    select * from {{ ref('int_rates__daily') }}
)

-- Left join 1:1: rates are unique on currency and day.
select
    {{ surrogate_key(['aggregates.source_name', 'aggregates.row_id']) }} as web_traffic_key,
    aggregates.property_id,
    aggregates.breakdown,
    aggregates.session_source,
    aggregates.session_medium,
    aggregates.session_campaign,
    aggregates.default_channel_group,
    aggregates.landing_page,
    aggregates.event_name,
    aggregates.currency,
    aggregates.time_zone,
    aggregates.sessions,
    aggregates.engaged_sessions,
    aggregates.total_users,
    aggregates.new_users,
    aggregates.key_events,
    aggregates.event_count,
    aggregates.transactions,
    aggregates.purchase_revenue,
    {{ to_reporting('aggregates.purchase_revenue', 'rates.rate') }} as purchase_revenue_reporting,
    rates.rate as reporting_rate,
    aggregates.is_other_row,
    aggregates.has_data_loss,
    aggregates.is_thresholded,
    aggregates.is_sampled,
    aggregates.sample_share,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    aggregates.date_day,
    rates.rate_date,
    aggregates.source_name,
    aggregates.source_system
from aggregates
left join rates
    on aggregates.currency = rates.currency
    and aggregates.date_day = rates.date_day
