-- Grain: dimension x value x cohort (month the lead came in, or all months). How soon sales first spoke to a lead, or tried to, and what
-- became of those soon and late spoken to. Counts add up over values of one dimension and over months; shares, medians and 90th
-- percentiles never do. Leads whose moment is known and whose person is in a CRM with activities alone. Cohorts change until mature.
{% set buckets = var('speed_to_lead_buckets') %}
with leads as (
    select
        *,
        {{ as_of() }} as as_of_date
    from {{ ref('fct_lead') }}
),

touches as (
    select * from {{ ref('int_leads__first_touch') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

source_status as (
    select coalesce(max(is_stale), false) as has_stale_source
    from {{ ref('rpt_source_status') }}
    where is_configured
),

-- Inner joins 1:1: touches are unique on lead_key, dates on the day. What was not yet so on the as-of date does not count.
timed as (
    select
        leads.channel_key,
        coalesce(leads.owner_key, '(missing)') as owner,
        dates.weekday_name_en as weekday,
        leads.created_date,
        leads.as_of_date,
        touches.minutes_to_touch,
        touches.business_minutes_to_touch,
        case
            when touches.minutes_to_touch is null then 'untouched'
            {%- for name, minutes in buckets.items() %}
            when touches.minutes_to_touch <= {{ minutes }} then 'within {{ name }}'
            {%- endfor %}
            else 'later'
        end as speed_bucket,
        leads.is_qualified and leads.qualified_date <= leads.as_of_date as is_qualified,
        coalesce(leads.first_deal_date <= leads.as_of_date, false) or coalesce(leads.first_won_date <= leads.as_of_date, false)
            as has_opportunity,
        coalesce(leads.first_won_date <= leads.as_of_date, false) as is_won
    from leads
    inner join touches
        on leads.lead_key = touches.lead_key
    inner join dates
        on leads.created_date = dates.date_day
),

-- Each lead once per dimension.
dimensions as (
    {%- for dimension, value in [
        ('total', "'all'"), ('channel', 'channel_key'), ('owner', 'owner'), ('weekday', 'weekday'), ('speed', 'speed_bucket'),
    ] %}
    select
        '{{ dimension }}' as dimension,
        {{ value }} as dimension_value,
        timed.*
    from timed
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
        count(minutes_to_touch) as n_touched,
        count(*) - count(minutes_to_touch) as n_untouched,
        count(case when is_qualified then 1 end) as n_qualified,
        count(case when has_opportunity then 1 end) as n_opportunities,
        count(case when is_won then 1 end) as n_won,
        {%- for name, column in [('minutes', 'minutes_to_touch'), ('business_minutes', 'business_minutes_to_touch')] %}
        cast({{ percentile(column, 0.5) }} as decimal(18, 6)) as median_{{ name }}_to_touch,
        cast({{ percentile(column, 0.9) }} as decimal(18, 6)) as p90_{{ name }}_to_touch,
        {%- endfor %}
        max(created_date) as last_created_date,
        max(as_of_date) as as_of_date
    from cohorts
    group by dimension, dimension_value, cohort_grain, cohort_month
),

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
    {{ surrogate_key(['dimension', 'dimension_value', 'cohort_grain', 'cohort_month']) }} as speed_key,
    dimension,
    dimension_value,
    cohort_grain,
    cohort_month,
    n_leads,
    n_touched,
    n_untouched,
    n_qualified,
    n_opportunities,
    n_won,
    {{ ratio('n_untouched', 'n_leads') }} as untouched_share,
    median_minutes_to_touch,
    p90_minutes_to_touch,
    median_business_minutes_to_touch,
    p90_business_minutes_to_touch,
    {{ ratio('n_qualified', 'n_leads') }} as lead_to_qualified_rate,
    {{ ratio('n_opportunities', 'n_leads') }} as lead_to_opportunity_rate,
    {{ ratio('n_won', 'n_leads') }} as lead_to_won_rate,
    {{ cohort_maturity('cohort_grain', 'cohort_end_date', 'as_of_date') }} as maturity,
    source_status.has_stale_source,
    as_of_date
from dated
cross join source_status
