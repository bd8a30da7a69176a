{# What is peculiar to TikTok's API. `relation` is the CTE that holds the columns. #}

{% macro tiktok_ads_status(relation) -%}
    case
        when {{ relation }}.secondary_status like '%\_DELETE' escape '\' then 'removed'
        when {{ relation }}.operation_status = 'ENABLE' then 'active'
        else 'paused'
    end
{%- endmacro %}

{# Null where the budget lies at the other level, or is for the whole flight. #}
{% macro tiktok_ads_daily_budget(relation) -%}
    case
        when {{ relation }}.budget_mode in ('BUDGET_MODE_DAY', 'BUDGET_MODE_DYNAMIC_DAILY_BUDGET')
            then {{ money(relation ~ '.budget') }}
    end
{%- endmacro %}
