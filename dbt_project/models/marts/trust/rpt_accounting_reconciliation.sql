-- Grain: month x figure x stream. What the books say beside what orders, deals and marketing costs say, in the reporting currency
-- without VAT, and what explains the difference. Amounts and differences add up over the months of a figure and stream, figures and
-- streams do not. Systems restate: a cancellation counts on its own day, ads for some weeks; the running month is not whole.
{%- set tolerance = var('accounting_tolerance') %}
{%- set edge_days = var('accounting_cut_off_days') %}
with night as (
    select {{ as_of() }} as as_of_date
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

-- The books of a month are converted at the rate of its last day; of the running one at the night's.
booked_lines as (
    select
        lines.*,
        least(cast({{ dbt.last_day('lines.month_start', 'month') }} as date), night.as_of_date) as wanted_rate_date
    from {{ ref('int_accounting__unioned') }} as lines
    cross join night
),

-- Left join 1:1: rates are unique on currency and day. One line that cannot be converted leaves its figure unknown.
booked as (
    select
        booked_lines.figure,
        booked_lines.stream,
        booked_lines.month_start,
        case
            when count(*) = count({{ to_reporting('booked_lines.amount_ex_vat', 'rates.rate') }})
                then {{ money_sum(to_reporting('booked_lines.amount_ex_vat', 'rates.rate')) }}
        end as amount,
        max(case
            when rates.rate is null then 'no exchange rate'
            when booked_lines.amount_ex_vat is null then 'VAT basis unknown'
        end) as unknown_reason
    from booked_lines
    left join rates
        on booked_lines.currency = rates.currency
        and booked_lines.wanted_rate_date = rates.date_day
    group by booked_lines.figure, booked_lines.stream, booked_lines.month_start
),

-- Where the books tell no margin it is revenue less the cost of goods. Inner join 1:1 on stream and month.
books as (
    select * from booked
    union all
    select
        'margin' as figure,
        revenue.stream,
        revenue.month_start,
        cast(revenue.amount - costs.amount as decimal(24, 6)) as amount,
        coalesce(revenue.unknown_reason, costs.unknown_reason) as unknown_reason
    from booked as revenue
    inner join booked as costs
        on revenue.stream = costs.stream
        and revenue.month_start = costs.month_start
        and costs.figure = 'cost_of_goods'
    where
        revenue.figure = 'revenue'
        and not exists (
            select 1 from booked as margins
            where margins.figure = 'margin' and margins.stream = revenue.stream
        )
),

-- What the systems say, record by record: amount, the same with the VAT its source gave, and what of it was taken back.
orders as (
    select
        ordered_date as date_day,
        amount_ex_vat_reporting as revenue,
        amount_reporting as revenue_with_vat,
        cancelled_ex_vat_reporting as revenue_taken_back,
        cost_amount_reporting as cost_of_goods,
        case when order_type = 'cancellation' then cost_amount_reporting else 0 end as cost_taken_back
    from {{ ref('fct_order') }}
),

won_deals as (
    select
        closed_date as date_day,
        amount_ex_vat_reporting as revenue,
        amount_reporting as revenue_with_vat,
        margin_reporting as margin
    from {{ ref('fct_deal') }}
    where is_won
),

costs as (
    select * from {{ ref('fct_cost') }}
    where not is_committed
),

records as (
    {%- for figure, stream, amount, with_vat, taken_back, table in [
        ('revenue', 'orders', 'revenue', 'revenue_with_vat', 'revenue_taken_back', 'orders'),
        ('cost_of_goods', 'orders', 'cost_of_goods', 'cost_of_goods', 'cost_taken_back', 'orders'),
        ('margin', 'orders', 'revenue - cost_of_goods', 'revenue_with_vat - cost_of_goods',
            'revenue_taken_back - cost_taken_back', 'orders'),
        ('revenue', 'deals', 'revenue', 'revenue_with_vat', '0', 'won_deals'),
        ('margin', 'deals', 'margin', 'margin', '0', 'won_deals'),
        ('marketing_cost', 'all', 'amount_reporting', 'amount_reporting', '0', 'costs'),
    ] %}
    select
        '{{ figure }}' as figure,
        '{{ stream }}' as stream,
        date_day,
        {{ amount }} as amount,
        {{ with_vat }} as with_vat,
        {{ taken_back }} as taken_back
    from {{ table }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

streamed as (
    select * from records
    union all
    select figure, 'all' as stream, date_day, amount, with_vat, taken_back
    from records
    where stream <> 'all'
),

system_months as (
    select
        figure,
        stream,
        {{ period_start('month', 'date_day') }} as month_start,
        {{ money_sum('amount') }} as amount,
        {{ money_sum('with_vat') }} as amount_with_vat,
        {{ money_sum('taken_back') }} as taken_back,
        -- what was sold, or cost, in the days around the month's ends
        {{ money_sum("case when date_day > " ~ dbt.dateadd('day', -edge_days, dbt.last_day('date_day', 'month'))
            ~ " then abs(amount) else 0 end") }} as last_days_amount,
        {{ money_sum("case when date_day < " ~ dbt.dateadd('day', edge_days, period_start('month', 'date_day'))
            ~ " then abs(amount) else 0 end") }} as first_days_amount,
        count(*) as n_records,
        count(*) - count(amount) as n_unknown_records
    from streamed
    where date_day <= {{ as_of() }}
    group by figure, stream, {{ period_start('month', 'date_day') }}
),

-- From and through which day the systems can tell.
fact_coverage as (
    select * from {{ ref('int_fact_coverage') }}
),

told as (
    select 'orders' as stream, first_date, through_date from fact_coverage
    where fact = 'orders'
    union all
    select 'deals' as stream, first_date, through_date from fact_coverage
    where fact = 'deals'
    union all
    select 'all' as stream, max(first_date) as first_date, min(through_date) as through_date from fact_coverage
    where fact in ('orders', 'deals')
    having count(*) > 0
    union all
    select 'marketing_cost' as stream, first_date, through_date from fact_coverage
    where fact = 'marketing_costs'
),

-- What is compared: as the books tell it, and for figures they do not tell as the systems do.
compared as (
    select distinct
        figure,
        stream
    from books
    union
    select
        figure,
        stream
    from (
        {%- for figure, stream in [
            ('revenue', 'orders'), ('revenue', 'deals'), ('cost_of_goods', 'orders'), ('margin', 'orders'), ('marketing_cost', 'all'),
        ] %}
        select '{{ figure }}' as figure, '{{ stream }}' as stream
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as usual
    where usual.figure not in (select books.figure from books)
),

months as (
    select month_start from books
    union
    select month_start from system_months
),

spans as (
    select
        figure,
        stream,
        min(month_start) as first_month,
        max(month_start) as last_month
    from books
    group by figure, stream
),

-- Left joins 1:1: books, system_months and spans are unique on figure, stream and month (spans on the first two), told on its stream.
sides as (
    select
        compared.figure,
        compared.stream,
        months.month_start,
        night.as_of_date,
        books.amount as accounting_amount,
        case
            when books.month_start is not null then books.unknown_reason
            when spans.first_month is null then 'the books do not tell it'
            when months.month_start < spans.first_month then 'before the first books'
            when months.month_start > spans.last_month then 'not booked yet'
            else 'no books of this month'
        end as accounting_unknown_reason,
        case
            when told.first_date is null then 'no source delivers this'
            when {{ dbt.dateadd('day', -var('goal_start_grace_days'), 'told.first_date') }} > months.month_start
                then 'the data begin later'
            when told.through_date < {{ dbt.last_day('months.month_start', 'month') }} then 'the month is not over in the data'
            when system_months.n_records = system_months.n_unknown_records then 'no record has a value'
        end as system_unknown_reason,
        coalesce(system_months.amount, 0) as system_sum,
        coalesce(system_months.amount_with_vat, 0) as system_amount_with_vat,
        coalesce(system_months.taken_back, 0) as taken_back,
        coalesce(system_months.last_days_amount, 0) as last_days_amount,
        coalesce(system_months.first_days_amount, 0) as first_days_amount,
        coalesce(system_months.n_records, 0) as n_records,
        coalesce(system_months.n_unknown_records, 0) as n_unknown_records,
        books.month_start is not null as is_booked
    from compared
    cross join months
    cross join night
    left join books
        on compared.figure = books.figure
        and compared.stream = books.stream
        and months.month_start = books.month_start
    left join system_months
        on compared.figure = system_months.figure
        and compared.stream = system_months.stream
        and months.month_start = system_months.month_start
    left join spans
        on compared.figure = spans.figure
        and compared.stream = spans.stream
    left join told
        on case when compared.figure = 'marketing_cost' then 'marketing_cost' else compared.stream end = told.stream
),

differences as (
    select
        *,
        case when system_unknown_reason is null then system_sum end as system_amount,
        case when system_unknown_reason is null then accounting_amount - system_sum end as difference
    from sides
    -- what neither side tells is no row
    where is_booked or system_unknown_reason is null
),

-- The difference of the next calendar month, and what of it can be this month's: of the other sign, and no more than what was sold
-- around the month's end (booked late: its last days; booked early: the next month's first).
neighbours as (
    select
        *,
        lead(difference) over next_months as next_difference,
        lead(first_days_amount) over next_months as next_first_days_amount,
        lead(month_start) over next_months as next_month_start
    from differences
    window next_months as (partition by figure, stream order by month_start)
),

paired as (
    select
        *,
        case
            when next_month_start <> {{ dbt.dateadd('month', 1, 'month_start') }} then 0
            when difference < 0 and next_difference > 0 then least(-difference, next_difference, last_days_amount)
            when difference > 0 and next_difference < 0 then least(difference, -next_difference, next_first_days_amount)
            else 0
        end as moved_to_next
    from neighbours
),

moved as (
    select
        *,
        {{ tolerance }} * greatest(abs(accounting_amount), abs(system_amount)) as tolerated,
        least(
            abs(difference),
            moved_to_next + coalesce(
                lag(case when next_month_start = {{ dbt.dateadd('month', 1, 'month_start') }} then moved_to_next end)
                    over (partition by figure, stream order by month_start),
                0
            )
        ) * sign(difference) as cut_off_amount
    from paired
),

-- What each hypothesis leaves of the difference; the one that leaves least explains it, if it leaves little. Small differences fit
-- many: hence not the first within tolerance.
hypotheses as (
    select
        *,
        case when system_amount_with_vat <> system_amount then difference - (system_amount_with_vat - system_amount) end as vat_rest,
        case when taken_back <> 0 then difference + taken_back end as refunds_rest,
        difference - cut_off_amount as cut_off_rest
    from moved
),

tested as (
    select
        *,
        least(
            abs(coalesce(vat_rest, difference)), abs(coalesce(refunds_rest, difference)), abs(cut_off_rest)
        ) as least_rest,
        least(tolerated, (1 - {{ var('accounting_explained_share') }}) * abs(difference)) as tolerated_rest
    from hypotheses
),

explained as (
    select
        *,
        case
            when difference is null then 'unknown'
            when abs(difference) <= tolerated then 'agrees'
            when least_rest <= tolerated_rest and abs(vat_rest) = least_rest then 'VAT'
            when least_rest <= tolerated_rest and abs(refunds_rest) = least_rest then 'refunds'
            when least_rest <= tolerated_rest then 'cut-off'
            when n_unknown_records > 0 and difference > 0 then 'records without a value'
            when
                next_difference is null
                and abs(difference) <= case when difference < 0 then last_days_amount else next_first_days_amount end
                then 'awaits the next month'
            else 'unexplained'
        end as explanation
    from tested
)

select
    {{ surrogate_key(['figure', 'stream', 'month_start']) }} as reconciliation_key,
    month_start,
    figure,
    stream,
    cast(accounting_amount as decimal(24, 6)) as accounting_amount,
    accounting_unknown_reason,
    cast(system_amount as decimal(24, 6)) as system_amount,
    system_unknown_reason,
    cast(n_records as bigint) as n_records,
    cast(n_unknown_records as bigint) as n_unknown_records,
    cast(difference as decimal(24, 6)) as difference,
    {{ ratio('difference', 'system_amount') }} as difference_share,
    explanation,
    cast(case
        when difference is null then null
        when explanation = 'VAT' then difference - vat_rest
        when explanation = 'refunds' then difference - refunds_rest
        when explanation = 'agrees' then 0
        else difference - cut_off_rest
    end as decimal(24, 6)) as explained_amount,
    cast(case
        when difference is null then null
        when explanation = 'VAT' then vat_rest
        when explanation = 'refunds' then refunds_rest
        when explanation = 'agrees' then difference
        else cut_off_rest
    end as decimal(24, 6)) as unexplained_amount,
    as_of_date
from explained
