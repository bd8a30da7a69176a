-- Grain: platform x account x ad, as last seen. Nothing to add up. An ad with facts that no list of ads names has a row too:
-- has_entity is false and what is unknown is null.
with creatives as (
    select * from {{ ref('int_ad_creatives__current') }}
),

ad_groups as (
    select * from {{ ref('int_ad_groups__versions') }}
    where is_latest
),

served as (
    select
        platform,
        account_id,
        ad_id,
        min(source_name) as source_name,
        max(campaign_id) as campaign_id,
        max(ad_group_id) as ad_group_id,
        min(case when impressions > 0 or cost > 0 then date_day end) as first_served_date,
        max(case when impressions > 0 or cost > 0 then date_day end) as last_served_date
    from {{ ref('fct_ad_performance_daily') }}
    where ad_id is not null
    group by platform, account_id, ad_id
),

reported as (
    select
        platform,
        account_id,
        ad_id,
        min(source_name) as source_name,
        max(campaign_id) as campaign_id,
        max(ad_group_id) as ad_group_id
    from {{ ref('fct_ad_conversion_daily') }}
    where ad_id is not null
    group by platform, account_id, ad_id
),

-- Full joins 1:1: all are unique on platform, account and ad; null-safe, since files may name no account.
known_by_facts as (
    select
        coalesce(served.platform, reported.platform) as platform,
        coalesce(served.account_id, reported.account_id) as account_id,
        coalesce(served.ad_id, reported.ad_id) as ad_id,
        coalesce(served.source_name, reported.source_name) as source_name,
        coalesce(served.campaign_id, reported.campaign_id) as campaign_id,
        coalesce(served.ad_group_id, reported.ad_group_id) as ad_group_id,
        served.first_served_date,
        served.last_served_date
    from served
    full outer join reported
        on served.platform = reported.platform
        and served.account_id is not distinct from reported.account_id
        and served.ad_id = reported.ad_id
),

joined as (
    select
        coalesce(creatives.platform, known_by_facts.platform) as platform,
        coalesce(creatives.account_id, known_by_facts.account_id) as account_id,
        coalesce(creatives.ad_id, known_by_facts.ad_id) as ad_id,
        coalesce(creatives.source_name, known_by_facts.source_name) as source_name,
        coalesce(creatives.campaign_id, known_by_facts.campaign_id) as campaign_id,
        coalesce(creatives.ad_group_id, known_by_facts.ad_group_id) as ad_group_id,
        creatives.ad_name,
        creatives.ad_format,
        creatives.status,
        creatives.url_host,
        creatives.url_path,
        creatives.utm_source,
        creatives.utm_medium,
        creatives.utm_campaign,
        creatives.utm_content,
        creatives.utm_term,
        creatives.ad_id is not null as has_entity,
        creatives.created_date,
        creatives.first_seen_date,
        creatives.gone_date as removed_date,
        known_by_facts.first_served_date,
        known_by_facts.last_served_date
    from creatives
    full outer join known_by_facts
        on creatives.platform = known_by_facts.platform
        and creatives.account_id is not distinct from known_by_facts.account_id
        and creatives.ad_id = known_by_facts.ad_id
)

-- Left join 1:1: the latest version of an ad group is unique on platform, account and ad group.
select
    {{ surrogate_key(['joined.platform', 'joined.account_id', 'joined.ad_id']) }} as ad_key,
    {{ optional_key('joined.campaign_id', ['joined.platform', 'joined.account_id', 'joined.campaign_id']) }} as campaign_key,
    joined.platform,
    joined.account_id,
    joined.campaign_id,
    joined.ad_group_id,
    ad_groups.ad_group_name,
    joined.ad_id,
    joined.ad_name,
    joined.ad_format,
    joined.status,
    joined.url_host,
    joined.url_path,
    joined.utm_source,
    joined.utm_medium,
    joined.utm_campaign,
    joined.utm_content,
    joined.utm_term,
    joined.has_entity,
    joined.created_date,
    joined.first_seen_date,
    joined.first_served_date,
    joined.last_served_date,
    joined.removed_date,
    joined.source_name
from joined
left join ad_groups
    on joined.platform = ad_groups.platform
    and joined.account_id = ad_groups.account_id
    and joined.ad_group_id = ad_groups.ad_group_id
