{# Parts of an address. Null where the part is missing. #}

{% macro url_host(url) -%}
    {{ return(adapter.dispatch('url_host')(url)) }}
{%- endmacro %}

{% macro duckdb__url_host(url) -%}
    nullif(lower(regexp_extract({{ url }}, '^[a-zA-Z]+://([^/?#:]+)', 1)), '')
{%- endmacro %}

{% macro url_path(url) -%}
    {{ return(adapter.dispatch('url_path')(url)) }}
{%- endmacro %}

{% macro duckdb__url_path(url) -%}
    case
        when {{ url }} is not null
            then coalesce(nullif(url_decode(regexp_extract({{ url }}, '^[a-zA-Z]+://[^/?#]+(/[^?#]*)', 1)), ''), '/')
    end
{%- endmacro %}

{# The value of a query parameter, decoded; a parameter without a value is missing. Most addresses lack most parameters:
   looking for the name alone is far cheaper than the pattern. #}
{% macro url_parameter(url, name) -%}
    {{ return(adapter.dispatch('url_parameter')(url, name)) }}
{%- endmacro %}

{% macro duckdb__url_parameter(url, name) -%}
    case
        when contains({{ url }}, '{{ name }}=')
            then nullif(url_decode(replace(regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]*)', 1), '+', ' ')), '')
    end
{%- endmacro %}

{# A value that is still percent-encoded, as when a link was encoded twice, in plain text. #}
{% macro url_decoded(expression) -%}
    {{ return(adapter.dispatch('url_decoded')(expression)) }}
{%- endmacro %}

{% macro duckdb__url_decoded(expression) -%}
    url_decode({{ expression }})
{%- endmacro %}

{# Host and path as one site has them, with or without www. and a slash at the end. #}
{% macro bare_host(host) -%}
    case when lower({{ host }}) like 'www.%' then substr(lower({{ host }}), 5) else lower({{ host }}) end
{%- endmacro %}

{% macro bare_path(path) -%}
    case when {{ path }} = '/' then '/' else rtrim({{ path }}, '/') end
{%- endmacro %}
