-- Grain: day x currency. What one unit of a currency costs in the reporting currency, on days with a rate.
-- Within one system: the pair itself, else its inverse, else the cross through EUR. Between systems the var
-- exchange_rate_precedence decides, then the system's name. Rates of days after the as-of date are not yet known.
{{ config(materialized='table') }}
{% set reporting = var('reporting_currency') %}

with unioned as (
    select * from {{ ref('int_rates__unioned') }}
),

-- One rate a system, day and pair: two datasets of one system may both give it, the newest counts.
ranked as (
    select
        source_system,
        date_day,
        base_currency,
        quote_currency,
        rate,
        row_number() over (
            partition by source_system, date_day, base_currency, quote_currency
            order by version_at desc nulls last, dataset asc, row_id asc
        ) as version_rank
    from unioned
    where rate > 0 and date_day <= {{ as_of() }}
),

pairs as (
    select
        source_system,
        date_day,
        base_currency,
        quote_currency,
        rate
    from ranked
    where version_rank = 1
),

-- What one EUR costs in the reporting currency, by system and day.
euro_to_reporting as (
    select
        source_system,
        date_day,
        rate
    from pairs
    where base_currency = 'EUR' and quote_currency = '{{ reporting }}'
),

candidates as (
    select
        source_system,
        date_day,
        base_currency as currency,
        cast(rate as decimal(24, 12)) as rate,
        1 as path_rank,
        'direct' as path
    from pairs
    where quote_currency = '{{ reporting }}'
    union all
    select
        source_system,
        date_day,
        quote_currency as currency,
        cast(1 / rate as decimal(24, 12)) as rate,
        2 as path_rank,
        'inverse' as path
    from pairs
    where base_currency = '{{ reporting }}'
    union all
    -- 1:1: euro_to_reporting is unique on system and day
    select
        pairs.source_system,
        pairs.date_day,
        pairs.quote_currency as currency,
        cast(euro_to_reporting.rate / pairs.rate as decimal(24, 12)) as rate,
        3 as path_rank,
        'cross through EUR' as path
    from pairs
    inner join euro_to_reporting
        on pairs.source_system = euro_to_reporting.source_system
        and pairs.date_day = euro_to_reporting.date_day
    where pairs.base_currency = 'EUR'
),

best as (
    select
        date_day,
        currency,
        rate,
        source_system,
        path,
        row_number() over (
            partition by currency, date_day
            order by
                case source_system
                    {%- for system in var('exchange_rate_precedence') %}
                    when '{{ system }}' then {{ loop.index }}
                    {%- endfor %}
                    else 1000
                end,
                source_system asc,
                path_rank asc
        ) as choice
    from candidates
    where currency <> '{{ reporting }}'
)

select
    currency,
    date_day,
    rate,
    source_system,
    path
from best
where choice = 1
