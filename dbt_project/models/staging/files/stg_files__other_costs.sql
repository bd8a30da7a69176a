-- Grain: a marketing cost beside media. Amount in its own currency.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('other_costs') }},

renamed as (
    select
        date as date_day,
        {{ clean_text('category') }} as category,
        {{ clean_text('supplier') }} as supplier,
        {{ clean_text('channel') }} as origin,
        {{ clean_text('activity') }} as activity,
        cast(null as {{ dbt.type_string() }}) as stage,
        amount,
        {{ currency_code('currency') }} as currency,
        lower({{ clean_text('vat_basis') }}) as vat_basis,
        vat_rate_pct,
        {{ files_lineage() }}
    from kept
)

select * from renamed
