{# What is peculiar to GA4's export. #}

{# An address without e-mail addresses and without the values of click ids; which ones were there stays to be seen. #}
{% macro ga4_url(url) -%}
    {{ return(adapter.dispatch('ga4_url')(url)) }}
{%- endmacro %}

{% macro duckdb__ga4_url(url) -%}
    regexp_replace(
        {{ scrub_emails(url) }},
        '([?&](gclid|dclid|gbraid|wbraid|srsltid|fbclid|msclkid|ttclid|li_fat_id)=)[^&#]*', '\1(id)', 'g'
    )
{%- endmacro %}

{# A tag as it was collected; what GA4 writes for none is none. A pattern: DuckDB makes a join of a list of values. #}
{% macro ga4_tag(expression) -%}
    case
        when {{ holds('lower(trim(' ~ expression ~ '))', '^[(](direct|none|not set|organic|referral)[)]$') }} then null
        else nullif(trim({{ expression }}), '')
    end
{%- endmacro %}

{# A session within its day's events, as one value to count by. #}
{% macro session_id() -%}
    {{ return(adapter.dispatch('session_id')()) }}
{%- endmacro %}

{% macro duckdb__session_id() -%}
    hash(user_pseudo_id, ga_session_id)
{%- endmacro %}

{# A client's key, and that of a session of theirs: keyed once, since a keyed hash is most of what a key costs. #}
{% macro ga4_client_key() -%}
    {{ keyed_hash("'ga4_export|client|' || user_pseudo_id") }}
{%- endmacro %}

{% macro ga4_session_key() -%}
    md5({{ ga4_client_key() }} || '|' || cast(ga_session_id as {{ dbt.type_string() }}))
{%- endmacro %}
