-- Grain: dbt group. The role that answers for it, as groups.yml names it.
{%- set groups = graph.groups.values() | sort(attribute='name') if execute else [] %}
with found (group_name, owner) as (
    values
    (cast(null as {{ dbt.type_string() }}), cast(null as {{ dbt.type_string() }}))
    {%- for group in groups %},
    ('{{ group.name }}', '{{ group.owner.name }}')
    {%- endfor %}
)

select
    group_name,
    owner
from found
where group_name is not null
