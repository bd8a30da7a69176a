-- Queries + unattributed rows = the property's own report, by site, search type, day, country and device, to the last click.
with facts as (
    select * from {{ ref('fct_search_performance_daily') }}
    where aggregation = 'property'
),

reports as (
    select * from {{ ref('int_organic_search__unioned') }}
    where level = 'property'
),

summed as (
    select
        source_name,
        site_url,
        search_type,
        country_code,
        device,
        date_day,
        sum(clicks) as clicks,
        sum(impressions) as impressions,
        sum(position_sum) as position_sum
    from facts
    group by source_name, site_url, search_type, country_code, device, date_day
)

-- Left join 1:1: summed is unique on its keys; a property's cell without any row is one of zeros.
select reports.*
from reports
left join summed
    on reports.source_name = summed.source_name
    and reports.site_url = summed.site_url
    and reports.search_type = summed.search_type
    and reports.country_code is not distinct from summed.country_code
    and reports.device is not distinct from summed.device
    and reports.date_day = summed.date_day
where
    reports.clicks <> coalesce(summed.clicks, 0)
    or reports.impressions <> coalesce(summed.impressions, 0)
    or (reports.impressions <> 0 and abs(reports.position_sum - summed.position_sum) > 0.001)
