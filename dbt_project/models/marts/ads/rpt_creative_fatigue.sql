-- Grain: ad that was shown in the latest window. Nothing to add up. Its click rate now against its own first weeks, by two
-- tests of proportions, valid from 10 clicks in each window at the first rate: fatigued = a drop is shown (one-sided, var
-- creative_test_z) and is at least creative_drop; healthy = a drop of that size is ruled out; else there is not enough data, and
-- it says what is missing. Of an ad older than the data a drop may be shown but not ruled out: its first weeks were better if
-- anything. Written anew each night.
{% set window = var('creative_window_days') %}
{% set drop = var('creative_drop') %}
{% set z = var('creative_test_z') %}
with daily as (
    select
        source_name,
        platform,
        account_id,
        ad_key,
        date_day,
        max(campaign_id) as campaign_id,
        max(ad_group_id) as ad_group_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from {{ ref('fct_ad_performance_daily') }}
    where ad_key is not null and date_day < {{ as_of() }}
    group by source_name, platform, account_id, ad_key, date_day
    having sum(impressions) > 0
),

ads as (
    select * from {{ ref('dim_ad') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

reach as (
    select
        *,
        source_name as platform,
        row_number() over (
            partition by source_name, account_id, ad_id
            order by window_end desc, window_start desc, row_id asc
        ) as newest_rank
    from {{ ref('int_ad_reach__unioned') }}
    where level = 'ad'
),

account_days as (
    select
        source_name,
        platform,
        account_id,
        min(date_day) as first_date,
        count(distinct case when date_day >= {{ dbt.dateadd('day', -window, as_of()) }} then date_day end) as n_recent_days
    from daily
    group by source_name, platform, account_id
),

lives as (
    select
        ad_key,
        min(date_day) as first_served_date,
        max(date_day) as last_served_date,
        count(distinct date_day) as n_days_served
    from daily
    group by ad_key
),

windows as (
    select
        daily.source_name,
        daily.platform,
        daily.account_id,
        daily.ad_key,
        max(daily.campaign_id) as campaign_id,
        max(daily.ad_group_id) as ad_group_id,
        lives.first_served_date,
        lives.last_served_date,
        lives.n_days_served,
        {%- for name, condition in {
            'first': 'daily.date_day < ' ~ dbt.dateadd('day', window, 'lives.first_served_date'),
            'recent': 'daily.date_day >= ' ~ dbt.dateadd('day', -window, as_of()),
        }.items() %}
        cast(sum(case when {{ condition }} then daily.impressions else 0 end) as bigint) as {{ name }}_impressions,
        cast(sum(case when {{ condition }} then daily.clicks else 0 end) as bigint) as {{ name }}_clicks
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from daily
    -- 1:1: lives are unique on ad_key
    inner join lives
        on daily.ad_key = lives.ad_key
    group by
        daily.source_name, daily.platform, daily.account_id, daily.ad_key, lives.first_served_date, lives.last_served_date,
        lives.n_days_served
),

live as (
    select
        *,
        case
            when ad_group_id is not null
                then count(*) over (partition by source_name, platform, account_id, campaign_id, ad_group_id)
        end as n_variants_live,
        cast(first_clicks as double) / nullif(first_impressions, 0) as first_rate,
        cast(recent_clicks as double) / nullif(recent_impressions, 0) as recent_rate,
        cast(first_clicks + recent_clicks as double) / nullif(first_impressions + recent_impressions, 0) as pooled_rate
    from windows
    where recent_impressions > 0
),

-- Left joins 1:1: ads are unique on ad_key, account_days on source, platform and account, reach on the ad and newest_rank.
tested as (
    select
        live.*,
        ads.campaign_key,
        ads.ad_id,
        ads.ad_name,
        ads.ad_format,
        account_days.n_recent_days,
        reach.frequency,
        reach.window_start as frequency_from_date,
        reach.window_end as frequency_through_date,
        live.first_served_date > account_days.first_date
        or coalesce(ads.created_date >= account_days.first_date, false) as is_start_known,
        live.first_served_date <= {{ dbt.dateadd('day', -2 * window, as_of()) }} as is_old_enough,
        least(live.first_clicks, live.recent_impressions * live.first_rate) as fewest_clicks,
        (live.recent_rate - live.first_rate) / nullif(sqrt(
            live.pooled_rate * (1 - live.pooled_rate) * (1.0 / live.first_impressions + 1.0 / live.recent_impressions)
        ), 0) as z_of_drop,
        (live.recent_rate - {{ 1 - drop }} * live.first_rate) / nullif(sqrt(
            live.recent_rate * (1 - live.recent_rate) / live.recent_impressions
            + {{ 1 - drop }} * {{ 1 - drop }} * live.first_rate * (1 - live.first_rate) / live.first_impressions
        ), 0) as z_against_drop
    from live
    left join ads
        on live.ad_key = ads.ad_key
    left join account_days
        on live.source_name = account_days.source_name
        and live.platform = account_days.platform
        and live.account_id is not distinct from account_days.account_id
    left join reach
        on ads.platform = reach.platform
        and ads.account_id = reach.account_id
        and ads.ad_id = reach.ad_id
        and reach.newest_rank = 1
),

judged as (
    select
        *,
        case
            when not is_old_enough then 'live for less than {{ 2 * window }} days'
            when coalesce(fewest_clicks, 0) < 10 then 'fewer than 10 clicks at the first click rate'
            when z_of_drop <= -{{ z }} and recent_rate <= {{ 1 - drop }} * first_rate then null
            when not is_start_known then 'the ad is older than the data'
            when z_against_drop >= {{ z }} then null
            else 'a drop of {{ (drop * 100) | round | int }} % is neither shown nor ruled out'
        end as missing
    from tested
)

-- Left join 1:1: source_status is unique on source_name.
select
    judged.ad_key,
    judged.campaign_key,
    judged.platform,
    judged.account_id,
    judged.campaign_id,
    judged.ad_group_id,
    judged.ad_id,
    judged.ad_name,
    judged.ad_format,
    case
        when judged.missing is not null then 'not enough data'
        when judged.z_of_drop <= -{{ z }} and judged.recent_rate <= {{ 1 - drop }} * judged.first_rate then 'fatigued'
        else 'healthy'
    end as verdict,
    judged.missing as unknown_reason,
    judged.first_impressions,
    judged.first_clicks,
    {{ ratio('judged.first_clicks', 'judged.first_impressions') }} as first_ctr,
    judged.recent_impressions,
    judged.recent_clicks,
    {{ ratio('judged.recent_clicks', 'judged.recent_impressions') }} as recent_ctr,
    cast(judged.recent_rate / nullif(judged.first_rate, 0) - 1 as decimal(24, 6)) as ctr_change,
    cast(round(judged.z_of_drop, 6) as decimal(24, 6)) as z_of_drop,
    cast(round(judged.z_against_drop, 6) as decimal(24, 6)) as z_against_drop,
    judged.frequency,
    {{ days_between('judged.first_served_date', 'judged.last_served_date') }} + 1 as days_live,
    judged.n_days_served,
    judged.n_variants_live,
    case
        when judged.n_variants_live is null then 'unknown'
        when judged.n_variants_live < 3 then 'too few'
        when judged.n_variants_live > 5 then 'too many'
        else 'as wanted'
    end as variants_verdict,
    {{ ratio('judged.n_recent_days', window) }} as coverage,
    case when judged.is_old_enough then 'mature' else 'maturing' end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    judged.first_served_date,
    judged.last_served_date,
    judged.frequency_from_date,
    judged.frequency_through_date,
    {{ as_of() }} as as_of_date,
    judged.source_name
from judged
left join source_status
    on judged.source_name = source_status.source_name
