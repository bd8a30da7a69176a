-- Grain: entity x system x measure (rows, amount) x currency (amounts only). What reconciliation needs to know of this source
-- before its rows reach a union: what lay in the files, what was rejected, what raw holds, and what a newer row with the
-- same declared key replaced. Every source has such a model.
{% set amounts = {
    'leads': none,
    'deals': 'amount',
    'orders': 'amount',
    'order_lines': 'quantity * unit_price',
    'web_purchases': 'item_revenue',
    'ad_performance': 'cost',
    'other_costs': 'amount',
    'accounting_figures': 'amount',
} %}
with files as (
    select
        entity,
        dataset,
        sum(n_rows) as n_rows,
        sum(n_rejected) as n_rejected,
        sum(n_null_skipped) as n_null_skipped
    from {{ ref('stg_files__files') }}
    where entity in ('{{ amounts | join("', '") }}') and n_rows > 0
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
        _system as source_system,
        {{ currency_code('currency') }} as currency,
        {{ money_sum(amount) }} as amount
    from {{ source('files', entity) }}
    where {{ amount.split(' * ')[0] }} is not null
    group by _system, {{ currency_code('currency') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Full join 1:1 on entity and dataset (a dataset has one system): a dataset without a single readable row has rejects only.
row_counts as (
    select
        coalesce(raw_rows.entity, files.entity) as entity,
        coalesce(raw_rows.source_system, '(no row could be read)') as source_system,
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(sum(coalesce(files.n_rows, 0)) as decimal(24, 6)) as in_files,
        cast(sum(coalesce(files.n_rejected, 0)) as decimal(24, 6)) as rejected,
        cast(sum(coalesce(files.n_null_skipped, 0)) as decimal(24, 6)) as null_skipped,
        cast(sum(coalesce(raw_rows.n_rows, 0)) as decimal(24, 6)) as in_raw,
        cast(sum(coalesce(raw_rows.n_replaced, 0)) as decimal(24, 6)) as replaced
    from raw_rows
    full outer join files
        on raw_rows.entity = files.entity
        and raw_rows.dataset = files.dataset
    group by
        coalesce(raw_rows.entity, files.entity),
        coalesce(raw_rows.source_system, '(no row could be read)')
),

-- Amounts of rows that a newer row with the same declared key replaced, in the order staging keeps them.
replaced_amounts as (
    {%- for entity, amount in amounts.items() if amount %}
    select
        '{{ entity }}' as entity,
        source_system,
        currency,
        {{ money_sum('amount') }} as amount
    from (
        select
            _system as source_system,
            {{ currency_code('currency') }} as currency,
            {{ amount }} as amount,
            row_number() over (
                partition by _dataset, _row_key
                order by _file_modified_at desc nulls last, _file_key desc, _row desc
            ) as newest_rank
        from {{ source('files', entity) }}
        where _row_key is not null
    ) as keyed
    where newest_rank > 1
    group by source_system, currency
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Left join 1:1: replaced_amounts are unique on entity, system and currency.
amounts as (
    select
        raw_amounts.entity,
        raw_amounts.source_system,
        'amount' as measure,
        raw_amounts.currency,
        cast(null as decimal(24, 6)) as in_files,
        cast(null as decimal(24, 6)) as rejected,
        cast(null as decimal(24, 6)) as null_skipped,
        raw_amounts.amount as in_raw,
        coalesce(replaced_amounts.amount, 0) as replaced
    from raw_amounts
    left join replaced_amounts
        on raw_amounts.entity = replaced_amounts.entity
        and raw_amounts.source_system = replaced_amounts.source_system
        and raw_amounts.currency is not distinct from replaced_amounts.currency
)

select * from row_counts
union all
select * from amounts
