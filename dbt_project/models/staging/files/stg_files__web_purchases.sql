-- Grain: item of a purchase that web analytics saw. Revenue in the property's currency; null is unknown, not 0.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('web_purchases') }},

renamed as (
    select
        transaction_id,
        {{ keyed_hash("_system || '|client|' || client_id") }} as client_key,
        {{ keyed_hash("_system || '|' || user_id") }} as user_key,
        {{ traffic_columns() }},
        item_id,
        item_name,
        {{ clean_text('country') }} as country,
        cast(attributes as {{ dbt.type_string() }}) as attributes,
        quantity,
        item_revenue,
        {{ currency_code('currency') }} as currency,
        purchased_at,
        coalesce(purchased_date, {{ reporting_date('purchased_at') }}) as purchased_date,
        {{ files_lineage() }}
    from kept
)

select * from renamed
