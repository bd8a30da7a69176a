-- Grain: business day x pair of currencies. One base unit costs `rate` quote units: the bank gives some for a hundred.
with source as (
    select * from {{ source('norges_bank', 'exchange_rates') }}
)

select
    date_day,
    {{ currency_code('base_currency') }} as base_currency,
    {{ currency_code('quote_currency') }} as quote_currency,
    -- multiplied, not divided: every digit stays
    cast(
        obs_value
        * case unit_mult
            {%- for power in range(5) %}
            when {{ power }} then cast({{ 10 ** -power }} as decimal(5, 4))
            {%- endfor %}
        end as decimal(18, 8)
    ) as rate,
    'norges_bank' as source_system,
    'exchange_rates' as dataset,
    cast(date_day as {{ dbt.type_string() }}) || '|' || base_currency || '|' || quote_currency as row_id,
    cast(null as {{ dbt.type_timestamp() }}) as version_at
from source
