-- Grain: session, as GA4 counts them (client and session id, across midnight); with consent alone, without internal traffic and
-- bots (rpt_data_coverage counts those). Sessions add up over days, clients do not. A day is computed anew when its events,
-- or those of a day within reach of it, were loaded anew: GA4 restates three days. Rules: docs/web.md.
{% set lookback = var('web_lookback_days') %}
{{ config(
    materialized='by_day', day='property_date', days='int_web_days__unioned', days_before=7,
    days_after=[lookback + 1, 7] | max,
) }}
-- depends_on: {{ ref('int_web_days__unioned') }}

{% set first_columns = [
    'landing_host', 'landing_page', 'landing_location', 'landing_title', 'referrer_host', 'has_referrer',
] %}
{% set traffic_columns = [
    'source', 'medium', 'campaign', 'campaign_id', 'term', 'content', 'is_google_ads_click',
] %}
{% set click_columns = [
    'gclid_hash', 'gbraid_hash', 'wbraid_hash', 'dclid_hash', 'fbclid_hash', 'msclkid_hash', 'ttclid_hash', 'li_fat_id_hash',
    'gad_source', 'gad_campaign_id',
] %}
{% set once_columns = [
    'source_name', 'client_key', 'stream_id', 'platform', 'device_category', 'device_operating_system', 'device_browser',
    'device_language', 'geo_country', 'geo_region', 'analytics_storage', 'source_system',
] %}
{% set ga4_columns = [
    'ga4_source', 'ga4_medium', 'ga4_campaign', 'ga4_channel_group', 'ga4_google_ads_campaign_id', 'ga4_google_ads_campaign_name',
] %}
{% set summed = ['n_events', 'n_page_views', 'n_payment_referrals', 'engagement_time_msec'] %}
{% set plain = first_columns + traffic_columns + click_columns + once_columns + ga4_columns + ['user_key', 'ads_storage', 'exit_page'] %}
with parts as (
    select * from {{ ref('int_web_session_days__unioned') }}
    -- so far back as a direct session looks, and a week ahead: nobody's session runs longer
    where {{ in_days('event_date', before=lookback + 9, after=7) }}
),

known_sources as (
    select * from {{ ref('known_sources') }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
    where platform = 'google_ads'
),

ad_clicks as (
    select * from {{ ref('int_ad_clicks__unioned') }}
),

over_midnight as (
    select session_key
    from parts
    group by session_key
    having count(*) > 1
),

joined as (
    select
        parts.session_key,
        min(parts.event_date) as property_date,
        min(parts.first_event_at) as started_at,
        max(parts.last_event_at) as ended_at,
        max(parts.session_number) as session_number,
        max(parts.has_first_visit) as has_first_visit,
        max(parts.is_engaged_told) as is_engaged_told,
        min(parts.exclusion) as exclusion,
        {%- for column in summed %}
        cast(sum(parts.{{ column }}) as bigint) as {{ column }},
        {%- endfor %}
        {{ min_by(pack(first_columns), 'parts.landing_order') }} as landing,
        {{ min_by(pack(traffic_columns), 'parts.traffic_order') }} as traffic,
        {{ min_by(pack(click_columns), 'parts.click_order') }} as click,
        {{ min_by(pack(once_columns), 'parts.event_date') }} as first_day,
        {{ max_by(pack(ga4_columns), 'parts.event_date') }} as last_day,
        {{ max_by('parts.user_key', 'parts.event_date') }} as user_key,
        {{ max_by('parts.ads_storage', 'parts.event_date') }} as ads_storage,
        {{ max_by('parts.exit_page', 'parts.exit_order') }} as exit_page
    from parts
    inner join over_midnight
        on parts.session_key = over_midnight.session_key
    group by parts.session_key
),

sessions as (
    select
        session_key,
        event_date as property_date,
        first_event_at as started_at,
        last_event_at as ended_at,
        session_number,
        has_first_visit,
        is_engaged_told,
        exclusion,
        {{ (summed + plain) | join(',\n        ') }}
    from parts
    where session_key not in (select over_midnight.session_key from over_midnight)
    union all
    select
        session_key,
        property_date,
        started_at,
        ended_at,
        session_number,
        has_first_visit,
        is_engaged_told,
        exclusion,
        {{ summed | join(',\n        ') }},
        {%- for packed, columns in [
            ('landing', first_columns), ('traffic', traffic_columns), ('click', click_columns), ('first_day', once_columns),
            ('last_day', ga4_columns),
        ] %}
        {%- for column in columns %}
        {{ packed }}.{{ column }},
        {%- endfor %}
        {%- endfor %}
        user_key,
        ads_storage,
        exit_page
    from joined
),

-- What a session's source is, from its tags, a click id of Google Ads, or the page it came from: once a combination.
combinations as (
    select distinct
        source as tagged_source,
        medium as tagged_medium,
        campaign as tagged_campaign,
        coalesce(is_google_ads_click, false) as is_google_ads_click,
        case when has_referrer then referrer_host end as referrer_host
    from sessions
    where exclusion is null
),

-- Left joins 1:1: known_sources is unique on source_name.
resolved as (
    select
        combinations.*,
        case
            when tagged_source is null and is_google_ads_click then 'google'
            else coalesce(
                tagged_source, {{ search_engine('referrer_host') }}, {{ known_source_name('referrer_host') }}
            )
        end as source,
        case
            when is_google_ads_click and coalesce(lower(tagged_medium), 'organic') = 'organic' then 'cpc'
            when tagged_medium is not null then tagged_medium
            when tagged_source is null and (by_referrer.category = 'search' or {{ search_engine('referrer_host') }} is not null)
                then 'organic'
            when tagged_source is null and referrer_host is not null then 'referral'
            when by_tag.category = 'search' and referrer_host is not null and tagged_campaign is null then 'organic'
        end as medium,
        case
            when tagged_source is not null or tagged_medium is not null or tagged_campaign is not null then 'tags'
            when is_google_ads_click then 'click_id'
            when referrer_host is not null then 'referrer'
            else 'none'
        end as traffic_basis
    from combinations
    left join known_sources as by_tag
        on {{ known_source_name('combinations.tagged_source') }} = by_tag.source_name
    left join known_sources as by_referrer
        on {{ known_source_name('combinations.referrer_host') }} = by_referrer.source_name
),

channels as (
    select
        resolved.*,
        known_sources.category,
        {{ channel_group(
            'lower(trim(resolved.source))', 'lower(trim(resolved.medium))', 'lower(trim(resolved.tagged_campaign))',
            'known_sources.category'
        ) }} as rule_channel_key,
        lower(resolved.source) = 'google' and lower(resolved.medium) = 'cpc' and resolved.is_google_ads_click as is_google_ads
    from resolved
    left join known_sources
        on {{ known_source_name('resolved.source') }} = known_sources.source_name
),

-- Google's campaigns by id and by name; a name that several campaigns have tells none.
campaigns_by_id as (
    select
        campaign_id,
        min(campaign_key) as campaign_key
    from campaigns
    group by campaign_id
),

campaigns_by_name as (
    select
        campaign_name,
        min(campaign_key) as campaign_key
    from campaigns
    group by campaign_name
    having count(*) = 1
),

campaigns_by_click as (
    select
        click_key,
        min(campaign_id) as campaign_id
    from ad_clicks
    group by click_key
),

-- Left joins 1:1, each unique on its key; channels is unique on the combination.
grouped as (
    select
        sessions.*,
        channels.source as session_source,
        channels.medium as session_medium,
        channels.traffic_basis,
        channels.category,
        channels.rule_channel_key,
        channels.source is null and channels.medium is null as is_direct,
        channels.is_google_ads,
        case
            when channels.is_google_ads
                then coalesce(by_id.campaign_key, by_click_id.campaign_key, by_name.campaign_key)
        end as campaign_key
    from sessions
    inner join channels
        on sessions.source is not distinct from channels.tagged_source
        and sessions.medium is not distinct from channels.tagged_medium
        and sessions.campaign is not distinct from channels.tagged_campaign
        and coalesce(sessions.is_google_ads_click, false) = channels.is_google_ads_click
        and case when sessions.has_referrer then sessions.referrer_host end is not distinct from channels.referrer_host
    left join campaigns_by_id as by_id
        on coalesce(sessions.ga4_google_ads_campaign_id, sessions.gad_campaign_id) = by_id.campaign_id
    left join campaigns_by_click as clicks
        on sessions.gclid_hash = clicks.click_key
    left join campaigns_by_id as by_click_id
        on clicks.campaign_id = by_click_id.campaign_id
    left join campaigns_by_name as by_name
        on coalesce(sessions.ga4_google_ads_campaign_name, sessions.campaign) = by_name.campaign_name
    where sessions.exclusion is null
),

-- Rule 0: a click of Google Ads is grouped by its campaign's network.
placed as (
    select
        grouped.*,
        case
            when grouped.is_google_ads then coalesce(campaigns.channel_key, 'paid_search')
            else grouped.rule_channel_key
        end as channel_key,
        grouped.is_google_ads and campaigns.channel_key is null as is_network_assumed,
        coalesce(grouped.campaign, campaigns.campaign_name, grouped.ga4_google_ads_campaign_name) as session_campaign
    from grouped
    left join campaigns
        on grouped.campaign_key = campaigns.campaign_key
),

-- The latest session with a source, up to and with this one. Few columns: a window sorts all that it is given.
looked_back as (
    select
        session_key,
        started_at,
        is_direct,
        last_value(case when not is_direct then session_key end ignore nulls) over before_it as sourced_session_key,
        last_value(case when not is_direct then started_at end ignore nulls) over before_it as sourced_at
    from placed
    window before_it as (
        partition by client_key order by started_at asc, session_key asc
        rows between unbounded preceding and current row
    )
),

-- A direct session takes it if it lies within the look-back. Inner join 1:1: placed is unique on session_key.
credits as (
    select
        looked_back.session_key,
        sourced.session_key as credit_session_key,
        sourced.channel_key as credit_channel_key,
        sourced.session_source as credit_source,
        sourced.session_medium as credit_medium,
        sourced.session_campaign as credit_campaign
    from looked_back
    inner join placed as sourced
        on looked_back.sourced_session_key = sourced.session_key
    where
        looked_back.is_direct
        and looked_back.started_at <= {{ dbt.dateadd('day', lookback, 'looked_back.sourced_at') }}
),

-- Left join 1:1: credits are unique on session_key.
credited as (
    select
        placed.*,
        credits.credit_session_key,
        credits.credit_channel_key,
        credits.credit_source,
        credits.credit_medium,
        credits.credit_campaign
    from placed
    left join credits
        on placed.session_key = credits.session_key
    where {{ in_days('placed.property_date') }}
)

select
    session_key,
    client_key,
    user_key,
    channel_key,
    campaign_key,
    coalesce(session_source, '(direct)') as source,
    coalesce(session_medium, case when is_direct then '(none)' else '(not set)' end) as medium,
    session_campaign as campaign,
    campaign_id,
    term,
    content,
    traffic_basis,
    coalesce(credit_session_key, session_key) as last_non_direct_session_key,
    coalesce(credit_channel_key, channel_key) as last_non_direct_channel_key,
    coalesce(credit_source, session_source, '(direct)') as last_non_direct_source,
    coalesce(credit_medium, session_medium, case when is_direct then '(none)' else '(not set)' end) as last_non_direct_medium,
    coalesce(credit_campaign, session_campaign) as last_non_direct_campaign,
    ga4_source,
    ga4_medium,
    ga4_campaign,
    ga4_channel_group,
    {{ click_columns | join(',\n    ') }},
    landing_host,
    landing_page,
    landing_location,
    landing_title,
    exit_page,
    referrer_host,
    stream_id,
    platform,
    device_category,
    device_operating_system,
    device_browser,
    device_language,
    geo_country,
    geo_region,
    case analytics_storage when 'Yes' then 'granted' else 'unknown' end as analytics_consent,
    case ads_storage when 'Yes' then 'granted' when 'No' then 'denied' else 'unknown' end as ads_consent,
    session_number,
    n_events,
    n_page_views,
    n_payment_referrals,
    engagement_time_msec,
    coalesce(is_engaged_told, engagement_time_msec >= 10000 or n_page_views >= 2) as is_engaged,
    coalesce(session_number = 1, false) or has_first_visit as is_new_client,
    is_direct,
    is_network_assumed,
    channel_key = 'ai_assistant' and coalesce(lower(session_medium), '') <> 'ai-assistant' as is_ai_by_own_list,
    started_at,
    ended_at,
    {{ reporting_date('started_at') }} as session_date,
    property_date,
    source_name,
    source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from credited
