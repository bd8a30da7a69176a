-- Grain: web source x landing page (host without www., path without its last slash). The newest 28 days with data against the 28
-- before, the same weekdays in both. Sessions add up over pages; clients, rates and spend do not. Pages that live ads point to
-- have a row without sessions too. Sessions without a page (apps) are left out. Written anew each night.
{% set days = var('landing_window_days') %}
{% set least = var('landing_min_sessions') %}
{% set rest = [
    ('sessions', 'count(case when {w} then 1 end)'),
    ('clients', 'count(distinct case when {w} then client_key end)'),
    ('engaged_sessions', 'count(case when {w} and is_engaged then 1 end)'),
    ('converting_sessions', 'count(case when {w} and is_converted then 1 end)'),
    ('page_views', 'coalesce(sum(case when {w} then n_page_views end), 0)'),
    ('engagement_msec', 'coalesce(sum(case when {w} then engagement_time_msec end), 0)'),
    ('paid_sessions', 'count(case when {w} and is_paid then 1 end)'),
    ('unsourced_sessions', 'count(case when {w} and not is_known then 1 end)'),
] %}
with sessions as (
    select * from {{ ref('fct_session') }}
),

-- Sessions with a conversion of any kind; money paid back is none.
converted as (
    select distinct session_key
    from {{ ref('fct_web_conversion') }}
    where session_key is not null and event_name <> 'refund'
),

delivery as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

web_days as (
    select * from {{ ref('int_web_days__unioned') }}
    where is_loaded and event_date < {{ as_of() }}
),

channels as (
    select * from {{ ref('dim_channel') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

stop_words as (
    select * from {{ ref('stop_words') }}
),

spans as (
    select
        source_name,
        min(event_date) as first_date,
        max(event_date) as through_date
    from web_days
    group by source_name
),

-- Left join 1:1: spans are unique on source_name.
observed as (
    select
        spans.source_name,
        count(distinct web_days.event_date) as n_days
    from spans
    left join web_days
        on spans.source_name = web_days.source_name
        and {{ days_between('web_days.event_date', 'spans.through_date') }} < {{ days }}
    group by spans.source_name
),

-- Joins 1:1: spans are unique on source_name, channels on channel_key, converted on session_key.
landed as (
    select
        sessions.source_name,
        {{ bare_host('sessions.landing_host') }} as landing_host,
        {{ bare_path('sessions.landing_page') }} as landing_page,
        sessions.landing_title,
        sessions.client_key,
        sessions.is_engaged,
        sessions.n_page_views,
        sessions.engagement_time_msec,
        sessions.property_date,
        channels.is_paid,
        channels.is_known,
        converted.session_key is not null as is_converted,
        {{ days_between('sessions.property_date', 'spans.through_date') }} < {{ days }} as is_now
    from sessions
    inner join spans
        on sessions.source_name = spans.source_name
        and sessions.property_date > {{ dbt.dateadd('day', -2 * days, 'spans.through_date') }}
        and sessions.property_date <= spans.through_date
    left join channels
        on sessions.channel_key = channels.channel_key
    left join converted
        on sessions.session_key = converted.session_key
    where sessions.landing_host is not null and sessions.landing_page is not null
),

measured as (
    select
        source_name,
        landing_host,
        landing_page,
        {%- for name, expression in rest %}
        cast({{ expression.replace('{w}', 'is_now') }} as bigint) as {{ name }},
        cast({{ expression.replace('{w}', 'not is_now') }} as bigint) as {{ name }}_before{% if not loop.last %},{% endif %}
        {%- endfor %}
    from landed
    group by source_name, landing_host, landing_page
),

-- The title that most sessions of the newest day saw: titles are rewritten.
titles as (
    select
        source_name,
        landing_host,
        landing_page,
        landing_title,
        row_number() over (
            partition by source_name, landing_host, landing_page
            order by property_date desc, count(*) desc, landing_title asc
        ) as title_rank
    from landed
    where landing_title is not null
    group by source_name, landing_host, landing_page, landing_title, property_date
),

-- Cost by ad in the newest window; a day's amount without a rate makes the sum unknown.
ad_costs as (
    select
        spans.source_name,
        delivery.platform,
        delivery.ad_key,
        count(case when delivery.impressions > 0 or delivery.cost > 0 then 1 end) > 0 as has_served,
        case
            when count(delivery.cost) = count(delivery.cost_reporting) then {{ money_sum('delivery.cost_reporting') }}
        end as spend
    from delivery
    inner join spans
        on delivery.date_day > {{ dbt.dateadd('day', -days, 'spans.through_date') }}
        and delivery.date_day <= spans.through_date
    group by spans.source_name, delivery.platform, delivery.ad_key
),

served_platforms as (
    select distinct
        source_name,
        platform
    from ad_costs
),

creatives as (
    select
        *,
        {{ ad_key() }} as ad_key,
        {{ bare_host('url_host') }} as landing_host,
        {{ bare_path('url_path') }} as landing_page
    from {{ ref('int_ad_creatives__current') }}
    where url_host is not null
),

-- Ads that are served, or may be at any time. Left joins 1:1: costs are unique on source and ad, platforms on both.
live_ads as (
    select
        spans.source_name,
        creatives.landing_host,
        creatives.landing_page,
        creatives.ad_key,
        creatives.headline,
        -- a platform that reports leaves ads out that cost nothing
        case
            when served_platforms.platform is null then null
            when ad_costs.ad_key is null then 0
            else ad_costs.spend
        end as spend
    from creatives
    cross join spans
    left join ad_costs
        on spans.source_name = ad_costs.source_name
        and creatives.ad_key = ad_costs.ad_key
    left join served_platforms
        on spans.source_name = served_platforms.source_name
        and creatives.platform = served_platforms.platform
    where coalesce(ad_costs.has_served, false) or (creatives.status = 'active' and creatives.gone_date is null)
),

pointed as (
    select
        source_name,
        landing_host,
        landing_page,
        count(*) as n_ads,
        count(headline) as n_headlines,
        case when count(*) = count(spend) then {{ money_sum('spend') }} end as ad_spend
    from live_ads
    group by source_name, landing_host, landing_page
),

-- Full join 1:1: both are unique on source, host and path.
pages as (
    select
        coalesce(measured.source_name, pointed.source_name) as source_name,
        coalesce(measured.landing_host, pointed.landing_host) as landing_host,
        coalesce(measured.landing_page, pointed.landing_page) as landing_page,
        {%- for name, expression in rest %}
        coalesce(measured.{{ name }}, 0) as {{ name }},
        coalesce(measured.{{ name }}_before, 0) as {{ name }}_before,
        {%- endfor %}
        coalesce(pointed.n_ads, 0) as n_ads,
        coalesce(pointed.n_headlines, 0) as n_headlines,
        pointed.ad_spend
    from measured
    full outer join pointed
        on measured.source_name = pointed.source_name
        and measured.landing_host = pointed.landing_host
        and measured.landing_page = pointed.landing_page
),

-- What the page is known to say: its title and its path. Left join 1:1: titles with rank 1 are unique on the page.
said as (
    select
        pages.*,
        titles.landing_title as page_title,
        {{ plain_words("titles.landing_title || ' ' || pages.landing_page") }} as page_words
    from pages
    left join titles
        on pages.source_name = titles.source_name
        and pages.landing_host = titles.landing_host
        and pages.landing_page = titles.landing_page
        and titles.title_rank = 1
),

headline_words as (
    select distinct
        source_name,
        landing_host,
        landing_page,
        {{ each_word(plain_words('headline')) }} as word
    from live_ads
    where headline is not null
),

-- A long word counts inside another too: Norwegian writes words together. Inner join 1:1: said is unique on the page.
matched as (
    select
        said.source_name,
        said.landing_host,
        said.landing_page,
        count(*) as n_headline_words,
        count(
            case
                when length(headline_words.word) >= 4 and said.page_words like '%' || headline_words.word || '%' then 1
                when ' ' || said.page_words || ' ' like '% ' || headline_words.word || ' %' then 1
            end
        ) as n_matched_words
    from headline_words
    inner join said
        on headline_words.source_name = said.source_name
        and headline_words.landing_host = said.landing_host
        and headline_words.landing_page = said.landing_page
    where headline_words.word <> '' and headline_words.word not in (select stop_words.word from stop_words)
    group by said.source_name, said.landing_host, said.landing_page
),

-- Two proportions of equal spans of days: their difference over its standard deviation.
tested as (
    select
        said.*,
        spans.through_date,
        {{ days_between('spans.first_date', 'spans.through_date') }} >= {{ 2 * days - 1 }} as has_before,
        cast(said.engaged_sessions as double) / nullif(said.sessions, 0)
        - cast(said.engaged_sessions_before as double) / nullif(said.sessions_before, 0) as rate_change,
        cast(said.engaged_sessions + said.engaged_sessions_before as double)
        / nullif(said.sessions + said.sessions_before, 0) as pooled_rate
    from said
    inner join spans
        on said.source_name = spans.source_name
),

judged as (
    select
        *,
        case
            when has_before and sessions >= {{ least }} and sessions_before >= {{ least }}
                then rate_change / nullif(sqrt(pooled_rate * (1 - pooled_rate) * (1.0 / sessions + 1.0 / sessions_before)), 0)
        end as change_z,
        case
            when sessions < {{ least }} then 'fewer than {{ least }} sessions'
            when not has_before then 'fewer than {{ 2 * days }} days of data'
            when sessions_before < {{ least }} then 'fewer than {{ least }} sessions before'
        end as unknown_reason
    from tested
)

-- Left joins 1:1: matched is unique on the page, observed and source_status on source_name.
select
    {{ surrogate_key(['judged.source_name', 'judged.landing_host', 'judged.landing_page']) }} as landing_page_key,
    judged.landing_host,
    judged.landing_page,
    judged.page_title,
    case
        when judged.unknown_reason is not null then 'not enough data'
        when judged.change_z <= -{{ var('landing_change_z') }} then 'worse'
        when judged.change_z >= {{ var('landing_change_z') }} then 'better'
        else 'no clear change'
    end as verdict,
    judged.unknown_reason,
    {%- for side, known in [('', 'true'), ('_before', 'judged.has_before')] %}
    {%- for name in ['sessions', 'clients', 'engaged_sessions', 'converting_sessions'] %}
    case when {{ known }} then judged.{{ name }}{{ side }} end as {{ name }}{{ side }},
    {%- endfor %}
    {%- for name, part in [
        ('engagement_rate', 'judged.engaged_sessions' ~ side),
        ('conversion_rate', 'judged.converting_sessions' ~ side),
        ('bounce_rate', 'judged.sessions' ~ side ~ ' - judged.engaged_sessions' ~ side),
        ('page_views_per_session', 'judged.page_views' ~ side),
        ('paid_share', 'judged.paid_sessions' ~ side),
        ('unassigned_share', 'judged.unsourced_sessions' ~ side),
    ] %}
    case when {{ known }} then {{ ratio(part, 'judged.sessions' ~ side) }} end as {{ name }}{{ side }},
    {%- endfor %}
    case
        when {{ known }} then {{ ratio('judged.engagement_msec' ~ side, '1000 * judged.sessions' ~ side) }}
    end as mean_engagement_seconds{{ side }},
    {%- endfor %}
    cast(round(judged.change_z, 6) as decimal(24, 6)) as change_z,
    judged.n_ads,
    judged.ad_spend,
    case
        when judged.n_ads = 0 then 'no ad is known to point here'
        when judged.ad_spend is null then 'the cost in the reporting currency is unknown'
    end as ad_spend_unknown_reason,
    case when judged.n_headlines > 0 then coalesce(matched.n_headline_words, 0) end as n_headline_words,
    case when judged.page_title is not null then {{ ratio('matched.n_matched_words', 'matched.n_headline_words') }} end
        as headline_match,
    case
        when judged.n_ads = 0 then 'no ad is known to point here'
        when judged.n_headlines = 0 then 'no headline is known'
        when matched.n_headline_words is null then 'the headlines hold no words of meaning'
        when judged.page_title is null then 'no title of the page is known'
    end as headline_match_unknown_reason,
    {{ ratio('observed.n_days', days) }} as coverage,
    -- GA4 adds late events for three days
    case when {{ days_between('judged.through_date', as_of()) }} > 3 then 'mature' else 'maturing' end as maturity,
    coalesce(source_status.is_stale, false) as has_stale_source,
    cast({{ dbt.dateadd('day', 1 - days, 'judged.through_date') }} as date) as first_date,
    judged.through_date as last_date,
    {{ as_of() }} as as_of_date,
    judged.source_name
from judged
left join matched
    on judged.source_name = matched.source_name
    and judged.landing_host = matched.landing_host
    and judged.landing_page = matched.landing_page
left join observed
    on judged.source_name = observed.source_name
left join source_status
    on judged.source_name = source_status.source_name
