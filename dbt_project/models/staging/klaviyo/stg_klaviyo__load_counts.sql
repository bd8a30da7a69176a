-- Grain: the source. What the mart must hold: every event as staged, the derived sends among them.
with source as (
    select * from {{ ref('stg_klaviyo__events') }}
)

select
    'email_systems' as entity,
    source_system,
    'rows' as measure,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    cast(count(*) as decimal(24, 6)) as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from source
group by source_system
