-- Grain: session x day of the property; a session over midnight has a row on both. Counts add up over its days. Only events
-- with consent, client and session. Source and click id are the first that the session's events of the day tell.
-- Columns are picked first and hashed last: a keyed hash of each event would cost more than all the rest.
{{ config(materialized='by_day', day='event_date', days='stg_ga4_export__event_days') }}
-- depends_on: {{ ref('stg_ga4_export__event_days') }}

{% set google_ids = ['gclid', 'gbraid', 'wbraid'] %}
{% set other_ids = ['dclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id'] %}
{% set ga4_fields = [
    'google_ads_campaign_id', 'google_ads_campaign_name', 'cross_channel_source', 'cross_channel_medium',
    'cross_channel_campaign_name', 'cross_channel_channel_group',
] %}
{# what is asked of a session's first event, the page it landed on, and the events that tell a source or a click #}
{% set first_columns = [
    'stream_id', 'platform', 'analytics_storage', 'device_category', 'device_operating_system', 'device_browser',
    'device_language', 'geo_country', 'geo_region',
] %}
{% set landing_columns = ['page_location', 'page_title', 'page_referrer'] %}
{% set traffic_columns = [
    'page_location', 'page_referrer', 'manual_source', 'manual_medium', 'manual_campaign_name', 'manual_campaign_id',
    'manual_term', 'manual_content', 'source', 'medium', 'campaign', 'campaign_id', 'term', 'content', 'gclid', 'gbraid',
    'wbraid', 'collected_gclid',
] %}
{% set click_columns = google_ids + [
    'dclid', 'page_location', 'collected_gclid', 'collected_dclid', 'gad_source', 'gad_campaignid',
] %}
with source as (
    select
        *,
        {{ epoch_microseconds('event_at') }} * 64 + least(coalesce(batch_event_index, 0), 63) as event_order,
        event_name in ('page_view', 'screen_view') as is_page_view,
        -- views go before all other events where a page is looked for
        case when event_name in ('page_view', 'screen_view') then {{ 2 ** 61 }} else 0 end as page_view_bonus,
        {{ raw_host('page_location') }} as location_host,
        {{ raw_host('page_referrer') }} as referrer_host
    from {{ source('ga4_export', 'events') }}
    where
        {{ in_days('event_date') }}
        and user_pseudo_id is not null
        and ga_session_id is not null
        and analytics_storage is distinct from 'No'
),

flagged as (
    select
        *,
        {{ web_exclusion() }} as exclusion,
        coalesce(referrer_host <> location_host, false) as is_other_host,
        coalesce({{ holds('referrer_host', var('web_payment_hosts')) }}, false) as is_payment_host,
        coalesce({{ holds('page_location', '[?&](gclid|gbraid|wbraid|dclid|fbclid|msclkid|ttclid|li_fat_id)=[^&#]') }}, false)
            as has_click_id_in_query,
        coalesce({{ holds('page_location', '[?&](utm_[a-z_]+|gclid|gbraid|wbraid)=[^&#]') }}, false) as has_tag_in_query
    from source
),

-- session_start and first_visit tell no source; the page they came with does.
told as (
    select
        *,
        is_other_host and is_payment_host as is_payment_referral,
        has_click_id_in_query or coalesce(collected_gclid, collected_dclid, gclid, gbraid, wbraid, dclid) is not null as has_click_id,
        event_name not in ('session_start', 'first_visit')
        and (
            has_tag_in_query
            or coalesce(
                {%- for tag in ['manual_source', 'manual_medium', 'manual_campaign_name', 'source', 'medium', 'campaign'] %}
                {{ ga4_tag(tag) }},
                {%- endfor %}
                manual_campaign_id, campaign_id, collected_gclid, gclid, gbraid, wbraid
            ) is not null
            or (
                is_other_host
                and referrer_host <> ''
                and ignore_referrer is distinct from 'true'
                and not is_payment_host
                and not {{ holds('referrer_host', var('web_own_hosts')) }}
            )
        ) as tells_source
    from flagged
),

sessions as (
    select
        event_date,
        user_pseudo_id,
        ga_session_id,
        max(ga_session_number) as session_number,
        max(user_id) as user_id,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        count(*) as n_events,
        count(case when is_page_view then 1 end) as n_page_views,
        count(case when is_payment_referral and is_page_view then 1 end) as n_payment_referrals,
        cast(coalesce(sum(engagement_time_msec), 0) as bigint) as engagement_time_msec,
        max(session_engaged) as session_engaged,
        max(case when event_name = 'first_visit' then 1 else 0 end) = 1 as has_first_visit,
        min(exclusion) as exclusion,
        coalesce(min(case when is_page_view then event_order end), min(event_order)) as landing_order,
        coalesce(max(case when is_page_view then event_order end), max(event_order)) as exit_order,
        min(case when tells_source then event_order end) as traffic_order,
        min(case when has_click_id then event_order end) as click_order,
        {{ max_by('ads_storage', 'event_order') }} as ads_storage,
        {%- for field in ga4_fields %}
        {{ max_by('session_' ~ field, 'event_order') }} as ga4_{{ field }},
        {%- endfor %}
        {{ min_by(pack(first_columns), 'event_order') }} as first_event,
        {{ min_by(pack(landing_columns), 'event_order - page_view_bonus') }} as landing,
        {{ max_by('page_location', 'event_order + page_view_bonus') }} as exit_location,
        {{ min_by(pack(traffic_columns), 'case when tells_source then event_order end') }} as traffic,
        {{ min_by(pack(click_columns), 'case when has_click_id then event_order end') }} as click
    from told
    group by event_date, user_pseudo_id, ga_session_id
),

-- Addresses without a query have no parameters to look for.
addressed as (
    select
        *,
        {%- for column in first_columns %}
        first_event.{{ column }} as {{ column }},
        {%- endfor %}
        {{ ga4_url('landing.page_location') }} as landing_location,
        {{ ga4_url('exit_location') }} as exit_address,
        landing.page_referrer as landing_referrer,
        traffic.page_referrer as traffic_referrer,
        traffic.page_location as traffic_location,
        case when traffic.page_location like '%?%' then traffic.page_location end as traffic_query,
        case when click.page_location like '%?%' then click.page_location end as click_query
    from sessions
),

tagged as (
    select
        *,
        {%- for tag in ['source', 'medium', 'campaign', 'id', 'term', 'content'] %}
        {{ url_parameter('traffic_query', 'utm_' ~ tag) }} as utm_{{ tag }},
        {%- endfor %}
        coalesce(
            {%- for id in google_ids %}
            {{ url_parameter('traffic_query', id) }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        ) as google_click
    from addressed
),

picked as (
    select
        *,
        {{ scrub_emails('landing.page_title') }} as landing_title,
        {{ url_path('exit_address') }} as exit_page,
        {{ url_host('coalesce(traffic_referrer, landing_referrer)') }} as referrer_host,
        {%- for tag, name in [
            ('source', 'source'), ('medium', 'medium'), ('campaign', 'campaign_name'), ('campaign_id', 'campaign_id'),
            ('term', 'term'), ('content', 'content'),
        ] %}
        {{ scrub_emails("coalesce(" ~ ga4_tag("traffic.manual_" ~ name) ~ ", " ~ ga4_tag("traffic." ~ tag) ~ ", "
            ~ ga4_tag("utm_" ~ ('id' if tag == 'campaign_id' else tag)) ~ ")") }} as {{ tag }},
        {%- endfor %}
        {%- for id in google_ids + other_ids %}
        coalesce(
            {%- if id in google_ids + ['dclid'] %} click.{{ id }},{% endif %}
            {%- if id in ['gclid', 'dclid'] %} click.collected_{{ id }},{% endif %}
            {{ url_parameter('click_query', id) }}
        ) as {{ id }},
        {%- endfor %}
        coalesce(traffic.gclid, traffic.gbraid, traffic.wbraid, traffic.collected_gclid, google_click) is not null as is_google_ads_click,
        coalesce(click.gad_source, {{ url_parameter('click_query', 'gad_source') }}) as gad_source,
        coalesce(click.gad_campaignid, {{ url_parameter('click_query', 'gad_campaignid') }}) as gad_campaign_id,
        coalesce({{ raw_host('traffic_referrer') }} <> {{ raw_host('traffic_location') }}, false) as has_referrer
    from tagged
)

select
    {{ ga4_session_key() }} as session_key,
    {{ ga4_client_key() }} as client_key,
    {{ keyed_hash("'ga4_export|' || user_id") }} as user_key,
    {%- for id in google_ids + other_ids %}
    {{ keyed_hash(id) }} as {{ id }}_hash,
    {%- endfor %}
    {{ url_host('landing_location') }} as landing_host,
    {{ url_path('landing_location') }} as landing_page,
    landing_location,
    landing_title,
    exit_page,
    referrer_host,
    source,
    medium,
    campaign,
    campaign_id,
    term,
    content,
    gad_source,
    gad_campaign_id,
    ga4_cross_channel_source as ga4_source,
    ga4_cross_channel_medium as ga4_medium,
    ga4_cross_channel_campaign_name as ga4_campaign,
    ga4_cross_channel_channel_group as ga4_channel_group,
    ga4_google_ads_campaign_id,
    ga4_google_ads_campaign_name,
    stream_id,
    platform,
    device_category,
    device_operating_system,
    device_browser,
    device_language,
    geo_country,
    geo_region,
    analytics_storage,
    ads_storage,
    exclusion,
    session_number,
    n_events,
    n_page_views,
    n_payment_referrals,
    engagement_time_msec,
    session_engaged = 1 as is_engaged_told,
    is_google_ads_click,
    has_referrer,
    has_first_visit,
    landing_order,
    exit_order,
    traffic_order,
    click_order,
    first_event_at,
    last_event_at,
    event_date,
    'ga4_export' as source_system,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from picked
