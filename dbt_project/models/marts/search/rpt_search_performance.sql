-- Grain: site x search type x subject (segment, query, page) x its value. The newest 28 final days against the 28 before, the same
-- weekdays in both. Segments brand, non-brand and unattributed add up to total; queries to brand and non-brand; pages are counted by
-- page and add up to nothing else here. Not over sites, which may overlap. Queries that the plan names as priority have a row also
-- where Google tells nothing of them: unknown, not 0. Written anew each night.
{% set days = var('search_window_days') %}
{% set brand_pattern = '(' ~ (var('brand_terms') or ['(no brand terms)']) | join('|') ~ ')' %}
with facts as (
    select * from {{ ref('fct_search_performance_daily') }}
    where breakdown <> 'query_page'
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- Google tells queries in lower case. Two rows of the plan may name one query.
priority_queries as (
    select
        lower(trim(query)) as search_query,
        min(cast(target_position as decimal(24, 6))) as target_position
    from {{ ref('stg_plan__priority_queries') }}
    where {{ plan_in_force(as_of()) }}
    group by lower(trim(query))
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

-- What the plan wants to be found by and nobody told, on each site with totals of web search. Left join 1:1: a query may be told in
-- several spellings, but here only those count that never were.
subjects_wanted as (
    select * from summed
    union all
    select
        spans.source_name,
        spans.site_url,
        'web' as search_type,
        'property' as aggregation,
        'query' as subject,
        priority_queries.search_query as subject_value,
        {{ matches('priority_queries.search_query', brand_pattern) }} as is_brand_query,
        spans.first_date,
        spans.through_date,
        {{ days_between('spans.first_date', 'spans.through_date') }} >= {{ 2 * days - 1 }} as has_before,
        {%- for measure in ['clicks', 'impressions', 'position_sum'] %}
        0 as {{ measure }},
        0 as {{ measure }}_before
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from spans
    cross join priority_queries
    where not exists (
        select 1
        from summed as told_queries
        where
            told_queries.source_name = spans.source_name
            and told_queries.site_url = spans.site_url
            and told_queries.search_type = 'web'
            and told_queries.subject = 'query'
            and lower(trim(told_queries.subject_value)) = priority_queries.search_query
    )
),

-- A query that is not told in a window was not searched, or by so few that it is hidden: its clicks are unknown, not 0.
told as (
    select
        *,
        subject <> 'query' or impressions > 0 as is_told,
        has_before and (subject <> 'query' or impressions_before > 0) as is_told_before
    from subjects_wanted
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
        ) as total_clicks,
        sum(case when subject = 'page' then clicks end) over (
            partition by source_name, site_url, search_type
        ) as page_clicks,
        sum(case when subject = 'page' then clicks + clicks_before end) over (
            partition by source_name, site_url, search_type
        ) as page_clicks_of_both
    from told
),

-- Two counts of equal spans: their difference over its standard deviation, as for Poisson counts.
tested as (
    select
        *,
        cast((clicks_now - clicks_then) / sqrt(nullif(clicks_now + clicks_then, 0)) as decimal(24, 6)) as change_z,
        clicks_now + clicks_then as clicks_of_both,
        cast(page_clicks as double) / nullif(page_clicks_of_both, 0) as share_now
    from measured
),

-- Whether a page lost more than the others: its clicks in both windows split as theirs do, but for chance (two proportions, pooled).
compared as (
    select
        *,
        case
            when subject = 'page' and has_before
                then
                    cast(
                        (clicks_now - clicks_of_both * share_now) / sqrt(nullif(
                            clicks_of_both * share_now * (1 - share_now) * (page_clicks_of_both - clicks_of_both)
                            / cast(nullif(page_clicks_of_both, 0) as double), 0
                        )) as decimal(24, 6)
                    )
        end as change_z_beside_pages,
        case
            when not has_before then 'unknown'
            when not is_told and not is_told_before then 'not told'
            when not is_told_before then 'newly told'
            when not is_told then 'no longer told'
            when clicks_of_both < {{ var('search_min_clicks') }} then 'not enough data'
            when change_z <= -{{ var('search_change_z') }} then 'losing'
            when change_z >= {{ var('search_change_z') }} then 'gaining'
            else 'no clear change'
        end as movement
    from tested
)

-- Left joins 1:1: observed is unique on source and site, source_status on source_name,
-- priority_queries on search_query.
select
    {{ surrogate_key([
        'compared.source_name', 'compared.site_url', 'compared.search_type', 'compared.subject', 'compared.subject_value',
    ]) }} as search_report_key,
    compared.site_url,
    compared.search_type,
    compared.aggregation,
    compared.subject,
    compared.subject_value,
    compared.is_brand_query,
    case when compared.subject = 'query' then priority_queries.search_query is not null end as is_priority_query,
    priority_queries.target_position,
    compared.position_now <= priority_queries.target_position as is_target_reached,
    compared.movement,
    case
        when compared.subject <> 'page' then null
        when compared.movement = 'losing' and compared.change_z_beside_pages <= -{{ var('search_change_z') }} then 'loses clicks'
        when compared.movement = 'losing' then 'falls with the site'
        when compared.movement in ('gaining', 'no clear change') then 'no loss shown'
        else compared.movement
    end as page_verdict,
    case
        when not compared.has_before then 'fewer than {{ 2 * days }} days of data'
        when compared.movement = 'not told' then 'not searched, or by so few that Google hides it'
    end as unknown_reason,
    compared.clicks_now as clicks,
    compared.clicks_then as clicks_before,
    compared.clicks_now - compared.clicks_then as clicks_change,
    compared.change_z,
    compared.change_z_beside_pages,
    compared.impressions_now as impressions,
    compared.impressions_then as impressions_before,
    {{ ratio('compared.clicks_now', 'compared.impressions_now') }} as click_rate,
    {{ ratio('compared.clicks_then', 'compared.impressions_then') }} as click_rate_before,
    compared.position_now as average_position,
    compared.position_then as average_position_before,
    case when compared.aggregation = 'property' then {{ ratio('compared.clicks_now', 'compared.total_clicks') }} end as click_share,
    {{ ratio('observed.n_days', days) }} as coverage,
    'mature' as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    cast({{ dbt.dateadd('day', 1 - days, 'compared.through_date') }} as date) as first_date,
    compared.through_date as last_date,
    {{ as_of() }} as as_of_date,
    compared.source_name
from compared
left join observed
    on compared.source_name = observed.source_name
    and compared.site_url = observed.site_url
left join source_status
    on compared.source_name = source_status.source_name
left join priority_queries
    on compared.subject = 'query'
    and lower(trim(compared.subject_value)) = priority_queries.search_query
