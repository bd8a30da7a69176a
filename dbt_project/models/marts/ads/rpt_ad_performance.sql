-- Grain: platform x account x campaign x grain (week, month, last_28_days) x period. Amounts and counts of one grain add up,
-- ratios never. Campaign null = what no campaign explains (unallocated in the account). Conversions are what the platforms
-- report (headline rows; of files what the file gives), so each platform's own view, not ours. Changes until it is mature.
with performance as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

conversions as (
    select * from {{ ref('fct_ad_conversion_daily') }}
    where is_headline
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- Conversions of platforms come from their own report, those of files stand beside the cost.
daily as (
    select
        source_name,
        platform,
        account_id,
        campaign_id,
        currency,
        date_day,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(cost) as cost,
        sum(cost_reporting) as cost_reporting,
        count(*) as n_rows,
        count(cost_reporting) as n_known,
        sum(case when allocation_level = 'as_given' then platform_conversions end) as conversions,
        sum(case when allocation_level = 'as_given' then platform_conversion_value_reporting end) as value_reporting
    from performance
    where date_day <= {{ as_of() }}
    group by source_name, platform, account_id, campaign_id, currency, date_day
    union all
    select
        source_name,
        platform,
        account_id,
        campaign_id,
        currency,
        date_day,
        null as impressions,
        null as clicks,
        null as cost,
        null as cost_reporting,
        0 as n_rows,
        0 as n_known,
        sum(platform_conversions) as conversions,
        sum(platform_conversion_value_reporting) as value_reporting
    from conversions
    where date_day <= {{ as_of() }}
    group by source_name, platform, account_id, campaign_id, currency, date_day
),

tells_conversions as (
    select distinct
        source_name,
        platform,
        account_id
    from daily
    where conversions is not null
),

-- Fans out on purpose: each day into its periods.
dated as (
    {%- for grain in ['week', 'month'] %}
    select
        *,
        '{{ grain }}' as grain,
        {{ period_start(grain, 'date_day') }} as period_start,
        cast({{ dbt.dateadd('day', -1, dbt.dateadd(grain, 1, period_start(grain, 'date_day'))) }} as date) as period_end
    from daily
    union all
    {%- endfor %}
    select
        *,
        'last_28_days' as grain,
        cast({{ dbt.dateadd('day', -28, as_of()) }} as date) as period_start,
        cast({{ dbt.dateadd('day', -1, as_of()) }} as date) as period_end
    from daily
    where date_day >= {{ dbt.dateadd('day', -28, as_of()) }} and date_day < {{ as_of() }}
),

summed as (
    select
        source_name,
        platform,
        account_id,
        campaign_id,
        grain,
        period_start,
        period_end,
        max(currency) as currency,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        {{ money_sum('cost') }} as cost,
        {{ money_sum('cost_reporting') }} as cost_reporting,
        sum(n_rows) as n_rows,
        sum(n_known) as n_known,
        {{ money_sum('conversions') }} as conversions,
        {{ money_sum('value_reporting') }} as value_reporting
    from dated
    group by source_name, platform, account_id, campaign_id, grain, period_start, period_end
),

-- No conversion in an account that tells conversions is a known 0. Left join 1:1: unique on source, platform and account.
resolved as (
    select
        summed.*,
        case
            when tells_conversions.platform is not null then coalesce(summed.conversions, 0)
        end as platform_conversions,
        case
            when tells_conversions.platform is not null and coalesce(summed.conversions, 0) = 0 then coalesce(summed.value_reporting, 0)
            else summed.value_reporting
        end as platform_conversion_value_reporting,
        sum(summed.cost_reporting) over (
            partition by summed.platform, summed.grain, summed.period_start
        ) as platform_cost_reporting,
        sum(summed.cost_reporting) over (partition by summed.grain, summed.period_start) as all_cost_reporting
    from summed
    left join tells_conversions
        on summed.source_name = tells_conversions.source_name
        and summed.platform = tells_conversions.platform
        and summed.account_id is not distinct from tells_conversions.account_id
)

-- Left joins 1:1: campaigns are unique on platform, account and campaign, source_status on source_name.
select
    {{ surrogate_key([
        'resolved.source_name', 'resolved.platform', 'resolved.account_id', 'resolved.campaign_id', 'resolved.grain',
        'resolved.period_start',
    ]) }} as ad_performance_key,
    campaigns.campaign_key,
    campaigns.channel_key,
    resolved.platform,
    resolved.account_id,
    resolved.campaign_id,
    campaigns.campaign_name,
    campaigns.campaign_type,
    resolved.grain,
    resolved.period_start,
    resolved.period_end,
    resolved.currency,
    resolved.impressions,
    resolved.clicks,
    resolved.cost,
    resolved.cost_reporting,
    {{ ratio('resolved.clicks', 'resolved.impressions') }} as ctr,
    {{ ratio('resolved.cost_reporting', 'resolved.clicks') }} as cpc_reporting,
    {{ ratio('1000 * resolved.cost_reporting', 'resolved.impressions') }} as cpm_reporting,
    {{ ratio('resolved.cost_reporting', 'resolved.platform_cost_reporting') }} as cost_share_of_platform,
    {{ ratio('resolved.cost_reporting', 'resolved.all_cost_reporting') }} as cost_share_of_all,
    cast(resolved.platform_conversions as decimal(24, 6)) as platform_conversions,
    cast(resolved.platform_conversion_value_reporting as decimal(24, 6)) as platform_conversion_value_reporting,
    {{ ratio('resolved.cost_reporting', 'resolved.platform_conversions') }} as platform_reported_cpa,
    {{ ratio('resolved.platform_conversion_value_reporting', 'resolved.cost_reporting') }} as platform_reported_roas,
    {%- for column in ['cost_reporting', 'platform_conversions'] %}
    case
        when resolved.{{ column }} is null then 'unknown'
        when resolved.{{ column }} = 0 then 'zero'
        else 'known'
    end as {{ column | replace('_reporting', '') | replace('platform_', '') }}_state,
    {%- endfor %}
    case
        when resolved.n_rows = 0 then 'no cost reported for these days'
        when resolved.cost_reporting is null then 'no exchange rate'
        when resolved.platform_conversions is null then 'the account reports no conversions'
    end as unknown_reason,
    coalesce({{ ratio('resolved.n_known', 'resolved.n_rows') }}, 0) as coverage,
    case
        when resolved.period_end >= {{ as_of() }} then 'open'
        when {{ days_between('resolved.period_end', as_of()) }} < {{ var('ad_conversion_maturity_days') }} then 'maturing'
        else 'mature'
    end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    {{ as_of() }} as as_of_date,
    resolved.source_name
from resolved
left join campaigns
    on resolved.platform = campaigns.platform
    and resolved.account_id is not distinct from campaigns.account_id
    and resolved.campaign_id = campaigns.campaign_id
left join source_status
    on resolved.source_name = source_status.source_name
