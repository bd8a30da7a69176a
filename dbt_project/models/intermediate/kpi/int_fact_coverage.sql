-- Grain: fact (what measures.csv calls so). From and through which day its sources can tell: before and after, a figure is
-- unknown and not 0. A fact that no source delivers has no row. Losses are told only by systems that record any; other costs have
-- the first day of their month and are told to its end; marketing costs only where both ads and other costs are (needs_all_parts).
{{ config(materialized='table') }}

with source_status as (
    select * from {{ ref('rpt_source_status') }}
),

coverage as (
    select * from {{ ref('stg_ops__coverage') }}
),

-- Which unions tell a fact; order heads and lines tell orders alike.
told_by as (
    {%- for fact, provides in [
        ('leads', 'leads'), ('leads', 'crm_systems'), ('deals', 'deals'), ('deals', 'crm_systems'), ('deal_losses', 'deals'),
        ('deal_losses', 'crm_systems'), ('orders', 'orders'), ('orders', 'order_lines'),
        ('web_purchases', 'web_purchases'), ('sessions', 'web_events'), ('ads', 'ad_performance'), ('other_costs', 'other_costs'),
    ] %}
    select '{{ fact }}' as fact, '{{ provides }}' as provides
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

through as (
    select
        told_by.fact,
        coverage.source_name,
        max(coverage.through_date) as through_date
    from coverage
    inner join told_by
        on coverage.provides = told_by.provides
    group by told_by.fact, coverage.source_name
),

deals as (
    select * from {{ ref('fct_deal') }}
),

days as (
    select 'leads' as fact, source_name, min(created_date) as first_date
    from {{ ref('fct_lead') }}
    group by source_name
    union all
    select 'deals' as fact, source_name, min(coalesce(created_date, closed_date)) as first_date
    from deals
    group by source_name
    union all
    select 'deal_losses' as fact, source_name, min(coalesce(created_date, closed_date)) as first_date
    from deals
    where source_system in (select losing.source_system from deals as losing where losing.is_lost)
    group by source_name
    union all
    select 'orders' as fact, source_name, min(ordered_date) as first_date
    from {{ ref('fct_order') }}
    group by source_name
    union all
    select 'web_purchases' as fact, source_name, min(converted_date) as first_date
    from {{ ref('fct_web_conversion') }}
    where event_name = 'purchase'
    group by source_name
    union all
    select 'sessions' as fact, source_name, min(event_date) as first_date
    from {{ ref('int_web_days__unioned') }}
    where is_loaded
    group by source_name
    union all
    select 'ads' as fact, source_name, min(date_day) as first_date
    from {{ ref('fct_ad_performance_daily') }}
    group by source_name
    union all
    select 'other_costs' as fact, source_name, min(date_day) as first_date
    from {{ ref('int_costs__unioned') }}
    group by source_name
),

-- Left joins 1:1: source_status is unique on source_name, through on fact and source_name.
facts as (
    select
        days.fact,
        min(days.first_date) as first_date,
        max(
            case
                when days.fact = 'other_costs'
                    then
                        least(
                            source_status.as_of_date,
                            cast(
                                {{ dbt.last_day(
                                    'coalesce(through.through_date, source_status.data_through_date, source_status.as_of_date)', 'month'
                                ) }} as date
                            )
                        )
                else coalesce(through.through_date, source_status.data_through_date, source_status.as_of_date)
            end
        ) as through_date,
        max(source_status.is_stale) as has_stale_source,
        false as needs_all_parts
    from days
    left join source_status
        on days.source_name = source_status.source_name
    left join through
        on days.fact = through.fact
        and days.source_name = through.source_name
    group by days.fact
),

-- Facts made of others: of purchases either part tells something, of the rest both are needed.
combined as (
    select
        'purchases' as fact,
        min(first_date) as first_date,
        max(through_date) as through_date,
        max(has_stale_source) as has_stale_source,
        false as needs_all_parts
    from facts
    where fact in ('deals', 'orders')
    having count(*) > 0
    union all
    select
        'lead_outcomes' as fact,
        min(case when fact = 'leads' then first_date end) as first_date,
        max(through_date) as through_date,
        max(has_stale_source) as has_stale_source,
        false as needs_all_parts
    from facts
    where fact in ('leads', 'deals')
    having count(*) = 2
    union all
    select
        'marketing_costs' as fact,
        max(first_date) as first_date,
        min(through_date) as through_date,
        max(has_stale_source) as has_stale_source,
        true as needs_all_parts
    from facts
    where fact in ('ads', 'other_costs')
    having count(*) = 2
)

select * from facts
union all
select * from combined
