{# One union over the sources that provide something, with explicit columns. `entity` names the staging models:
   stg_<source>__<entity>. Each source's staging model gives exactly these columns. `columns` is a list, or a mapping of
   columns to types where the union may have no source yet: then it is empty and typed. `but_not` leaves out the sources
   of another union. #}
{% macro union_of(provides, entity, columns, but_not=none) -%}
    {%- set left_out = var('union_sources')[but_not] if but_not else [] %}
    {%- for name in var('union_sources')[provides] if name not in left_out %}
    select
        '{{ name }}' as source_name,
        {%- for column in columns %}
        {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('stg_' ~ name ~ '__' ~ entity) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as source_name,
        {%- for column, type in columns.items() %}
        cast(null as {{ type }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    where false
    {%- endfor %}
{%- endmacro %}
