{# What the audit of tags shares. #}

{# A tag's value for comparison: lower case, without outer blanks. #}
{% macro tag_value(expression) -%}
    lower(trim({{ expression }}))
{%- endmacro %}

{# What the spellings of one value have in common: no case, blanks, hyphens or underscores. #}
{% macro tag_spelling(expression) -%}
    replace(replace(replace(replace({{ tag_value(expression) }}, ' ', ''), '+', ''), '-', ''), '_', '')
{%- endmacro %}

{# Whether the platform fills the value in when the link is clicked: {{campaign.name}}, __CAMPAIGN_NAME__, {CampaignName}. #}
{% macro is_dynamic_tag(expression) -%}
    coalesce({{ matches(expression, '([{}]|__[A-Z_]+__)') }}, false)
{%- endmacro %}
