{# Which ad platform brought a visit: by the click ids that only its ads carry, and by tags of a paid channel that name it.
   Meta's fbclid is on every link out of Facebook, so it tells no ad by itself. A platform is named by its own name, and by
   others listed here. #}
{% macro ad_platforms() -%}
    {%- set ids = {
        'google_ads': ['gclid', 'gbraid', 'wbraid'], 'microsoft_ads': ['msclkid'], 'linkedin_ads': ['li_fat_id'],
        'tiktok_ads': ['ttclid'],
    } -%}
    {%- set names = {
        'google_ads': 'google|youtube|adwords', 'microsoft_ads': 'microsoft|bing|msn',
        'meta_ads': 'meta|facebook|instagram|messenger|fb|ig',
    } -%}
    {%- set platforms = {} -%}
    {%- for platform in var('union_sources')['ad_platforms'] -%}
        {%- set named = names.get(platform, platform.replace('_ads', '')) -%}
        {%- do platforms.update({platform: {'ids': ids.get(platform, []), 'named': '(^|[.])(' ~ named ~ ')([ _-]?ads$|[.]|$)'}}) -%}
    {%- endfor -%}
    {{ return(platforms) }}
{%- endmacro %}

{# `name`: source of the tags; `is_paid`: whether their channel is. With `ids` the hashes of click ids are looked at first. #}
{% macro ad_platform_of(name, is_paid, ids=none) -%}
    case
        {%- if ids %}
        {%- for platform, how in ad_platforms().items() if how.ids %}
        when {% for id in how.ids %}{{ ids }}.{{ id }}_hash is not null{% if not loop.last %} or {% endif %}{% endfor %} then '{{ platform }}'
        {%- endfor %}
        {%- endif %}
        {%- for platform, how in ad_platforms().items() %}
        when {{ is_paid }} and {{ matches('lower(' ~ name ~ ')', how.named) }} then '{{ platform }}'
        {%- endfor %}
    end
{%- endmacro %}

{# The ad platform that sent an invoice, by the words of the supplier's name ("Google Ireland Ltd."); null for any other. #}
{% macro ad_platform_of_supplier(supplier) -%}
    case
        {%- for platform, how in ad_platforms().items() %}
        when {{ matches(plain_words(supplier), how.named.replace('(^|[.])', '(^| )').replace('([ _-]?ads$|[.]|$)', '( |$)')) }} then '{{ platform }}'
        {%- endfor %}
    end
{%- endmacro %}
