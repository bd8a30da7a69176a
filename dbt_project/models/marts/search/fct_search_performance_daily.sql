-- Grain: site x search type x day x aggregation x breakdown x query, page, country and device as far as the breakdown tells them.
-- Additive within one site and one breakdown, where query and unattributed are one: together they are the property's own total.
-- Never over sites (a domain property holds its URL-prefix properties), nor over aggregations, nor over page and query_page.
-- Days are of Pacific time, two to three days late. Restated for 5 days.
{% set brand_pattern = '(' ~ (var('brand_terms') or ['(no brand terms)']) | join('|') ~ ')' %}
with results as (
    select * from {{ ref('int_organic_search__unioned') }}
),

query_cells as (
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
    from results
    where level = 'query'
    group by source_name, site_url, search_type, country_code, device, date_day
),

-- What the property's total holds beyond its queries. Left join 1:1: query_cells are unique on its keys.
unattributed as (
    select
        property.source_name,
        property.row_id,
        property.source_system,
        'unattributed' as breakdown,
        property.site_url,
        property.search_type,
        property.search_query,
        property.page_url,
        property.country_code,
        property.device,
        property.clicks - coalesce(query_cells.clicks, 0) as clicks,
        property.impressions - coalesce(query_cells.impressions, 0) as impressions,
        property.position_sum - coalesce(query_cells.position_sum, 0) as position_sum,
        property.date_day
    from results as property
    left join query_cells
        on property.source_name = query_cells.source_name
        and property.site_url = query_cells.site_url
        and property.search_type = query_cells.search_type
        and property.country_code is not distinct from query_cells.country_code
        and property.device is not distinct from query_cells.device
        and property.date_day = query_cells.date_day
    where property.level = 'property'
),

rows_of_all as (
    select
        source_name,
        row_id,
        source_system,
        level as breakdown,
        site_url,
        search_type,
        search_query,
        page_url,
        country_code,
        device,
        clicks,
        impressions,
        position_sum,
        date_day
    from results
    where level <> 'property'
    union all
    select
        source_name,
        row_id,
        source_system,
        breakdown,
        site_url,
        search_type,
        search_query,
        page_url,
        country_code,
        device,
        clicks,
        impressions,
        position_sum,
        date_day
    from unattributed
    where clicks <> 0 or impressions <> 0
)

select
    {{ surrogate_key(['source_name', 'row_id']) }} as search_performance_key,
    site_url,
    search_type,
    case when breakdown in ('page', 'query_page') then 'page' else 'property' end as aggregation,
    breakdown,
    search_query,
    page_url,
    {{ url_path('page_url') }} as page_path,
    country_code,
    device,
    cast(clicks as bigint) as clicks,
    cast(impressions as bigint) as impressions,
    cast(position_sum as decimal(24, 6)) as position_sum,
    {{ ratio('position_sum', 'impressions') }} as average_position,
    {{ matches('lower(search_query)', brand_pattern) }} as is_brand_query,
    clicks < 0 or impressions < 0 as is_negative_residual,
    date_day,
    source_name,
    source_system
from rows_of_all
