{# Keys: surrogate keys of things, keyed hashes of people. #}

{# md5 of the parts, delimited and with null marked, so that ('a', null) and (null, 'a') and ('a|', '') all differ.
   Only for what does not identify a person. #}
{% macro surrogate_key(expressions) -%}
    md5(
        {%- for expression in expressions -%}
            coalesce(replace(cast({{ expression }} as {{ dbt.type_string() }}), '|', '||'), '|-')
            {%- if not loop.last %} || '|,' || {% endif -%}
        {%- endfor -%}
    )
{%- endmacro %}

{# HMAC-SHA256 with the installation's key (ingestion/privacy.py); null stays null. The key is never in the SQL. #}
{% macro keyed_hash(expression) -%}
    {{ return(adapter.dispatch('keyed_hash')(expression)) }}
{%- endmacro %}

{% macro duckdb__keyed_hash(expression) -%}
    keyed_hash({{ expression }})
{%- endmacro %}

{% macro default__keyed_hash(expression) -%}
    {{ exceptions.raise_compiler_error('keyed_hash is not written for ' ~ target.type) }}
{%- endmacro %}

{# Hash of the normalised e-mail address or phone number; null for what is none. The same definition as ingestion's. #}
{% macro email_hash(expression) -%}
    {{ return(adapter.dispatch('email_hash')(expression)) }}
{%- endmacro %}

{% macro duckdb__email_hash(expression) -%}
    email_hash({{ expression }})
{%- endmacro %}

{% macro phone_hash(expression) -%}
    {{ return(adapter.dispatch('phone_hash')(expression)) }}
{%- endmacro %}

{% macro duckdb__phone_hash(expression) -%}
    phone_hash({{ expression }})
{%- endmacro %}

{# The person behind a record until identity exists: the system's id of the person, else the e-mail address, else the
   phone number, within that system. Null when nothing tells. #}
{% macro person_key(system, id, email=none, phone=none) -%}
    coalesce(
        {{ keyed_hash(system ~ " || '|' || " ~ id) }}
        {%- if email %},
        {{ keyed_hash(system ~ " || '|email|' || " ~ email_hash(email)) }}
        {%- endif %}
        {%- if phone %},
        {{ keyed_hash(system ~ " || '|phone|' || " ~ phone_hash(phone)) }}
        {%- endif %}
    )
{%- endmacro %}

{# A surrogate key that is null where the id is null: no id, no key. #}
{% macro optional_key(id, expressions) -%}
    case when {{ id }} is not null then {{ surrogate_key(expressions) }} end
{%- endmacro %}
