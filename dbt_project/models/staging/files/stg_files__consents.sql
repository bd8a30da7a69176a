-- Grain: answer of a subject about a purpose. A subject of another kind than the four is kept with a null hash.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('consents') }},

renamed as (
    select
        case lower({{ clean_text('identifier_kind') }})
            when 'client_id' then 'client' when 'user_id' then 'user' when 'email' then 'email' when 'phone' then 'phone'
        end as node_kind,
        case lower({{ clean_text('identifier_kind') }})
            when 'client_id' then {{ web_client_hash(client_id_in(clean_text('identifier'))) }}
            when 'user_id' then {{ web_user_hash(clean_text('identifier')) }}
            when 'email' then {{ email_hash('identifier') }}
            when 'phone' then {{ phone_hash('identifier') }}
        end as node_hash,
        case
            {%- for name, words in [('analytics', var('web_analytics_purposes')), ('ads', var('identity_ads_purposes'))] %}
            {%- for word in words %}
            when lower({{ clean_text('purpose') }}) = '{{ word }}' then '{{ name }}'
            {%- endfor %}
            {%- endfor %}
            else lower({{ clean_text('purpose') }})
        end as purpose,
        case when lower({{ clean_text('state') }}) = 'granted' then 'granted' else 'denied' end as state,
        lower({{ clean_text('basis') }}) as basis,
        changed_at,
        {{ files_lineage() }}
    from kept
)

select * from renamed
