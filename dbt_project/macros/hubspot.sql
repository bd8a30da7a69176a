{# What is peculiar to HubSpot. #}

{# Calls or meetings x contact who took part, one row without a contact where none is linked; `key` is the object's id. #}
{% macro hubspot_activities(kind, key) -%}
with contacts as (
    select distinct
        object_id,
        to_id as contact_id
    from {{ source('hubspot', 'associations') }}
    where object_type = '{{ kind }}' and to_type = 'contacts'
),

deals as (
    select
        object_id,
        min(to_id) as deal_id
    from {{ source('hubspot', 'associations') }}
    where object_type = '{{ kind }}' and to_type = 'deals'
    group by object_id
)

-- contacts fan out, as the grain says; deals are unique on object_id.
select
    source.*,
    contacts.contact_id,
    deals.deal_id,
    {{ surrogate_key(['source.' ~ key, 'contacts.contact_id']) }} as row_id,
    {{ keyed_hash("'hubspot|owner|' || source.owner_id") }} as owner_key,
    {{ reporting_date('source.started_at') }} as started_date
from {{ source('hubspot', kind) }} as source
left join contacts
    on source.{{ key }} = contacts.object_id
left join deals
    on source.{{ key }} = deals.object_id
{%- endmacro %}
