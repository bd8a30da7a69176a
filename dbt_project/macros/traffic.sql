{# Key of a combination of origin, source, medium and campaign, as int_channels__traffic holds it. #}
{% macro traffic_key() -%}
    {{ surrogate_key(['origin', 'traffic_source', 'traffic_medium', 'traffic_campaign']) }}
{%- endmacro %}
