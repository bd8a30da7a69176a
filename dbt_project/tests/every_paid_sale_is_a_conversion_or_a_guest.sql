-- Won deals and paid sales of known people are customers or repeats, each once; a person is a customer once.
with conversions as (
    select * from {{ ref('fct_conversion') }}
    where conversion_type in ('customer', 'repeat')
),

expected as (
    select order_key as record_key
    from {{ ref('fct_order') }}
    where is_paid_sale and has_person
    union all
    select deal_key as record_key
    from {{ ref('fct_deal') }}
    where is_won and closed_date is not null
)

select coalesce(expected.record_key, conversions.record_key) as failure
from expected
full outer join conversions
    on expected.record_key = conversions.record_key
where expected.record_key is null or conversions.record_key is null
union all
select person_key as failure
from conversions
where conversion_type = 'customer'
group by person_key
having count(*) > 1
