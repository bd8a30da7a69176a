{# What the models of web events share: days, what is left out, and who sent a visitor. #}

{# A fingerprint of what computes a row of the model: its code, the settings and seeds of the web, and these macros, whose
   number is raised when they change. Another one computes all days anew. #}
{% macro web_rules() -%}
    {%- set number = 1 -%}
    {%- set settings = [number, model.raw_code] -%}
    {%- for name in ['exclusions', 'payment_hosts', 'own_hosts', 'lookback_days', 'key_events'] -%}
        {%- do settings.append(tojson(var('web_' ~ name))) -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- for seed in ['known_sources', 'channels'] -%}
            {%- do settings.append(graph.nodes['seed.' ~ project_name ~ '.' ~ seed].checksum.checksum) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(local_md5(settings | join('|'))) }}
{%- endmacro %}

{# The days of web events that a model has to compute anew, as a list of ISO dates: those loaded on or after the night it was
   built for last, and all of them once its rules are others. None: all days, into an empty table. #}
{% macro changed_days(states) -%}
    {%- if not (execute and is_incremental()) %}{{ return(none) }}{% endif -%}
    {%- set found = run_query(
        "select cast(event_date as varchar) from " ~ states ~ " where is_loaded and ("
        ~ "loaded_as_of >= (select coalesce(max(built_as_of), date '1970-01-01') from " ~ this ~ ")"
        ~ " or exists (select 1 from " ~ this ~ " where rules_version <> '" ~ web_rules() ~ "')) order by event_date"
    ) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}

{# A hook before the model: the days that are computed anew are taken out, also those that came back without rows. #}
{% macro forget_days(states) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ in_days('event_date', changed_days(states)) }}
    {%- endif -%}
{%- endmacro %}

{# Whether a day is one of those. #}
{% macro in_days(column, days) -%}
    {%- if days is none -%}
        true
    {%- elif not days -%}
        false
    {%- else -%}
        ({{ column }} between date '{{ days[0] }}' and date '{{ days[-1] }}'
        and {{ column }} in ({% for day in days %}date '{{ day }}'{% if not loop.last %}, {% endif %}{% endfor %}))
    {%- endif -%}
{%- endmacro %}

{# The value of one expression where another is least, or greatest. #}
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
            {{ matches(column, pattern) }}{% if not loop.last %} or {% endif %}
        {%- endfor %} then '{{ reason }}'
    {%- endfor %}
    end
{%- endmacro %}

{# The host of an address as it is spelt there, quickly; for addresses of one's own tag. #}
{% macro raw_host(url) -%}
    {{ dbt.split_part(url, "'/'", 3) }}
{%- endmacro %}
