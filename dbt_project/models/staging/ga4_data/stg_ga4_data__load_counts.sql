-- Grain: measure x currency. What the mart by day must hold: rows of every breakdown; revenue of the property's own report.
with counted as (
    {%- for report in ['property_daily', 'traffic_daily', 'landing_page_daily', 'event_daily'] %}
    select
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(count(*) as decimal(24, 6)) as in_raw
    from {{ source('ga4_data', report) }}
    union all
    {%- endfor %}
    select
        'amount' as measure,
        {{ currency_code('currency') }} as currency,
        {{ money_sum('purchase_revenue') }} as in_raw
    from {{ source('ga4_data', 'property_daily') }}
    group by {{ currency_code('currency') }}
)

select
    'web_aggregates' as entity,
    'ga4_data' as source_system,
    measure,
    currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    cast(sum(in_raw) as decimal(24, 6)) as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from counted
group by measure, currency
having sum(in_raw) is not null and (measure = 'amount' or sum(in_raw) > 0)
