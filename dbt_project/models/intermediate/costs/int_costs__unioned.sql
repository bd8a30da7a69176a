-- Grain: a marketing cost beside what platforms tell, over all sources. A cost without a channel serves all of them. Every line
-- stays; counted_elsewhere says which are not costs of their own: an ad platform's invoice for days whose spend the platform
-- itself tells, and an invoice that another source brings too.
{{ config(materialized='table') }}

with unioned as (
    {{ union_of('other_costs', 'other_costs', [
        'source_system', 'dataset', 'row_id', 'date_day', 'category', 'origin', 'activity', 'stage', 'supplier', 'amount',
        'currency', 'vat_basis', 'vat_rate_pct',
    ]) }}
),

categories as (
    select * from {{ ref('cost_categories') }}
),

activities as (
    select * from {{ ref('stg_plan__activities') }}
    where {{ plan_in_force(as_of()) }}
),

-- An invoice names an activity by its id, or by a name that only one has.
activity_names as (
    select
        lower(activity_id) as name,
        activity_id
    from activities
    union all
    select
        lower(activity) as name,
        min(activity_id) as activity_id
    from activities
    where lower(activity) not in (select lower(ids.activity_id) from activities as ids)
    group by lower(activity)
    having count(*) = 1
),

platform_months as (
    select distinct
        platform,
        {{ period_start('month', 'date_day') }} as month_start
    from {{ ref('fct_ad_performance_daily') }}
    where cost > 0
),

-- Left join 1:1: categories are unique on name. Two equal lines of one source are two invoices: the first of each source may be
-- the same, and the second.
named as (
    select
        unioned.*,
        coalesce(categories.category, 'other') as cost_category,
        {{ ad_platform_of_supplier('unioned.supplier') }} as platform,
        {{ plain_words('unioned.supplier') }} as supplier_words,
        row_number() over (
            partition by
                unioned.source_name, unioned.date_day, {{ plain_words('unioned.supplier') }}, unioned.amount, unioned.currency,
                categories.category
            order by unioned.row_id asc
        ) as nth_alike
    from unioned
    left join categories
        on lower(unioned.category) = categories.name
),

ranked as (
    select
        *,
        row_number() over (
            partition by date_day, supplier_words, amount, currency, cost_category, nth_alike
            order by source_name asc, row_id asc
        ) as source_rank
    from named
)

-- Left joins 1:1: platform_months are unique on platform and month, activity_names on name.
select
    {{ surrogate_key(['ranked.source_name', 'ranked.row_id']) }} as cost_key,
    {{ surrogate_key(['ranked.origin', 'null', 'null', 'null']) }} as traffic_key,
    ranked.origin,
    activity_names.activity_id,
    ranked.stage,
    ranked.category,
    ranked.cost_category,
    ranked.amount,
    {{ ex_vat('ranked.amount', 'ranked.vat_basis', 'ranked.vat_rate_pct') }} as amount_ex_vat,
    ranked.currency,
    case
        when ranked.cost_category = 'media' and platform_months.platform is not null then 'ad platform'
        when ranked.supplier_words is not null and ranked.source_rank > 1 then 'other source'
    end as counted_elsewhere,
    ranked.date_day,
    ranked.source_name,
    ranked.source_system,
    ranked.dataset
from ranked
left join platform_months
    on ranked.platform = platform_months.platform
    and {{ period_start('month', 'ranked.date_day') }} = platform_months.month_start
left join activity_names
    on lower(ranked.activity) = activity_names.name
