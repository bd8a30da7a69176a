-- Grain: an account's amount in a month, over all sources that bring the books. Every line stays.
with unioned as (
    {{ union_of('accounting_figures', 'accounting_figures', [
        'source_system', 'dataset', 'row_id', 'month_date', 'figure', 'stream', 'account', 'account_name', 'amount', 'currency',
        'vat_basis', 'vat_rate_pct',
    ]) }}
)

select
    {{ period_start('month', 'month_date') }} as month_start,
    figure,
    coalesce(stream, 'all') as stream,
    account,
    account_name,
    amount,
    {{ ex_vat('amount', 'vat_basis', 'vat_rate_pct') }} as amount_ex_vat,
    currency,
    source_name,
    source_system,
    dataset,
    row_id
from unioned
