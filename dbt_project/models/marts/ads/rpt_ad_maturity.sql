-- Grain: platform x date of the click. Reported and expected conversions add up over dates of a platform; shares never. How many of
-- a day's conversions have come by its age, from the lags observed so far (chain ladder: of each lag only days old enough to
-- know it whole; between two lags linear), and how many are still expected. Written anew each night.
with conversions as (
    select
        source_name,
        platform,
        date_day,
        sum(platform_conversions) as all_conversions,
        sum(case when date_basis = 'click' then platform_conversions else 0 end) as platform_conversions
    from {{ ref('fct_ad_conversion_daily') }}
    where is_headline and date_day < {{ as_of() }}
    group by source_name, platform, date_day
),

-- Lags speak of clicks: a platform that books conversions to their own day does not let its days ripen.
by_click as (
    select
        source_name,
        {{ ratio('sum(platform_conversions)', 'sum(all_conversions)') }} as share_by_click
    from conversions
    group by source_name
),

served as (
    select
        source_name,
        platform,
        date_day
    from {{ ref('fct_ad_performance_daily') }}
    where allocation_level <> 'as_given' and date_day < {{ as_of() }}
    group by source_name, platform, date_day
),

lags as (
    select
        source_name,
        date_day,
        lag_to_days,
        sum(conversions) as conversions
    from {{ ref('int_ad_conversion_lags__unioned') }}
    where lag_to_days is not null and date_day < {{ as_of() }}
    group by source_name, date_day, lag_to_days
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

through as (
    select
        source_name,
        max(date_day) as through_date
    from served
    group by source_name
),

lag_steps as (
    select
        source_name,
        lag_to_days,
        lag(lag_to_days) over (partition by source_name order by lag_to_days) as previous_lag_to_days
    from (select distinct source_name, lag_to_days from lags) as steps
),

-- Of days old enough to know a lag whole: conversions up to it, and up to the one before. 1:1 joins on source_name.
observed as (
    select
        lag_steps.source_name,
        lag_steps.lag_to_days,
        sum(lags.conversions) as n_until,
        sum(case when lags.lag_to_days <= lag_steps.previous_lag_to_days then lags.conversions else 0 end) as n_before
    from lag_steps
    inner join through
        on lag_steps.source_name = through.source_name
    inner join lags
        on lag_steps.source_name = lags.source_name
        and lags.lag_to_days <= lag_steps.lag_to_days
        and {{ days_between('lags.date_day', 'through.through_date') }} >= lag_steps.lag_to_days
    group by lag_steps.source_name, lag_steps.lag_to_days
),

-- Lags beyond which too little was seen are left out: the shares are of what comes within the horizon.
enough as (
    select
        *,
        case when n_before > 0 then ln(cast(n_before as double) / cast(n_until as double)) end as log_share,
        max(lag_to_days) over (partition by source_name) as horizon_days,
        max(n_until) over (partition by source_name) as n_observed
    from observed
    where n_until >= {{ var('ad_lag_min_conversions') }}
),

shares as (
    select
        source_name,
        lag_to_days,
        horizon_days,
        n_observed,
        cast(round(exp(coalesce(sum(log_share) over later, 0)), 6) as decimal(24, 6)) as share_arrived,
        lead(lag_to_days) over (partition by source_name order by lag_to_days) as next_lag_to_days
    from enough
    window later as (
        partition by source_name
        order by lag_to_days desc
        rows between unbounded preceding and 1 preceding
    )
),

days as (
    select
        source_name,
        platform,
        date_day
    from served
    union
    select
        source_name,
        platform,
        date_day
    from conversions
),

tells as (
    select
        through.source_name,
        through.through_date,
        by_click.share_by_click,
        lags.source_name is not null as has_lags,
        coalesce(by_click.share_by_click = 1, false) as has_conversions
    from through
    -- 1:1: both are unique on source_name
    left join (select distinct source_name from lags) as lags
        on through.source_name = lags.source_name
    left join by_click
        on through.source_name = by_click.source_name
),

aged as (
    select
        days.source_name,
        days.platform,
        days.date_day,
        tells.has_lags,
        tells.has_conversions,
        tells.share_by_click,
        case
            when tells.has_conversions then cast(coalesce(conversions.platform_conversions, 0) as decimal(24, 6))
        end as platform_conversions,
        greatest({{ days_between('days.date_day', 'tells.through_date') }}, 0) as age_days
    from days
    inner join tells
        on days.source_name = tells.source_name
    left join conversions
        on days.source_name = conversions.source_name
        and days.platform = conversions.platform
        and days.date_day = conversions.date_day
),

-- An age lies between two lags at most. Left joins 1:1: shares are unique on source and lag.
shared as (
    select
        aged.*,
        shares.horizon_days,
        shares.n_observed,
        case
            when shares.next_lag_to_days is null then shares.share_arrived
            else cast(
                shares.share_arrived
                + (next_shares.share_arrived - shares.share_arrived)
                * (aged.age_days - shares.lag_to_days) / (shares.next_lag_to_days - shares.lag_to_days)
                as decimal(24, 6)
            )
        end as share_arrived
    from aged
    left join shares
        on aged.source_name = shares.source_name
        and aged.has_conversions
        and aged.age_days >= shares.lag_to_days
        and aged.age_days < coalesce(shares.next_lag_to_days, aged.age_days + 1)
    left join shares as next_shares
        on shares.source_name = next_shares.source_name
        and shares.next_lag_to_days = next_shares.lag_to_days
),

known_sources as (
    select distinct source_name from shares
),

final as (
    select
        shared.*,
        known_sources.source_name is not null as has_enough_lags,
        {{ ratio('shared.platform_conversions', 'shared.share_arrived') }} as expected_conversions
    from shared
    left join known_sources
        on shared.source_name = known_sources.source_name
)

-- Left join 1:1: source_status is unique on source_name.
select
    {{ surrogate_key(['final.source_name', 'final.platform', 'final.date_day']) }} as ad_maturity_key,
    final.platform,
    final.date_day,
    final.age_days,
    cast(final.horizon_days as integer) as horizon_days,
    final.platform_conversions,
    final.share_arrived,
    final.expected_conversions,
    cast(final.expected_conversions - final.platform_conversions as decimal(24, 6)) as still_expected_conversions,
    cast(final.n_observed as decimal(24, 6)) as n_observed_conversions,
    case
        when final.expected_conversions is null then 'unknown'
        when final.expected_conversions = 0 then 'zero'
        else 'known'
    end as state,
    case
        when final.expected_conversions is not null then null
        when final.share_by_click is null then 'the platform reports no conversions'
        when not final.has_conversions then 'the platform books conversions to the day of the conversion'
        when not final.has_lags then 'the platform tells no lags'
        when not final.has_enough_lags then 'fewer than {{ var("ad_lag_min_conversions") }} conversions with a lag'
        else 'too young to tell'
    end as unknown_reason,
    coalesce(final.share_arrived >= 0.8, false) as is_ready_for_verdict,
    coalesce(final.share_by_click, 0) as coverage,
    case
        when final.age_days >= coalesce(final.horizon_days, {{ var('ad_conversion_maturity_days') }}) then 'mature'
        else 'maturing'
    end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    {{ as_of() }} as as_of_date,
    final.source_name
from final
left join source_status
    on final.source_name = source_status.source_name
