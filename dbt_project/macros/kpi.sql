{# What models of KPIs share. #}

{# The measure of int_measures whose records say where a measure is known: users have none of their own, sessions have. #}
{% macro recorded_as(measure) -%}
    case when {{ measure }} in ('users', 'new_users') then 'sessions' else {{ measure }} end
{%- endmacro %}

{# A value below which the given share of all lie, between neighbours by their distance. #}
{% macro percentile(expression, share) -%}
    {{ return(adapter.dispatch('percentile')(expression, share)) }}
{%- endmacro %}

{% macro duckdb__percentile(expression, share) -%}
    quantile_cont({{ expression }}, {{ share }})
{%- endmacro %}

{% macro default__percentile(expression, share) -%}
    percentile_cont({{ share }}) within group (order by {{ expression }})
{%- endmacro %}

{# Whether a cohort of leads can still change: its month is running, or its last leads have not had their time to become customers. #}
{% macro cohort_maturity(grain, end_date, as_of_date) -%}
    case
        when {{ grain }} = 'month' and {{ end_date }} >= {{ as_of_date }} then 'open'
        when {{ days_between(end_date, as_of_date) }} < {{ var('lead_to_customer_maturity_days') }} then 'maturing'
        else 'mature'
    end
{%- endmacro %}
