{# What is peculiar to the plan: its rows stand from one version of the plan to another. #}

{# Import CTEs `source` and `versions`, and CTE `dated`: rows with the nights between which they held. Joins 1:1: versions are
   unique on version. #}
{% macro plan_rows(sheet) -%}
    source as (
        select * from {{ source('plan', sheet) }}
    ),

    versions as (
        select * from {{ source('plan', 'plan_versions') }}
    ),

    dated as (
        select
            source.*,
            began.seen_as_of as valid_from_date,
            ended.seen_as_of as valid_to_date
        from source
        inner join versions as began
            on source.valid_from_version = began.version
        left join versions as ended
            on source.valid_to_version = ended.version
    )
{%- endmacro %}

{# Whether a row was in force at the end of a day: of two versions on one day the later counts. #}
{% macro plan_in_force(day) -%}
    valid_from_date <= {{ day }} and (valid_to_date is null or valid_to_date > {{ day }})
{%- endmacro %}
