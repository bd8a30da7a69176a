{# Clocks and calendars. as_of replaces every now(). #}

{# The night's as-of date, as a scalar subquery over the one row that ingestion writes. #}
{% macro as_of() -%}
    (select as_of from {{ source('ops', 'run') }})
{%- endmacro %}

{# Calendar day of a UTC timestamp in the reporting time zone. #}
{% macro reporting_date(timestamp) -%}
    {{ return(adapter.dispatch('reporting_date')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__reporting_date(timestamp) -%}
    cast(timezone('{{ var("reporting_time_zone") }}', {{ timestamp }}) as date)
{%- endmacro %}

{% macro default__reporting_date(timestamp) -%}
    cast({{ timestamp }} at time zone '{{ var("reporting_time_zone") }}' as date)
{%- endmacro %}

{# Every day from start to end, both included, as a query with the column date_day. #}
{% macro date_spine(start, end) -%}
    {{ return(adapter.dispatch('date_spine')(start, end)) }}
{%- endmacro %}

{% macro duckdb__date_spine(start, end) -%}
    select cast(days.day as date) as date_day
    from (select unnest(generate_series({{ start }}, {{ end }}, interval 1 day)) as day) as days
{%- endmacro %}

{% macro days_between(start, end) -%}
    cast({{ dbt.datediff(start, end, 'day') }} as integer)
{%- endmacro %}

{# First day of the period that holds a date; weeks are ISO weeks, from Monday. #}
{% macro period_start(grain, date) -%}
    cast({{ dbt.date_trunc(grain, date) }} as date)
{%- endmacro %}

{# Hours by which a time zone's clock is ahead of the reporting zone's, at the start of a day; null for a zone nobody knows. #}
{% macro zone_difference_hours(zone, date) -%}
    {{ return(adapter.dispatch('zone_difference_hours')(zone, date)) }}
{%- endmacro %}

{% macro duckdb__zone_difference_hours(zone, date) -%}
    case
        when {{ zone }} in (select zones.name from pg_timezone_names() as zones)
            then
                cast(
                    date_diff(
                        'minute',
                        timezone('{{ var("reporting_time_zone") }}', cast({{ date }} as timestamptz)),
                        timezone({{ zone }}, cast({{ date }} as timestamptz))
                    ) as decimal(24, 6)
                ) / 60
    end
{%- endmacro %}

{# A UTC timestamp as the clock of the reporting time zone shows it. #}
{% macro reporting_time(timestamp) -%}
    {{ return(adapter.dispatch('reporting_time')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__reporting_time(timestamp) -%}
    timezone('{{ var("reporting_time_zone") }}', {{ timestamp }})
{%- endmacro %}

{% macro default__reporting_time(timestamp) -%}
    cast({{ timestamp }} at time zone '{{ var("reporting_time_zone") }}' as timestamp)
{%- endmacro %}
