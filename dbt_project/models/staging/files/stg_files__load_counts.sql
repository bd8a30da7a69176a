-- Grain: entity x dataset x system x measure (rows, amount) x currency (amounts only). What reconciliation needs to know
-- of this source before its rows reach a union: what lay in the files, what was rejected, what raw holds, and what a
-- newer row with the same declared key replaced. Every source has such a model.
{% set amounts = {
    'leads': none,
    'deals': 'amount',
    'orders': 'amount',
    'order_lines': 'quantity * unit_price',
    'web_purchases': 'item_revenue',
    'ad_performance': 'cost',
    'other_costs': 'amount',
} %}
with files as (
    select
        entity,
        dataset,
        sum(n_rows) as n_rows,
        sum(n_rejected) as n_rejected,
        sum(n_null_skipped) as n_null_skipped
    from {{ ref('stg_files__files') }}
    where n_loaded > 0 or n_rejected > 0
    group by entity, dataset
),

raw_rows as (
    {%- for entity in amounts %}
    select
        '{{ entity }}' as entity,
        _dataset as dataset,
        _system as source_system,
        count(*) as n_rows,
        count(_row_key) - count(distinct _row_key) as n_replaced
    from {{ source('files', entity) }}
    group by _dataset, _system
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

raw_amounts as (
    {%- for entity, amount in amounts.items() if amount %}
    select
        '{{ entity }}' as entity,
        _dataset as dataset,
        _system as source_system,
        {{ currency_code('currency') }} as currency,
        {{ money_sum(amount) }} as amount
    from {{ source('files', entity) }}
    where {{ amount }} is not null
    group by _dataset, _system, {{ currency_code('currency') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Left joins 1:1: files is unique on entity and dataset, a dataset has one system.
row_counts as (
    select
        raw_rows.entity,
        raw_rows.dataset,
        raw_rows.source_system,
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(files.n_rows as decimal(24, 6)) as in_files,
        cast(files.n_rejected as decimal(24, 6)) as rejected,
        cast(files.n_null_skipped as decimal(24, 6)) as null_skipped,
        cast(raw_rows.n_rows as decimal(24, 6)) as in_raw,
        cast(raw_rows.n_replaced as decimal(24, 6)) as replaced
    from raw_rows
    left join files
        on raw_rows.entity = files.entity
        and raw_rows.dataset = files.dataset
),

amounts as (
    select
        raw_amounts.entity,
        raw_amounts.dataset,
        raw_amounts.source_system,
        'amount' as measure,
        raw_amounts.currency,
        cast(null as decimal(24, 6)) as in_files,
        cast(null as decimal(24, 6)) as rejected,
        cast(null as decimal(24, 6)) as null_skipped,
        raw_amounts.amount as in_raw,
        -- null: worked out from what staging keeps; 0 where no row was replaced
        case when raw_rows.n_replaced = 0 then cast(0 as decimal(24, 6)) end as replaced
    from raw_amounts
    left join raw_rows
        on raw_amounts.entity = raw_rows.entity
        and raw_amounts.dataset = raw_rows.dataset
        and raw_amounts.source_system = raw_rows.source_system
)

select * from row_counts
union all
select * from amounts
