-- One rate a currency and day (a join must not fan out), without holes up to the as-of date.
select currency
from {{ ref('int_rates__daily') }}
group by currency
having
    count(*) <> count(distinct date_day)
    or max(date_day) <> {{ as_of() }}
    or count(*) <> {{ days_between('min(date_day)', as_of()) }} + 1
