-- Grain: platform x account x campaign x search term that cost something in the look-back and brought no conversion. Amounts add
-- up. A candidate has cost so much that a term like the account's others would have converted with 95 % (var
-- wasted_spend_cpa_multiple). Cost and conversions of the same days and report on both sides, so that conversions still to come
-- are missing on both. Written anew each night.
{% set brand_pattern = '(' ~ (var('brand_terms') or ['(no brand terms)']) | join('|') ~ ')' %}
with terms as (
    select * from {{ ref('fct_search_term_daily') }}
    where
        date_day >= {{ dbt.dateadd('day', -var('search_term_lookback_days'), as_of()) }}
        and date_day < {{ as_of() }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

by_account as (
    select
        source_name,
        platform,
        account_id,
        sum(cost) as cost,
        sum(platform_conversions) as conversions,
        case
            when sum(platform_conversions) >= {{ var('wasted_spend_min_conversions') }}
                then {{ ratio('sum(cost)', 'sum(platform_conversions)') }}
        end as cost_per_conversion
    from terms
    group by source_name, platform, account_id
),

by_term as (
    select
        source_name,
        platform,
        account_id,
        campaign_id,
        search_term,
        max(campaign_key) as campaign_key,
        max(currency) as currency,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        {{ money_sum('cost') }} as cost,
        {{ money_sum('cost_reporting') }} as cost_reporting,
        max(case when lower(keyword_text) = lower(search_term) then 1 else 0 end) = 1 as is_own_keyword,
        count(cost_reporting) as n_known,
        count(*) as n_rows,
        min(date_day) as first_date,
        max(date_day) as last_date
    from terms
    group by source_name, platform, account_id, campaign_id, search_term
    having sum(cost) > 0 and count(platform_conversions) = count(*) and sum(platform_conversions) = 0
),

-- Inner join 1:1: by_account is unique on source, platform and account, and holds every term's account.
expected as (
    select
        by_term.*,
        by_account.cost_per_conversion,
        {{ ratio('by_term.cost', 'by_account.cost_per_conversion') }} as expected_conversions
    from by_term
    inner join by_account
        on by_term.source_name = by_account.source_name
        and by_term.platform = by_account.platform
        and by_term.account_id = by_account.account_id
)

-- Left joins 1:1: campaigns are unique on campaign_key, source_status on source_name.
select
    {{ surrogate_key([
        'expected.platform', 'expected.account_id', 'expected.campaign_id', 'expected.search_term',
    ]) }} as candidate_key,
    expected.campaign_key,
    expected.platform,
    expected.account_id,
    expected.campaign_id,
    campaigns.campaign_name,
    expected.search_term,
    case
        when expected.expected_conversions is null then 'unknown'
        when expected.expected_conversions >= {{ var('wasted_spend_cpa_multiple') }} then 'candidate'
        when expected.expected_conversions >= 1 then 'watch'
        else 'not enough data'
    end as verdict,
    case
        when expected.expected_conversions is null
            then 'fewer than {{ var("wasted_spend_min_conversions") }} conversions of search terms in the account'
    end as unknown_reason,
    expected.currency,
    expected.impressions,
    expected.clicks,
    expected.cost,
    expected.cost_reporting,
    expected.cost_per_conversion,
    expected.expected_conversions,
    cast(exp(-expected.expected_conversions) as decimal(24, 6)) as chance_of_no_conversion,
    coalesce({{ matches('lower(expected.search_term)', brand_pattern) }}, false) as is_brand_term,
    expected.is_own_keyword,
    {{ ratio('expected.n_known', 'expected.n_rows') }} as coverage,
    case
        when {{ days_between('expected.last_date', as_of()) }} < {{ var('ad_conversion_maturity_days') }} then 'maturing'
        else 'mature'
    end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    expected.first_date,
    expected.last_date,
    {{ as_of() }} as as_of_date,
    expected.source_name
from expected
left join campaigns
    on expected.campaign_key = campaigns.campaign_key
left join source_status
    on expected.source_name = source_status.source_name
