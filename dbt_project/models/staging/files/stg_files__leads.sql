-- Grain: lead as a file gives it (system x lead id may come from several datasets). Counts; nothing to add up.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('leads') }},

renamed as (
    select
        lead_id,
        {{ person_key('_system', 'person_id', 'email', 'phone') }} as person_key,
        {{ keyed_hash("_system || '|' || person_id") }} as contact_hash,
        {{ hashed_contact_columns() }},
        company_id,
        {{ traffic_columns() }},
        {{ scrub_emails(clean_text('landing_page')) }} as landing_page,
        {{ clean_text('segment') }} as segment,
        {{ clean_text('lead_type') }} as lead_type,
        {{ keyed_hash("_system || '|owner|' || owner") }} as owner_key,
        {{ clean_text('country') }} as country,
        cast(attributes as {{ dbt.type_string() }}) as attributes,
        created_at,
        coalesce(created_date, {{ reporting_date('created_at') }}) as created_date,
        qualified_at,
        coalesce(qualified_date, {{ reporting_date('qualified_at') }}) as qualified_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
