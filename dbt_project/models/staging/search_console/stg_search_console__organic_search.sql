-- Grain: report (level) x site x search type x Pacific day x what the report tells of query, page, country and device. Additive
-- within a level and site only. Restated for 5 days.
{% set reports = {
    'property': ['country', 'device'],
    'query': ['query', 'country', 'device'],
    'page': ['page', 'country', 'device'],
    'query_page': ['query', 'page'],
} %}
with source as (
    {%- for level, dimensions in reports.items() %}
    select
        '{{ level }}' as level,
        account_id,
        search_type,
        date_day,
        {%- for dimension in ['query', 'page', 'country', 'device'] %}
        {{ dimension if dimension in dimensions else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as {{ dimension }},
        {%- endfor %}
        clicks,
        impressions,
        position
    from {{ source('search_console', level ~ '_daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key(['level', 'account_id', 'search_type', 'date_day', 'query', 'page', 'country', 'device']) }} as row_id,
    'search_console' as source_system,
    level,
    account_id as site_url,
    search_type,
    {{ scrub_emails('query') }} as search_query,
    {{ scrub_emails('page') }} as page_url,
    upper(nullif(country, 'zzz')) as country_code,
    lower(device) as device,
    clicks,
    impressions,
    -- what an average needs to be added up
    cast(position * impressions as decimal(24, 6)) as position_sum,
    date_day
from source
