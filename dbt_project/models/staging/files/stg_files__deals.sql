-- Grain: deal as a file gives it. Amounts in the deal's currency.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('deals') }},

renamed as (
    select
        deal_id,
        lead_id,
        {{ person_key('_system', 'person_id', 'email', 'phone') }} as person_key,
        {{ keyed_hash("_system || '|' || person_id") }} as contact_hash,
        {{ hashed_contact_columns() }},
        company_id,
        {{ traffic_columns() }},
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('stage') }} as stage,
        {{ clean_text('pipeline') }} as pipeline,
        {{ clean_text('segment') }} as segment,
        {{ clean_text('lead_type') }} as lead_type,
        {{ keyed_hash("_system || '|owner|' || owner") }} as owner_key,
        cast(attributes as {{ dbt.type_string() }}) as attributes,
        amount,
        margin,
        {{ currency_code('currency') }} as currency,
        lower({{ clean_text('vat_basis') }}) as vat_basis,
        vat_rate_pct,
        created_at,
        coalesce(created_date, {{ reporting_date('created_at') }}) as created_date,
        closed_at,
        coalesce(closed_date, {{ reporting_date('closed_at') }}) as closed_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
