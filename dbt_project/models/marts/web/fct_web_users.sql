-- Grain: property x period (day, ISO week, month) x its last day. Users as the vendor counts them in each whole period: additive over
-- nothing; choose one period. Modelled where consent is missing. A period appears when it is over; restated for 12 days.
with aggregates as (
    select * from {{ ref('int_web_aggregates__unioned') }}
    where breakdown = 'property'
)

select
    {{ surrogate_key(['source_name', 'row_id']) }} as web_users_key,
    property_id,
    period,
    total_users,
    new_users,
    sessions,
    engaged_sessions,
    has_data_loss,
    is_thresholded,
    is_sampled,
    sample_share,
    cast(
        case period
            when 'week' then {{ dbt.dateadd('day', -6, 'date_day') }}
            when 'month' then {{ dbt.date_trunc('month', 'date_day') }}
            else date_day
        end as date
    ) as period_start_date,
    date_day as period_end_date,
    source_name,
    source_system
from aggregates
