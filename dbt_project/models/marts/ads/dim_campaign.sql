-- Grain: platform x account x campaign, as last seen. Nothing to add up. A campaign with facts that no list of campaigns names
-- (deleted before we first looked, or known from files alone) has a row too: has_entity is false and what is unknown is null.
with campaigns as (
    select * from {{ ref('int_campaigns__typed') }}
),

versions as (
    select * from {{ ref('int_campaigns__versions') }}
),

accounts as (
    select * from {{ ref('int_ad_accounts__unioned') }}
),

creatives as (
    select * from {{ ref('int_ad_creatives__current') }}
),

ads as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

given_names as (
    select
        platform,
        account_id,
        campaign_id,
        campaign_name,
        row_number() over (
            partition by platform, account_id, campaign_id
            order by date_day desc, source_name asc, row_id asc
        ) as newest_rank
    from {{ ref('int_ad_performance__unioned') }}
    where level is null and campaign_id is not null and campaign_name is not null
),

facts as (
    select
        platform,
        account_id,
        campaign_id,
        source_name,
        campaign_type,
        channel_key,
        currency,
        case when impressions > 0 or cost > 0 then date_day end as served_date
    from ads
    where campaign_id is not null
    {%- for model in ['fct_ad_conversion_daily', 'fct_search_term_daily'] %}
    union all
    select distinct
        platform,
        account_id,
        campaign_id,
        source_name,
        cast(null as varchar) as campaign_type,
        cast(null as varchar) as channel_key,
        cast(null as varchar) as currency,
        cast(null as date) as served_date
    from {{ ref(model) }}
    where campaign_id is not null
    {%- endfor %}
),

known_by_facts as (
    select
        platform,
        account_id,
        campaign_id,
        min(source_name) as source_name,
        max(campaign_type) as campaign_type,
        max(channel_key) as channel_key,
        max(currency) as currency,
        min(served_date) as first_served_date,
        max(served_date) as last_served_date
    from facts
    group by platform, account_id, campaign_id
),

first_seen as (
    select
        platform,
        account_id,
        campaign_id,
        min(seen_from_date) as first_seen_date
    from versions
    group by platform, account_id, campaign_id
),

-- The tags most of a campaign's ads carry; ads without tags count as a kind of their own.
tags as (
    select
        platform,
        account_id,
        campaign_id,
        utm_source,
        utm_medium,
        utm_campaign,
        count(*) over (partition by platform, account_id, campaign_id) as n_kinds,
        row_number() over (
            partition by platform, account_id, campaign_id
            order by count(*) desc, utm_source asc nulls last, utm_medium asc nulls last, utm_campaign asc nulls last
        ) as tag_rank
    from creatives
    group by platform, account_id, campaign_id, utm_source, utm_medium, utm_campaign
),

-- Full join 1:1: both are unique on platform, account and campaign; null-safe, since files may name no account.
joined as (
    select
        coalesce(campaigns.platform, known_by_facts.platform) as platform,
        coalesce(campaigns.account_id, known_by_facts.account_id) as account_id,
        coalesce(campaigns.campaign_id, known_by_facts.campaign_id) as campaign_id,
        coalesce(campaigns.source_name, known_by_facts.source_name) as source_name,
        campaigns.campaign_name,
        coalesce(campaigns.campaign_type, known_by_facts.campaign_type) as campaign_type,
        campaigns.platform_type,
        case
            when campaigns.campaign_id is not null then {{ ad_channel('campaigns.platform', 'campaigns.channel_type') }}
            else coalesce(known_by_facts.channel_key, {{ ad_channel('known_by_facts.platform', 'known_by_facts.campaign_type') }})
        end as channel_key,
        campaigns.journey_stage,
        campaigns.journey_stage_basis,
        campaigns.objective,
        campaigns.status,
        campaigns.daily_budget,
        coalesce(campaigns.currency, known_by_facts.currency) as currency,
        campaigns.name_market,
        campaigns.name_stage,
        campaigns.name_type,
        campaigns.name_theme,
        campaigns.name_period,
        campaigns.retargeting_basis,
        campaigns.is_retargeting,
        campaigns.is_name_conventional,
        campaigns.campaign_id is not null as has_entity,
        campaigns.start_date,
        campaigns.end_date,
        campaigns.removed_date,
        known_by_facts.first_served_date,
        known_by_facts.last_served_date
    from campaigns
    full outer join known_by_facts
        on campaigns.platform = known_by_facts.platform
        and campaigns.account_id is not distinct from known_by_facts.account_id
        and campaigns.campaign_id = known_by_facts.campaign_id
)

-- Left joins 1:1: all are unique on platform, account and campaign, accounts on source and account.
select
    {{ surrogate_key(['joined.platform', 'joined.account_id', 'joined.campaign_id']) }} as campaign_key,
    joined.channel_key,
    joined.platform,
    joined.account_id,
    accounts.account_name,
    joined.campaign_id,
    coalesce(joined.campaign_name, given_names.campaign_name) as campaign_name,
    joined.campaign_type,
    joined.platform_type,
    joined.journey_stage,
    joined.journey_stage_basis,
    joined.objective,
    joined.status,
    joined.name_market,
    joined.name_stage,
    joined.name_type,
    joined.name_theme,
    joined.name_period,
    tags.utm_source,
    tags.utm_medium,
    tags.utm_campaign,
    joined.retargeting_basis,
    coalesce(joined.currency, accounts.currency) as currency,
    joined.daily_budget,
    joined.is_retargeting,
    joined.is_name_conventional,
    tags.n_kinds > 1 as has_mixed_tags,
    joined.has_entity,
    joined.start_date,
    joined.end_date,
    first_seen.first_seen_date,
    joined.first_served_date,
    joined.last_served_date,
    joined.removed_date,
    joined.source_name
from joined
left join accounts
    on joined.source_name = accounts.source_name
    and joined.account_id = accounts.account_id
left join given_names
    on joined.platform = given_names.platform
    and joined.account_id is not distinct from given_names.account_id
    and joined.campaign_id = given_names.campaign_id
    and given_names.newest_rank = 1
left join first_seen
    on joined.platform = first_seen.platform
    and joined.account_id = first_seen.account_id
    and joined.campaign_id = first_seen.campaign_id
left join tags
    on joined.platform = tags.platform
    and joined.account_id = tags.account_id
    and joined.campaign_id = tags.campaign_id
    and tags.tag_rank = 1
