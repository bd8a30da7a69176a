{# What models of KPIs share. #}

{# The measure of int_measures whose records say where a measure is known: users have none of their own, sessions have. #}
{% macro recorded_as(measure) -%}
    case when {{ measure }} in ('users', 'new_users') then 'sessions' else {{ measure }} end
{%- endmacro %}
