-- Whatever day one asks for, a row of the plan stood in one way: its versions do not overlap.
{% set sheets = [
    'goals', 'kpi_targets', 'budget_lines', 'activities', 'milestones', 'experiments', 'content_items', 'priority_queries',
    'personas', 'market_notes', 'competitors', 'swot', 'learnings', 'mandates',
] %}
with versions as (
    {%- for sheet in sheets %}
    select
        '{{ sheet }}' as sheet,
        row_id,
        valid_from_version,
        valid_to_version,
        lead(valid_from_version) over (partition by row_id order by valid_from_version) as next_version
    from {{ ref('stg_plan__' ~ sheet) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select *
from versions
where next_version is not null and (valid_to_version is null or valid_to_version > next_version)
