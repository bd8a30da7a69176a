-- Grain: mart of this project, with the dbt group that answers for it, as dbt's own graph has them: no list to keep.
{%- set marts = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') if execute else [] %}
with found (dataset, group_name, grain) as (
    values
    (cast(null as {{ dbt.type_string() }}), cast(null as {{ dbt.type_string() }}), cast(null as {{ dbt.type_string() }}))
    {%- for mart in marts if mart.fqn[1] == 'marts' %},
    ('{{ mart.name }}', '{{ mart.config.group }}', '{{ mart.config.meta.grain | replace("'", "''") }}')
    {%- endfor %}
)

select
    dataset,
    group_name,
    grain
from found
where dataset is not null
