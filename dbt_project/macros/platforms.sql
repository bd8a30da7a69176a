{# Which ad platform brought a visit: by the click ids that only its ads carry, and by tags of a paid channel that name it.
   Meta's fbclid is on every link out of Facebook, so it tells no ad by itself. #}
{% macro ad_platforms() -%}
    {{ return({
        'google_ads': {
            'ids': ['gclid', 'gbraid', 'wbraid'],
            'named': '(^|[.])(google|youtube)([.]|$)|^(adwords|google[ _-]?ads)$',
        },
        'microsoft_ads': {'ids': ['msclkid'], 'named': '(^|[.])(bing|msn)([.]|$)|^(bing|microsoft)[ _-]?ads$'},
        'meta_ads': {'ids': [], 'named': '(^|[.])(facebook|instagram|messenger)([.]|$)|^(fb|ig|meta|(facebook|meta)[ _-]?ads)$'},
        'linkedin_ads': {'ids': ['li_fat_id'], 'named': '(^|[.])linkedin([.]|$)|^linkedin[ _-]?ads$'},
        'tiktok_ads': {'ids': ['ttclid'], 'named': '(^|[.])tiktok([.]|$)|^tiktok[ _-]?ads$'},
    }) }}
{%- endmacro %}

{# `name`: source of the tags; `is_paid`: whether their channel is. With `ids` the hashes of click ids are looked at first. #}
{% macro ad_platform_of(name, is_paid, ids=none) -%}
    case
        {%- if ids %}
        {%- for platform, how in ad_platforms().items() if how.ids %}
        when coalesce({% for id in how.ids %}{{ ids }}.{{ id }}_hash, {% endfor %}null) is not null then '{{ platform }}'
        {%- endfor %}
        {%- endif %}
        {%- for platform, how in ad_platforms().items() %}
        when {{ is_paid }} and {{ matches('lower(' ~ name ~ ')', how.named) }} then '{{ platform }}'
        {%- endfor %}
    end
{%- endmacro %}
