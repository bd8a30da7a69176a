-- Grain: entity x measure (rows, amount) x currency. What raw holds, for reconciliation once marts are fed from CRMs.
with contacts as (
    select * from {{ ref('stg_pipedrive__contacts') }}
),

deals as (
    select * from {{ ref('stg_pipedrive__deals') }}
),

counted as (
    select
        'crm_contacts' as entity,
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(count(*) as decimal(24, 6)) as in_raw
    from contacts
    union all
    select
        'crm_deals' as entity,
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(count(*) as decimal(24, 6)) as in_raw
    from deals
    union all
    select
        'crm_deals' as entity,
        'amount' as measure,
        currency,
        {{ money_sum('amount') }} as in_raw
    from deals
    where amount is not null
    group by currency
)

select
    entity,
    'pipedrive' as source_system,
    measure,
    currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    in_raw,
    cast(0 as decimal(24, 6)) as replaced
from counted
where in_raw > 0
