{# One union over the sources that provide something, with explicit columns. `entity` names the staging models:
   stg_<source>__<entity>. Each source's staging model gives exactly these columns. #}
{% macro union_of(provides, entity, columns) -%}
    {%- for name in var('union_sources')[provides] %}
    select
        '{{ name }}' as source_name,
        {%- for column in columns %}
        {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('stg_' ~ name ~ '__' ~ entity) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
