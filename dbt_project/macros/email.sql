{# E-mail: what a link tells without its reader. #}

{# A link without its query, its fragment and addresses: tags of e-mail systems name the recipient. #}
{% macro bare_link(url) -%}
    {{ return(adapter.dispatch('bare_link')(url)) }}
{%- endmacro %}

{% macro duckdb__bare_link(url) -%}
    nullif({{ scrub_emails("regexp_extract(" ~ url ~ ", '^[^?#]*')") }}, '')
{%- endmacro %}
