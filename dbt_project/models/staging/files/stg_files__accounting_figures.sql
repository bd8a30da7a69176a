-- Grain: an account's amount in a month, as the books have it. Amount in its own currency.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('accounting_figures') }},

renamed as (
    select
        month as month_date,
        figure,
        stream,
        {{ clean_text('account') }} as account,
        {{ scrub_emails(clean_text('account_name')) }} as account_name,
        amount,
        {{ currency_code('currency') }} as currency,
        lower({{ clean_text('vat_basis') }}) as vat_basis,
        vat_rate_pct,
        {{ files_lineage() }}
    from kept
)

select * from renamed
