{# GA4's default channel group, rule by rule; the first match wins. Arguments are SQL expressions, lower-case and
   trimmed; `category` is the source's category in the seed known_sources (null when not listed). Rule 0 (Google Ads
   clicks, grouped by the network) is google_ads_channel below. Gives a channel_key. Rule 12's category of assistants
   is ours, for history before GA4 had the channel. #}
{% macro channel_group(source, medium, campaign, category) -%}
    {%- set paid = matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') -%}
    {%- set shop = matches(campaign, '^(.*(([^a-df-z]|^)shop|shopping).*)$') -%}
    {%- set email = '.*(email|e-mail|e_mail|e mail).*' -%}
    case
        when {{ source }} = '(direct)' and {{ medium }} in ('(none)', '(not set)') then 'direct'
        when {{ source }} is null and {{ medium }} is null then 'direct'
        when {{ campaign }} like '%cross-network%' then 'cross_network'
        when ({{ category }} = 'shopping' or {{ shop }}) and {{ paid }} then 'paid_shopping'
        when {{ category }} = 'search' and {{ paid }} then 'paid_search'
        when {{ category }} = 'social' and {{ paid }} then 'paid_social'
        when {{ category }} = 'video' and {{ paid }} then 'paid_video'
        when {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'display'
        when {{ paid }} then 'paid_other'
        when {{ category }} = 'shopping' or {{ shop }} then 'organic_shopping'
        when {{ category }} = 'social' then 'organic_social'
        when
            {{ medium }} in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
            then 'organic_social'
        when {{ category }} = 'video' or {{ medium }} like '%video%' then 'organic_video'
        when {{ medium }} = 'ai-assistant' or {{ category }} = 'ai_assistant' then 'ai_assistant'
        when {{ category }} = 'search' or {{ medium }} = 'organic' then 'organic_search'
        when {{ medium }} in ('referral', 'app', 'link') then 'referral'
        when {{ matches(source, email) }} or {{ matches(medium, email) }} then 'email'
        when {{ medium }} = 'affiliate' then 'affiliates'
        when {{ medium }} = 'audio' then 'audio'
        when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'sms'
        when
            {{ matches(medium, '(push$|mobile|notification)') }} or {{ source }} = 'firebase'
            then 'mobile_push'
        else 'unassigned'
    end
{%- endmacro %}

{# Rule 0: Google Ads clicks are grouped by the campaign's type. What cannot be resolved is Paid Search and flagged
   `is_network_assumed` by the caller: see google_ads_network_is_known. #}
{% macro google_ads_channel(campaign_type) -%}
    case
        when {{ campaign_type }} like '%shopping%' then 'paid_shopping'
        when {{ campaign_type }} like '%search%' then 'paid_search'
        when {{ matches(campaign_type, '(display|retargeting|audience)') }} then 'display'
        when {{ campaign_type }} like '%video%' or {{ campaign_type }} like '%youtube%' then 'paid_video'
        when {{ matches(campaign_type, '(performance.?max|pmax|demand.?gen|discovery|cross.?network)') }} then 'cross_network'
        else 'paid_search'
    end
{%- endmacro %}

{% macro google_ads_network_is_known(campaign_type) -%}
    coalesce(
        {{ matches(
            campaign_type,
            '(shopping|search|display|retargeting|video|youtube|performance.?max|pmax|demand.?gen|discovery|cross.?network)'
        ) }},
        false
    )
{%- endmacro %}

{# The channel of an ad by its platform and campaign type. #}
{% macro ad_channel(platform, campaign_type) -%}
    case
        when {{ platform }} in ('google_ads', 'google ads', 'google', 'adwords', 'microsoft_ads', 'bing_ads', 'bing')
            then {{ google_ads_channel(campaign_type) }}
        when {{ platform }} like '%youtube%' then 'paid_video'
        when {{ matches(platform, '(meta|facebook|instagram|linkedin|tiktok|snap|pinterest|twitter|^x$|reddit)') }}
            then 'paid_social'
        when {{ campaign_type }} like '%display%' or {{ campaign_type }} like '%retargeting%' then 'display'
        when {{ campaign_type }} like '%video%' then 'paid_video'
        else 'paid_other'
    end
{%- endmacro %}

{# The search engine of a host as web analytics names it; null for what is none (mail.google.com), or has no other name than
   its host. #}
{% macro search_engine(host) -%}
    case
        {%- for engine in ['google', 'bing', 'yahoo', 'duckduckgo', 'yandex', 'baidu', 'ecosia', 'qwant', 'brave', 'kvasir'] %}
        when {{ matches(host, '^((www|m|[a-z][a-z])[.])?(([a-z]+[.])?search[.])?' ~ engine ~ '[.]') }} then '{{ engine }}'
        {%- endfor %}
    end
{%- endmacro %}

{# A source's name as the seed known_sources has it. #}
{% macro known_source_name(source) -%}
    case when lower({{ source }}) like 'www.%' then substr(lower({{ source }}), 5) else lower({{ source }}) end
{%- endmacro %}
