-- Grain: dimension x value x cohort (month of first contact, or all months). Leads by what became of them up to the as-of
-- date. Counts add up over values of one dimension and over months; rates, medians and coverage never do: take sums of
-- counts. A step counts all who reached it or a later one, so the funnel never widens. Cohorts change until mature.
with leads as (
    select
        leads.*,
        {{ as_of() }} as as_of_date
    from {{ ref('fct_lead') }} as leads
    where created_date <= {{ as_of() }}
),

source_status as (
    select coalesce(max(is_stale), false) as has_stale_source
    from {{ ref('rpt_source_status') }}
    where is_configured
),

-- What was not yet so on the as-of date does not count.
as_of_leads as (
    select
        leads.*,
        case when first_won_date <= as_of_date then first_won_date end as won_date,
        case when first_deal_date <= as_of_date then first_deal_date end as deal_date,
        case when qualified_date <= as_of_date then qualified_date end as known_qualified_date
    from leads
),

steps as (
    select
        as_of_leads.*,
        won_date is not null as reached_won,
        won_date is not null or deal_date is not null as reached_opportunity,
        won_date is not null or deal_date is not null or known_qualified_date is not null as reached_qualified,
        case
            when won_date is not null and known_qualified_date is not null and known_qualified_date <= won_date
                then {{ days_between('known_qualified_date', 'won_date') }}
        end as days_qualified_to_won
    from as_of_leads
),

-- Each lead once per dimension.
dimensions as (
    {%- for dimension, value in [
        ('total', "'all'"),
        ('channel', 'channel_key'),
        ('landing_page', "coalesce(landing_page, '(missing)')"),
        ('segment', "coalesce(segment, '(missing)')"),
    ] %}
    select
        '{{ dimension }}' as dimension,
        {{ value }} as dimension_value,
        {{ 'is_segment_from_deal' if dimension == 'segment' else 'false' }} as is_rate_biased,
        created_date,
        reached_qualified,
        known_qualified_date is null as is_qualified_implied,
        reached_opportunity,
        reached_won,
        is_won_before_first_contact,
        case when reached_won then days_to_won end as days_to_won,
        days_to_qualified,
        days_qualified_to_won,
        as_of_date
    from steps
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Each lead once in its month and once in all months.
cohorts as (
    select
        'month' as cohort_grain,
        {{ period_start('month', 'created_date') }} as cohort_month,
        dimensions.*
    from dimensions
    union all
    select
        'all' as cohort_grain,
        cast(null as date) as cohort_month,
        dimensions.*
    from dimensions
),

counted as (
    select
        dimension,
        dimension_value,
        cohort_grain,
        cohort_month,
        count(*) as n_leads,
        count(case when reached_qualified then 1 end) as n_qualified,
        count(case when reached_qualified and is_qualified_implied then 1 end) as n_qualified_implied,
        count(case when reached_opportunity then 1 end) as n_opportunities,
        count(case when reached_won then 1 end) as n_won,
        count(case when reached_won and is_won_before_first_contact then 1 end) as n_won_before_first_contact,
        count(days_to_won) as n_won_with_days,
        cast(median(days_to_qualified) as decimal(18, 6)) as median_days_lead_to_qualified,
        cast(median(days_qualified_to_won) as decimal(18, 6)) as median_days_qualified_to_won,
        cast(median(days_to_won) as decimal(18, 6)) as median_days_lead_to_won,
        max(is_rate_biased) as is_rate_biased,
        max(created_date) as last_created_date,
        max(as_of_date) as as_of_date
    from cohorts
    group by dimension, dimension_value, cohort_grain, cohort_month
),

-- The last day a lead of the cohort may still come in: the month's last, for all months the newest lead's.
dated as (
    select
        counted.*,
        case
            when cohort_grain = 'month'
                then cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'cohort_month')) }} as date)
            else last_created_date
        end as cohort_end_date
    from counted
)

select
    {{ surrogate_key(['dimension', 'dimension_value', 'cohort_grain', 'cohort_month']) }} as funnel_key,
    dimension,
    dimension_value,
    cohort_grain,
    cohort_month,
    n_leads,
    n_qualified,
    n_qualified_implied,
    n_opportunities,
    n_won,
    n_won_before_first_contact,
    {% for name, numerator, denominator in [
        ('lead_to_qualified_rate', 'n_qualified', 'n_leads'),
        ('qualified_to_opportunity_rate', 'n_opportunities', 'n_qualified'),
        ('opportunity_to_won_rate', 'n_won', 'n_opportunities'),
        ('lead_to_won_rate', 'n_won', 'n_leads'),
    ] -%}
    case when not is_rate_biased then {{ ratio(numerator, denominator) }} end as {{ name }},
    {% endfor -%}
    median_days_lead_to_qualified,
    median_days_qualified_to_won,
    median_days_lead_to_won,
    {{ ratio('n_won_with_days', 'n_won') }} as coverage,
    case when is_rate_biased then 'this dimension is known only for leads that became deals' end as unknown_reason,
    {{ cohort_maturity('cohort_grain', 'cohort_end_date', 'as_of_date') }} as maturity,
    source_status.has_stale_source,
    as_of_date
from dated
cross join source_status
