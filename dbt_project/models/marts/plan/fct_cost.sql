-- Grain: source x system x day x channel x activity x stage x category, what is unknown apart by reason. Additive over all, in the
-- reporting currency without VAT. Media is what the platforms tell, restated as long as they restate; other costs have the day, or
-- the first day of the month, they belong to. Lines that another line holds already are left out (int_costs__unioned).
with night as (
    select {{ as_of() }} as as_of_date
),

ads as (
    select
        campaign_key,
        channel_key,
        date_day,
        source_name,
        source_system,
        case when cost is null then 'cost not reported' when cost_reporting is null then 'no exchange rate' end as unknown_reason,
        {{ money_sum('cost_reporting') }} as amount_reporting,
        count(*) as n_records
    from {{ ref('fct_ad_performance_daily') }}
    where date_day <= {{ as_of() }}
    group by
        campaign_key, channel_key, date_day, source_name, source_system,
        case when cost is null then 'cost not reported' when cost_reporting is null then 'no exchange rate' end
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

ad_campaigns as (
    select * from {{ ref('int_plan__ad_campaigns') }}
),

activities as (
    select * from {{ ref('dim_activity') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
),

-- no bank knows the rate of a day to come: the night's stands in
costs as (
    select
        costs.*,
        least(costs.date_day, night.as_of_date) as wanted_rate_date
    from {{ ref('int_costs__unioned') }} as costs
    cross join night
    where costs.counted_elsewhere is null
),

-- Left joins 1:1: campaigns and ad_campaigns are unique on campaign_key, activities on activity_id, rates on currency and day,
-- traffic on traffic_key. The activity's stage is the plan's word, and what spend is compared with.
lines as (
    select
        ad_campaigns.activity_id,
        ads.channel_key,
        coalesce(activities.stage, campaigns.journey_stage) as stage,
        'media' as category,
        ads.date_day,
        ads.amount_reporting,
        ads.unknown_reason,
        ads.n_records,
        ads.source_name,
        ads.source_system
    from ads
    left join campaigns
        on ads.campaign_key = campaigns.campaign_key
    left join ad_campaigns
        on ads.campaign_key = ad_campaigns.campaign_key
    left join activities
        on ad_campaigns.activity_id = activities.activity_id
    union all
    select
        costs.activity_id,
        case when costs.origin is null then 'unallocated' else traffic.channel_key end as channel_key,
        coalesce(costs.stage, activities.stage) as stage,
        costs.cost_category as category,
        costs.date_day,
        {{ to_reporting('costs.amount_ex_vat', 'rates.rate') }} as amount_reporting,
        case
            when rates.rate is null then 'no exchange rate'
            when costs.amount_ex_vat is null then 'VAT basis unknown'
        end as unknown_reason,
        1 as n_records,
        costs.source_name,
        costs.source_system
    from costs
    left join activities
        on costs.activity_id = activities.activity_id
    left join rates
        on costs.currency = rates.currency
        and costs.wanted_rate_date = rates.date_day
    left join traffic
        on costs.traffic_key = traffic.traffic_key
)

select
    {{ surrogate_key([
        'source_name', 'source_system', 'date_day', 'channel_key', 'activity_id', 'stage', 'category', 'unknown_reason',
    ]) }} as cost_key,
    {{ optional_key('activity_id', ['activity_id']) }} as activity_key,
    activity_id,
    channel_key,
    stage,
    category,
    date_day,
    {{ period_start('month', 'date_day') }} as month_start,
    {{ money_sum('amount_reporting') }} as amount_reporting,
    unknown_reason,
    cast(sum(n_records) as bigint) as n_records,
    date_day > {{ as_of() }} as is_committed,
    source_name,
    source_system
from lines
group by source_name, source_system, date_day, channel_key, activity_id, stage, category, unknown_reason
