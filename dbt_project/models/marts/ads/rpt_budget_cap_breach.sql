-- Grain: campaign or ad group with a daily budget x period of the platform's rule (day, week, month). Spend against what the
-- platform's own rule allows (seed budget_rules) by the budget of the version valid that day. Nothing to add up: a campaign's
-- days are in its months too. Campaigns that have no daily budget anywhere are there, unknown. Changes while costs are restated.
with ads as (
    select * from {{ ref('fct_ad_performance_daily') }}
    where campaign_id is not null and allocation_level <> 'as_given' and date_day <= {{ as_of() }}
),

campaign_versions as (
    select * from {{ ref('int_campaigns__versions') }}
),

ad_group_versions as (
    select * from {{ ref('int_ad_groups__versions') }}
),

rules as (
    select * from {{ ref('budget_rules') }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

budgeted_groups as (
    select distinct
        platform,
        account_id,
        campaign_id,
        ad_group_id
    from ad_group_versions
    where daily_budget is not null
),

-- Versions do not overlap, so a day meets one at most.
campaign_days as (
    select
        'campaign' as entity_level,
        spent.platform,
        spent.account_id,
        spent.campaign_id,
        cast(null as varchar) as ad_group_id,
        spent.date_day,
        spent.cost,
        versions.daily_budget,
        spent.date_day < versions.seen_from_date as is_budget_assumed
    from (
        select
            platform,
            account_id,
            campaign_id,
            date_day,
            sum(cost) as cost
        from ads
        group by platform, account_id, campaign_id, date_day
    ) as spent
    left join campaign_versions as versions
        on spent.platform = versions.platform
        and spent.account_id = versions.account_id
        and spent.campaign_id = versions.campaign_id
        and spent.date_day >= versions.valid_from_date
        and spent.date_day <= coalesce(versions.valid_to_date, spent.date_day)
),

ad_group_days as (
    select
        'ad_group' as entity_level,
        spent.platform,
        spent.account_id,
        spent.campaign_id,
        spent.ad_group_id,
        spent.date_day,
        spent.cost,
        versions.daily_budget,
        spent.date_day < versions.seen_from_date as is_budget_assumed
    from (
        select
            platform,
            account_id,
            campaign_id,
            ad_group_id,
            date_day,
            sum(cost) as cost
        from ads
        where ad_group_id is not null
        group by platform, account_id, campaign_id, ad_group_id, date_day
    ) as spent
    inner join budgeted_groups
        on spent.platform = budgeted_groups.platform
        and spent.account_id = budgeted_groups.account_id
        and spent.campaign_id = budgeted_groups.campaign_id
        and spent.ad_group_id = budgeted_groups.ad_group_id
    left join ad_group_versions as versions
        on spent.platform = versions.platform
        and spent.account_id = versions.account_id
        and spent.ad_group_id = versions.ad_group_id
        and spent.date_day >= versions.valid_from_date
        and spent.date_day <= coalesce(versions.valid_to_date, spent.date_day)
),

-- A campaign whose ad groups have the budgets is judged by them alone.
days as (
    select campaign_days.*
    from campaign_days
    left join (select distinct platform, account_id, campaign_id from budgeted_groups) as by_group
        on campaign_days.platform = by_group.platform
        and campaign_days.account_id = by_group.account_id
        and campaign_days.campaign_id = by_group.campaign_id
    where campaign_days.daily_budget is not null or by_group.platform is null
    union all
    select * from ad_group_days
),

-- Fans out on purpose: each day into the periods of the platform's rules.
dated as (
    select
        days.*,
        rules.period,
        rules.cap_multiple,
        case
            when rules.period = 'day' then days.date_day
            when rules.period = 'month' then {{ period_start('month', 'days.date_day') }}
            when rules.week_starts_on = 'sunday'
                then cast({{ dbt.dateadd('day', -1, dbt.date_trunc('week', dbt.dateadd('day', 1, 'days.date_day'))) }} as date)
            else {{ period_start('week', 'days.date_day') }}
        end as period_start
    from days
    inner join rules
        on days.platform = rules.platform
),

ended as (
    select
        *,
        case period
            when 'day' then period_start
            when 'week' then cast({{ dbt.dateadd('day', 6, 'period_start') }} as date)
            else cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'period_start')) }} as date)
        end as period_end
    from dated
),

summed as (
    select
        entity_level,
        platform,
        account_id,
        campaign_id,
        ad_group_id,
        period,
        period_start,
        period_end,
        {{ money_sum('cost') }} as cost,
        {{ ratio('sum(daily_budget)', 'count(daily_budget)') }} as average_daily_budget,
        coalesce(cap_multiple, {{ days_between('period_start', 'period_end') }} + 1) as cap_multiple,
        {{ ratio('count(daily_budget)', 'count(*)') }} as coverage,
        max(case when is_budget_assumed then 1 else 0 end) = 1 as is_budget_assumed
    from ended
    group by
        entity_level, platform, account_id, campaign_id, ad_group_id, period, period_start, period_end, cap_multiple
),

capped as (
    select
        *,
        cast(round(average_daily_budget * cap_multiple, 6) as decimal(24, 6)) as cap
    from summed
)

-- Left joins 1:1: campaigns are unique on platform, account and campaign, source_status on source_name.
select
    {{ surrogate_key([
        'capped.platform', 'capped.account_id', 'capped.campaign_id', 'capped.ad_group_id', 'capped.period',
        'capped.period_start',
    ]) }} as budget_cap_key,
    campaigns.campaign_key,
    capped.platform,
    capped.account_id,
    capped.campaign_id,
    capped.ad_group_id,
    campaigns.campaign_name,
    capped.entity_level,
    capped.period,
    capped.period_start,
    capped.period_end,
    case
        when capped.cap is null or capped.cost is null then 'unknown'
        when capped.cost > capped.cap then 'breach'
        else 'within'
    end as verdict,
    case
        when capped.cap is null then 'no daily budget known'
        when capped.cost is null then 'cost not reported'
    end as unknown_reason,
    campaigns.currency,
    capped.cost,
    capped.average_daily_budget,
    cast(capped.cap_multiple as decimal(18, 6)) as cap_multiple,
    capped.cap,
    case when capped.cost > capped.cap then cast(capped.cost - capped.cap as decimal(24, 6)) end as over_cap,
    capped.is_budget_assumed,
    capped.coverage,
    case
        when capped.period_end >= {{ as_of() }} then 'open'
        when {{ days_between('capped.period_end', as_of()) }} < {{ var('ad_cost_maturity_days') }} then 'maturing'
        else 'mature'
    end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    {{ as_of() }} as as_of_date,
    campaigns.source_name
from capped
left join campaigns
    on capped.platform = campaigns.platform
    and capped.account_id = campaigns.account_id
    and capped.campaign_id = campaigns.campaign_id
left join source_status
    on campaigns.source_name = source_status.source_name
