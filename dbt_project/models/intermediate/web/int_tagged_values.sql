-- Grain: value that a link carries, or lacks, over the last var utm_audit_days days: source x medium x campaign of tags; the kind of
-- click id of clicks without tags; the mail system's host of e-mail clicks without tags; the campaign of Google Ads clicks that
-- are not found. Decoded. From sessions, and from the links of ads that are live. Sessions add up over values; spend does not.
{{ config(materialized='table') }}

{% set value = ['kind', 'tagged_source', 'tagged_medium', 'tagged_campaign', 'click_id', 'referrer_host'] %}
{% set first_date = dbt.dateadd('day', -var('utm_audit_days'), as_of()) %}
with sessions as (
    select * from {{ ref('fct_session') }}
    where property_date >= {{ first_date }} and property_date < {{ as_of() }}
),

words as (
    select * from {{ ref('tagging_words') }}
),

platforms as (
    select * from {{ ref('ad_platform_tags') }}
),

known_sources as (
    select * from {{ ref('known_sources') }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

creatives as (
    select
        *,
        {{ ad_key() }} as ad_key,
        {{ campaign_key() }} as campaign_key
    from {{ ref('int_ad_creatives__current') }}
),

delivery as (
    select * from {{ ref('fct_ad_performance_daily') }}
    where date_day >= {{ first_date }} and date_day < {{ as_of() }}
),

hosts as (
    select distinct referrer_host from sessions
),

mail_hosts as (
    select distinct hosts.referrer_host
    from hosts
    inner join words
        on words.tag_part = 'referrer_host'
        and (hosts.referrer_host = words.word or hosts.referrer_host like '%.' || words.word)
),

-- GA4 writes the source of unpaid visits where tags would stand: a search or a referral without a campaign is no tag.
read as (
    select
        *,
        case when campaign not in ('(organic)', '(referral)') then campaign end as told_campaign,
        lower(source) = 'google'
        and lower(medium) = 'cpc'
        and (coalesce(gclid_hash, gbraid_hash, wbraid_hash, campaign_key) is not null or is_network_assumed) as is_google_click,
        case
            when msclkid_hash is not null then 'msclkid'
            when ttclid_hash is not null then 'ttclid'
            when li_fat_id_hash is not null then 'li_fat_id'
            when fbclid_hash is not null then 'fbclid'
        end as found_click_id
    from sessions
),

-- Left join 1:1: mail_hosts are distinct.
kinds as (
    select
        read.*,
        case
            when read.is_google_click then case when read.is_network_assumed then 'google_click' end
            when
                read.traffic_basis = 'tags'
                and (
                    read.told_campaign is not null
                    or lower(read.medium) not in ('organic', 'referral', '(none)', '(not set)')
                    or read.landing_location like '%utm_%'
                ) then 'tags'
            when read.found_click_id is not null then 'click_id'
            when mail_hosts.referrer_host is not null then 'mail'
        end as kind
    from read
    left join mail_hosts
        on read.referrer_host = mail_hosts.referrer_host
),

found as (
    select
        session_key,
        client_key,
        channel_key,
        property_date,
        is_engaged,
        is_new_client,
        kind,
        case when kind = 'tags' then {{ url_decoded("nullif(source, '(direct)')") }} end as tagged_source,
        case when kind = 'tags' then {{ url_decoded("nullif(nullif(medium, '(not set)'), '(none)')") }} end as tagged_medium,
        case when kind in ('tags', 'google_click') then {{ url_decoded('told_campaign') }} end as tagged_campaign,
        case when kind = 'click_id' then found_click_id when kind = 'google_click' then 'gclid' end as click_id,
        case when kind = 'mail' then referrer_host end as referrer_host,
        coalesce(msclkid_hash, ttclid_hash, li_fat_id_hash) is not null as has_ad_click_id
    from kinds
    where kind is not null
),

session_values as (
    select
        {{ surrogate_key(value) }} as value_key,
        {{ value | join(',\n        ') }},
        count(*) as sessions,
        count(case when is_engaged then 1 end) as engaged_sessions,
        count(distinct client_key) as clients,
        count(case when is_new_client then 1 end) as new_client_sessions,
        count(case when has_ad_click_id then 1 end) as ad_click_sessions,
        min(property_date) as first_seen_date,
        max(property_date) as last_seen_date
    from found
    group by {{ value | join(', ') }}
),

session_channels as (
    select
        {{ surrogate_key(value) }} as value_key,
        channel_key,
        row_number() over (
            partition by {{ surrogate_key(value) }} order by count(*) desc, channel_key asc
        ) as channel_rank
    from found
    group by {{ value | join(', ') }}, channel_key
),

-- An amount is unknown where one of its parts has no rate.
ad_costs as (
    select
        ad_key,
        case when count(cost) = count(cost_reporting) then {{ money_sum('cost_reporting') }} end as spend,
        count(case when impressions > 0 or cost > 0 then 1 end) > 0 as has_served
    from delivery
    where ad_key is not null
    group by ad_key
),

campaign_costs as (
    select
        campaign_key,
        case when count(cost) = count(cost_reporting) then {{ money_sum('cost_reporting') }} end as spend
    from delivery
    where campaign_key is not null
    group by campaign_key
),

served_platforms as (
    select distinct platform from delivery
),

-- Ads that are served, or may be at any time, with a link that is known. Left joins 1:1: each is unique on its key.
live_ads as (
    select
        creatives.platform,
        creatives.ad_key,
        creatives.campaign_key,
        campaigns.channel_key,
        {{ clean_text('creatives.utm_source') }} as tagged_source,
        {{ clean_text('creatives.utm_medium') }} as tagged_medium,
        {{ clean_text('creatives.utm_campaign') }} as tagged_campaign,
        coalesce(platforms.click_id, creatives.platform) as platform_click_id,
        -- a platform that reports leaves ads out that cost nothing
        case when served_platforms.platform is not null then case when ad_costs.ad_key is null then 0 else ad_costs.spend end end as spend
    from creatives
    left join platforms
        on creatives.platform = platforms.platform
    left join campaigns
        on creatives.campaign_key = campaigns.campaign_key
    left join ad_costs
        on creatives.ad_key = ad_costs.ad_key
    left join served_platforms
        on creatives.platform = served_platforms.platform
    where
        creatives.url_host is not null
        and not coalesce(platforms.is_auto_tagged, false)
        and (coalesce(ad_costs.has_served, false) or (creatives.status = 'active' and creatives.gone_date is null))
),

ad_links as (
    select
        *,
        case when coalesce(tagged_source, tagged_medium, tagged_campaign) is null then 'click_id' else 'tags' end as kind,
        case when coalesce(tagged_source, tagged_medium, tagged_campaign) is null then platform_click_id end as click_id,
        cast(null as {{ dbt.type_string() }}) as referrer_host
    from live_ads
),

ad_values as (
    select
        {{ surrogate_key(value) }} as value_key,
        {{ value | join(',\n        ') }},
        count(*) as n_ads,
        count(distinct campaign_key) as n_ad_campaigns,
        min(ad_key) as example_ad_key,
        case when count(distinct campaign_key) = 1 then min(campaign_key) end as ad_campaign_key,
        case when count(distinct platform) = 1 then min(platform) end as ad_platform,
        case when count(distinct channel_key) = 1 then min(channel_key) end as ad_channel_key,
        case when count(*) = count(spend) then {{ money_sum('spend') }} end as ad_spend
    from ad_links
    group by {{ value | join(', ') }}
),

-- What a campaign may be called in a tag: as the platform calls it, by its id, or as its ads' links do.
campaign_names as (
    select
        {{ tag_value('campaign_name') }} as campaign_tag,
        campaign_key
    from campaigns
    union distinct
    select
        {{ tag_value('campaign_id') }} as campaign_tag,
        campaign_key
    from campaigns
    union distinct
    select
        {{ tag_value('utm_campaign') }} as campaign_tag,
        campaign_key
    from creatives
),

-- Joins 1:1: campaigns and campaign_costs are unique on campaign_key, served_platforms on platform.
named_campaigns as (
    select
        campaign_names.campaign_tag,
        count(*) as n_known_campaigns,
        min(case when campaigns.is_name_conventional then 1 else 0 end) = 1 as is_known_conventional,
        case when count(distinct campaigns.campaign_key) = 1 then min(campaigns.campaign_key) end as known_campaign_key,
        case when count(distinct campaigns.platform) = 1 then min(campaigns.platform) end as known_platform,
        case when count(distinct campaigns.channel_key) = 1 then min(campaigns.channel_key) end as known_channel_key,
        case
            when
                count(*) = count(case when campaign_costs.campaign_key is null then served_platforms.platform else 'told' end)
                and count(campaign_costs.campaign_key) = count(campaign_costs.spend)
                then cast(coalesce(sum(campaign_costs.spend), 0) as decimal(24, 6))
        end as known_spend
    from campaign_names
    inner join campaigns
        on campaign_names.campaign_key = campaigns.campaign_key
    left join campaign_costs
        on campaigns.campaign_key = campaign_costs.campaign_key
    left join served_platforms
        on campaigns.platform = served_platforms.platform
    where campaign_names.campaign_tag is not null
    group by campaign_names.campaign_tag
),

-- Full join 1:1: both are unique on value_key.
joined as (
    select
        coalesce(session_values.value_key, ad_values.value_key) as value_key,
        {%- for column in value %}
        coalesce(session_values.{{ column }}, ad_values.{{ column }}) as {{ column }},
        {%- endfor %}
        coalesce(session_values.sessions, 0) as sessions,
        coalesce(session_values.engaged_sessions, 0) as engaged_sessions,
        coalesce(session_values.clients, 0) as clients,
        coalesce(session_values.new_client_sessions, 0) as new_client_sessions,
        coalesce(session_values.ad_click_sessions, 0) as ad_click_sessions,
        session_values.first_seen_date,
        session_values.last_seen_date,
        coalesce(ad_values.n_ads, 0) as n_ads,
        coalesce(ad_values.n_ad_campaigns, 0) as n_ad_campaigns,
        ad_values.example_ad_key,
        ad_values.ad_campaign_key,
        ad_values.ad_platform,
        ad_values.ad_channel_key,
        ad_values.ad_spend
    from session_values
    full outer join ad_values
        on session_values.value_key = ad_values.value_key
)

-- Left joins 1:1: each is unique on what it is joined by.
select
    joined.*,
    {{ tag_value('joined.tagged_source') }} as source_value,
    {{ tag_value('joined.tagged_medium') }} as medium_value,
    {{ tag_value('joined.tagged_campaign') }} as campaign_value,
    known_sources.category as source_category,
    case
        when joined.kind <> 'tags' then session_channels.channel_key
        when (joined.tagged_source is null or joined.tagged_medium is null) and session_channels.channel_key is not null
            then session_channels.channel_key
        else {{ channel_group(
            'lower(trim(joined.tagged_source))', 'lower(trim(joined.tagged_medium))', 'lower(trim(joined.tagged_campaign))',
            'known_sources.category'
        ) }}
    end as channel_key,
    coalesce(named_campaigns.n_known_campaigns, 0) as n_known_campaigns,
    named_campaigns.is_known_conventional,
    named_campaigns.known_campaign_key,
    named_campaigns.known_platform,
    named_campaigns.known_channel_key,
    named_campaigns.known_spend
from joined
left join session_channels
    on joined.value_key = session_channels.value_key
    and session_channels.channel_rank = 1
left join known_sources
    on {{ known_source_name('trim(joined.tagged_source)') }} = known_sources.source_name
left join named_campaigns
    on {{ tag_value('joined.tagged_campaign') }} = named_campaigns.campaign_tag
