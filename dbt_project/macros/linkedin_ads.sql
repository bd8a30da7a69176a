{# LinkedIn's words for how things stand, in ours. What is completed may run again when its end is moved. #}
{% macro linkedin_ads_status(status) -%}
    case {{ status }}
        when 'ACTIVE' then 'active'
        when 'PAUSED' then 'paused'
        when 'DRAFT' then 'paused'
        when 'COMPLETED' then 'paused'
        else 'removed'
    end
{%- endmacro %}
