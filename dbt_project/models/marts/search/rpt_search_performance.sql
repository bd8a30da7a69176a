-- Grain: site x search type x subject (segment, query, page) x its value. The newest 28 final days against the 28 before, the same
-- weekdays in both. Segments brand, non-brand and unattributed add up to total; queries to brand and non-brand; pages are counted by
-- page and add up to nothing else here. Not over sites, which may overlap. Written anew each night.
{% set days = var('search_window_days') %}
with facts as (
    select * from {{ ref('fct_search_performance_daily') }}
    where breakdown <> 'query_page'
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- A site's data end where its totals end: a search type may be without a row for days.
spans as (
    select
        source_name,
        site_url,
        min(date_day) as first_date,
        max(date_day) as through_date
    from facts
    where aggregation = 'property'
    group by source_name, site_url
),

-- Inner join 1:1: spans are unique on source and site; pages of a site without totals have no window.
dated as (
    select
        facts.*,
        spans.first_date,
        spans.through_date,
        {{ days_between('facts.date_day', 'spans.through_date') }} < {{ days }} as is_now
    from facts
    inner join spans
        on facts.source_name = spans.source_name
        and facts.site_url = spans.site_url
    where {{ days_between('facts.date_day', 'spans.through_date') }} between 0 and {{ 2 * days - 1 }}
),

observed as (
    select
        source_name,
        site_url,
        count(distinct case when is_now then date_day end) as n_days
    from dated
    group by source_name, site_url
),

subjects as (
    select
        *,
        'segment' as subject,
        case
            when breakdown = 'unattributed' then 'unattributed'
            when is_brand_query then 'brand'
            else 'non-brand'
        end as subject_value
    from dated
    where aggregation = 'property'
    union all
    select
        *,
        'segment' as subject,
        'total' as subject_value
    from dated
    where aggregation = 'property'
    union all
    select
        *,
        'query' as subject,
        search_query as subject_value
    from dated
    where breakdown = 'query'
    union all
    select
        *,
        'page' as subject,
        page_url as subject_value
    from dated
    where breakdown = 'page'
),

summed as (
    select
        source_name,
        site_url,
        search_type,
        aggregation,
        subject,
        subject_value,
        case when subject = 'query' then max(case when is_brand_query then 1 else 0 end) = 1 end as is_brand_query,
        first_date,
        through_date,
        {{ days_between('first_date', 'through_date') }} >= {{ 2 * days - 1 }} as has_before,
        {%- for measure in ['clicks', 'impressions', 'position_sum'] %}
        sum(case when is_now then {{ measure }} else 0 end) as {{ measure }},
        sum(case when is_now then 0 else {{ measure }} end) as {{ measure }}_before
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from subjects
    group by source_name, site_url, search_type, aggregation, subject, subject_value, first_date, through_date
),

-- A query that is not told in a window was not searched, or by so few that it is hidden: its clicks are unknown, not 0.
told as (
    select
        *,
        subject <> 'query' or impressions > 0 as is_told,
        has_before and (subject <> 'query' or impressions_before > 0) as is_told_before
    from summed
),

measured as (
    select
        *,
        case when is_told then cast(clicks as bigint) end as clicks_now,
        case when is_told_before then cast(clicks_before as bigint) end as clicks_then,
        case when is_told then cast(impressions as bigint) end as impressions_now,
        case when is_told_before then cast(impressions_before as bigint) end as impressions_then,
        case when is_told then {{ ratio('position_sum', 'impressions') }} end as position_now,
        case when is_told_before then {{ ratio('position_sum_before', 'impressions_before') }} end as position_then,
        sum(case when subject = 'segment' and subject_value = 'total' then clicks end) over (
            partition by source_name, site_url, search_type
        ) as total_clicks
    from told
),

-- Two counts of equal spans: their difference over its standard deviation, as for Poisson counts.
tested as (
    select
        *,
        cast((clicks_now - clicks_then) / sqrt(nullif(clicks_now + clicks_then, 0)) as decimal(24, 6)) as change_z
    from measured
)

-- Left joins 1:1: observed is unique on source and site, source_status on source_name.
select
    {{ surrogate_key([
        'tested.source_name', 'tested.site_url', 'tested.search_type', 'tested.subject', 'tested.subject_value',
    ]) }} as search_report_key,
    tested.site_url,
    tested.search_type,
    tested.aggregation,
    tested.subject,
    tested.subject_value,
    tested.is_brand_query,
    case
        when not tested.has_before then 'unknown'
        when not tested.is_told_before then 'newly told'
        when not tested.is_told then 'no longer told'
        when tested.clicks_now + tested.clicks_then < {{ var('search_min_clicks') }} then 'not enough data'
        when tested.change_z <= -{{ var('search_change_z') }} then 'losing'
        when tested.change_z >= {{ var('search_change_z') }} then 'gaining'
        else 'no clear change'
    end as movement,
    case when not tested.has_before then 'fewer than {{ 2 * days }} days of data' end as unknown_reason,
    tested.clicks_now as clicks,
    tested.clicks_then as clicks_before,
    tested.clicks_now - tested.clicks_then as clicks_change,
    tested.change_z,
    tested.impressions_now as impressions,
    tested.impressions_then as impressions_before,
    {{ ratio('tested.clicks_now', 'tested.impressions_now') }} as click_rate,
    {{ ratio('tested.clicks_then', 'tested.impressions_then') }} as click_rate_before,
    tested.position_now as average_position,
    tested.position_then as average_position_before,
    case when tested.aggregation = 'property' then {{ ratio('tested.clicks_now', 'tested.total_clicks') }} end as click_share,
    {{ ratio('observed.n_days', days) }} as coverage,
    'mature' as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    cast({{ dbt.dateadd('day', 1 - days, 'tested.through_date') }} as date) as first_date,
    tested.through_date as last_date,
    {{ as_of() }} as as_of_date,
    tested.source_name
from tested
left join observed
    on tested.source_name = observed.source_name
    and tested.site_url = observed.site_url
left join source_status
    on tested.source_name = source_status.source_name
