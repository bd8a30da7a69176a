-- Grain: day of the property. Loaded or refused; a day that is neither is missing in the export.
with source as (
    select * from {{ source('ga4_export', 'event_days') }}
)

select
    date_day as event_date,
    kind,
    message,
    n_events,
    n_rejected,
    size_bytes,
    kind = 'intraday' as is_intraday,
    files is not null as is_loaded,
    status = 'refused' as is_refused,
    first_event_at,
    last_event_at,
    loaded_as_of,
    {{ surrogate_key(['kind', 'files', 'reader_version', 'n_events']) }} as day_version
from source
