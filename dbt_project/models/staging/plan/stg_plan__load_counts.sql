-- Grain: entity x measure x currency. What the mart must hold: the costs of the plan in force. A plan with a mistake is not taken,
-- so nothing of it is rejected, and what a version replaced is not counted.
with source as (
    select * from {{ ref('stg_plan__other_costs') }}
),

measured as (
    select
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(count(*) as decimal(24, 6)) as in_raw
    from source
    having count(*) > 0
    union all
    select
        'amount' as measure,
        currency,
        {{ money_sum('amount') }} as in_raw
    from source
    group by currency
)

select
    'other_costs' as entity,
    'plan' as source_system,
    measure,
    currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    in_raw,
    cast(0 as decimal(24, 6)) as replaced
from measured
