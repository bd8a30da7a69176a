-- Grain: registered source. How its last load went; no wall-clock times.
with source as (
    select * from {{ source('ops', 'load_status') }}
)

select
    source as source_name,
    status,
    is_configured,
    last_good_as_of,
    data_through_date,
    expected_lag_days,
    stale_after_days,
    is_stale,
    message,
    rows_loaded,
    rows_rejected
from source
