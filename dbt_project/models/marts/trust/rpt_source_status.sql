-- Grain: registered source. Nothing to add up. Written anew each night. Holds nothing that differs between two runs over the
-- same input: no wall-clock times, and a source that loaded and one without news are both `ok`.
with load_status as (
    select * from {{ ref('stg_ops__load_status') }}
)

select
    source_name,
    case when status in ('loaded', 'unchanged') then 'ok' else status end as status,
    expected_lag_days,
    stale_after_days,
    case when data_through_date is not null then {{ days_between('data_through_date', as_of()) }} end as days_behind,
    is_configured,
    coalesce(is_stale, false) as is_stale,
    last_good_as_of,
    data_through_date,
    {{ as_of() }} as as_of_date
from load_status
