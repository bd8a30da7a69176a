{# What the models of web events share. #}

{# A fingerprint of what computes a row of the model: its code and that of the web's models it stands on, the settings and seeds
   of the web, and these macros, whose number is raised when they change. Another one computes all days anew. #}
{% macro web_rules() -%}
    {%- set number = 2 -%}
    {%- set settings = [number, model.raw_code] -%}
    {%- for name in ['exclusions', 'payment_hosts', 'own_hosts', 'lookback_days', 'key_events'] -%}
        {%- do settings.append(tojson(var('web_' ~ name))) -%}
    {%- endfor -%}
    {%- if execute and graph -%}{# a unit test has no graph #}
        {%- for seed in ['known_sources', 'channels'] -%}
            {%- do settings.append(graph.nodes['seed.' ~ project_name ~ '.' ~ seed].checksum.checksum) -%}
        {%- endfor -%}
        {%- do settings.extend(code_by_day(model.depends_on.nodes)) -%}
    {%- endif -%}
    {{ return(local_md5(settings | join('|'))) }}
{%- endmacro %}

{# The code of the models by day that some nodes are, or reach through views of the web. #}
{% macro code_by_day(ids) -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() | selectattr('unique_id', 'in', ids) | sort(attribute='unique_id') -%}
        {%- set by_day = node.config.materialized == 'by_day' -%}
        {%- if by_day %}{% do found.append(node.raw_code) %}{% endif -%}
        {%- if by_day or (node.config.materialized == 'view' and '/web/' in node.original_file_path) -%}
            {%- do found.extend(code_by_day(node.depends_on.nodes)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The value of one expression where another is least, or greatest; rows where either is null do not count. #}
{% macro min_by(value, order) -%}
    {{ return(adapter.dispatch('min_by')(value, order)) }}
{%- endmacro %}

{% macro default__min_by(value, order) -%}
    min_by({{ value }}, {{ order }})
{%- endmacro %}

{% macro max_by(value, order) -%}
    {{ return(adapter.dispatch('max_by')(value, order)) }}
{%- endmacro %}

{% macro default__max_by(value, order) -%}
    max_by({{ value }}, {{ order }})
{%- endmacro %}

{# Several columns as one value, to be picked together. #}
{% macro pack(columns) -%}
    {{ return(adapter.dispatch('pack')(columns)) }}
{%- endmacro %}

{% macro duckdb__pack(columns) -%}
    struct_pack({% for column in columns %}{{ column }} := {{ column }}{% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}

{% macro epoch_microseconds(timestamp) -%}
    {{ return(adapter.dispatch('epoch_microseconds')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__epoch_microseconds(timestamp) -%}
    epoch_us({{ timestamp }})
{%- endmacro %}

{# Why traffic is none of the company's audience: the first of the var web_exclusions whose patterns match; else null. #}
{% macro web_exclusion() -%}
    case
    {%- for reason, patterns in var('web_exclusions').items() %}
        when {% for column, pattern in patterns.items() -%}
            {{ holds(column, pattern) }}{% if not loop.last %} or {% endif %}
        {%- endfor %} then '{{ reason }}'
    {%- endfor %}
    end
{%- endmacro %}

{# The host of an address as it is spelt there, quickly; for addresses of one's own tag. #}
{% macro raw_host(url) -%}
    {{ dbt.split_part(url, "'/'", 3) }}
{%- endmacro %}
