-- Grain: one row, none where nothing was ever loaded. What the files of the loaded days held, what was kept aside, and what raw
-- holds: in_files less rejected.
with days as (
    select
        cast(coalesce(sum(n_events + n_rejected), 0) as decimal(24, 6)) as in_files,
        cast(coalesce(sum(n_rejected), 0) as decimal(24, 6)) as rejected
    from {{ ref('stg_ga4_export__event_days') }}
    where is_loaded
),

raw_rows as (
    select cast(count(*) as decimal(24, 6)) as in_raw
    from {{ source('ga4_export', 'events') }}
)

select
    'web_events' as entity,
    'ga4_export' as source_system,
    'rows' as measure,
    cast(null as {{ dbt.type_string() }}) as currency,
    days.in_files,
    days.rejected,
    cast(0 as decimal(24, 6)) as null_skipped,
    raw_rows.in_raw,
    cast(0 as decimal(24, 6)) as replaced
from days
cross join raw_rows  -- one row each
where days.in_files > 0 or raw_rows.in_raw > 0
