-- Grain: day x pair of currencies, as a file gives it. One base unit costs `rate` quote units.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('exchange_rates') }},

renamed as (
    select
        date as date_day,
        {{ currency_code('base_currency') }} as base_currency,
        {{ currency_code('quote_currency') }} as quote_currency,
        rate,
        {{ files_lineage() }}
    from kept
)

select * from renamed
