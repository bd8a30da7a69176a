-- Grain: what somebody answers for: a goal, a budget, an activity of the plan in force, a dataset (mart), a metric (KPI). Nothing to
-- add up. Changes with the plan, and with the project's marts and KPIs. What nobody may decide on is listed too, without mandate.
with mandates as (
    select * from {{ ref('int_plan__mandates') }}
),

goals as (
    select * from {{ ref('dim_goal') }}
),

activities as (
    select * from {{ ref('dim_activity') }}
),

budget_lines as (
    select * from {{ ref('fct_budget_line') }}
),

datasets as (
    select * from {{ ref('int_datasets') }}
),

kpis as (
    select * from {{ ref('dim_kpi') }}
),

data_owners as (
    select * from {{ ref('int_data_owners') }}
),

-- The budget of one thing is that of an activity; lines without one are shared, and told by category.
budgets as (
    select
        coalesce(activity_id, '(none) ' || category) as subject_id,
        coalesce(activity_id, category) as thing,
        {{ dbt.listagg("distinct owner", "', '", "order by owner") }} as owner
    from budget_lines
    group by coalesce(activity_id, '(none) ' || category), coalesce(activity_id, category)
),

things as (
    select
        'goal' as subject,
        goal_id as subject_id,
        goal as subject_name,
        cast(null as {{ dbt.type_string() }}) as dbt_group,
        owner
    from goals
    union all
    select
        'activity' as subject,
        activity_id as subject_id,
        activity as subject_name,
        cast(null as {{ dbt.type_string() }}) as dbt_group,
        owner
    from activities
    union all
    -- Left join 1:1: activities are unique on their id.
    select
        'budget' as subject,
        budgets.subject_id,
        coalesce(activities.activity, budgets.thing) as subject_name,
        cast(null as {{ dbt.type_string() }}) as dbt_group,
        budgets.owner
    from budgets
    left join activities
        on budgets.thing = activities.activity_id
    union all
    -- Left join 1:1: groups are unique on their name. The same below.
    select
        'dataset' as subject,
        datasets.dataset as subject_id,
        datasets.dataset || ': ' || datasets.grain as subject_name,
        datasets.group_name as dbt_group,
        data_owners.owner
    from datasets
    left join data_owners
        on datasets.group_name = data_owners.group_name
    union all
    select
        'metric' as subject,
        kpis.kpi as subject_id,
        kpis.name_en as subject_name,
        kpis.owner as dbt_group,
        data_owners.owner
    from kpis
    left join data_owners
        on kpis.owner = data_owners.group_name
)

-- Left joins 1:1: mandates are unique on subject and what of it.
select
    {{ surrogate_key(['things.subject', 'things.subject_id']) }} as mandate_key,
    things.subject,
    things.subject_id,
    things.subject_name,
    things.dbt_group,
    things.owner,
    {%- for column in ['mandate_id', 'decision', 'decided_by', 'limit_amount', 'currency', 'escalates_to', 'holds_from_date'] %}
    case when own_mandates.mandate_id is not null then own_mandates.{{ column }} else all_mandates.{{ column }} end as {{ column }},
    {%- endfor %}
    case
        when own_mandates.mandate_id is not null then 'own'
        when all_mandates.mandate_id is not null then 'all of the kind'
        else 'none'
    end as mandate_basis,
    {{ as_of() }} as as_of_date
from things
left join mandates as own_mandates
    on things.subject = own_mandates.subject
    and things.subject_id = own_mandates.subject_id
left join mandates as all_mandates
    on things.subject = all_mandates.subject
    and all_mandates.subject_id is null
