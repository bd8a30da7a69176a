-- Grain: measure x record, of measures that are counted distinct. Whom to count once in days of one's own choosing, such as a goal's:
-- the KPIs' own periods of users are in int_measures__by_period. Days after the as-of date are left out.
with measures as (
    select * from {{ ref('int_measures') }}
),

measure_catalogue as (
    select * from {{ ref('measures') }}
),

sessions as (
    select * from {{ ref('fct_session') }}
    where property_date <= {{ as_of() }}
)

-- Inner join 1:1: measures are unique on their names in the catalogue.
select
    measures.measure,
    measures.date_day,
    measures.channel_key,
    measures.activity_id,
    measures.entity_key
from measures
inner join measure_catalogue
    on measures.measure = measure_catalogue.measure
where measure_catalogue.aggregation = 'distinct'
{%- for measure, condition in [('users', 'true'), ('new_users', 'is_new_client')] %}
union all
select
    '{{ measure }}' as measure,
    property_date as date_day,
    channel_key,
    cast(null as {{ dbt.type_string() }}) as activity_id,
    client_key as entity_key
from sessions
where {{ condition }}
{%- endfor %}
