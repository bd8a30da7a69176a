{# Google Ads' words. #}

{% macro google_ads_status(status) -%}
    case {{ status }} when 'ENABLED' then 'active' when 'PAUSED' then 'paused' when 'REMOVED' then 'removed' end
{%- endmacro %}

{# The id that ends a resource name: customers/1/campaigns/2 -> 2, customers/1/adGroupAds/2~3 -> 3. #}
{% macro google_ads_id(resource_name) -%}
    {{ return(adapter.dispatch('google_ads_id')(resource_name)) }}
{%- endmacro %}

{% macro duckdb__google_ads_id(resource_name) -%}
    nullif(regexp_extract({{ resource_name }}, '[0-9]+$'), '')
{%- endmacro %}

{% macro default__google_ads_id(resource_name) -%}
    regexp_substr({{ resource_name }}, '[0-9]+$')
{%- endmacro %}
