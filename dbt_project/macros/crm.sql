{# Steps of a lead's life, as the seed crm_lifecycle_steps calls them. #}

{% macro lifecycle_steps() -%}
    {{ return(['subscriber', 'lead', 'mql', 'sql', 'opportunity', 'customer']) }}
{%- endmacro %}

{# A step's place among them, from 1. #}
{% macro lifecycle_step_number(step) -%}
    case {{ step }}
    {%- for name in lifecycle_steps() %}
        when '{{ name }}' then {{ loop.index }}
    {%- endfor %}
    end
{%- endmacro %}

{# Whether files' leads or deals of a system are left to its CRM, which is connected and gives them (the CTE `crm`), or said to be (var
   crm_systems_in_files). #}
{% macro is_left_to_crm(system, crm='crm') -%}
    (
        {{ system }} in (select told.source_system from {{ crm }} as told)
        {%- if var('crm_systems_in_files') %}
        or {{ system }} in ('{{ var("crm_systems_in_files") | join("', '") }}')
        {%- endif %}
    )
{%- endmacro %}
