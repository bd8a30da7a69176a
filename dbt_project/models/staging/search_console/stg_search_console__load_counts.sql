-- Grain: the source. What the mart must hold: every row that names a query or a page; property rows become what is unattributed.
with source as (
    select * from {{ ref('stg_search_console__organic_search') }}
)

select
    'organic_search' as entity,
    source_system,
    'rows' as measure,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    cast(count(*) as decimal(24, 6)) as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from source
where level <> 'property'
group by source_system
