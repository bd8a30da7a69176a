-- Grain: problem x tagged value (source, medium and campaign; or, of clicks without tags, the kind of click id or the mail system's
-- host). A value may have several problems: nothing adds up over problems, and spend not over values either. The last 90 days
-- (var utm_audit_days) before the night. Written anew each night. Problems and what to do: docs/web.md.
{% set days = var('utm_audit_days') %}
{% set naming = var('campaign_naming') %}
with tagged_values as (
    select * from {{ ref('int_tagged_values') }}
),

channels as (
    select * from {{ ref('dim_channel') }}
),

words as (
    select * from {{ ref('tagging_words') }}
),

known_sources as (
    select * from {{ ref('known_sources') }}
),

-- Left join 1:1: known_sources is unique on source_name.
platforms as (
    select
        ad_platform_tags.*,
        {{ channel_group(
            'ad_platform_tags.utm_source', 'ad_platform_tags.utm_medium', 'cast(null as ' ~ dbt.type_string() ~ ')',
            'known_sources.category'
        ) }} as channel_key
    from {{ ref('ad_platform_tags') }} as ad_platform_tags
    left join known_sources
        on ad_platform_tags.utm_source = known_sources.source_name
),

ads as (
    select * from {{ ref('dim_ad') }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

web_days as (
    select * from {{ ref('int_web_days__unioned') }}
    where event_date >= {{ dbt.dateadd('day', -days, as_of()) }} and event_date < {{ as_of() }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

web as (
    select
        count(distinct case when is_loaded then event_date end) as n_days,
        coalesce(max(case when source_status.is_stale then 1 else 0 end), 0) = 1 as is_stale
    from web_days
    left join source_status
        on web_days.source_name = source_status.source_name
),

-- Sources that a misspelt one may mean: known ones, those of the ad platforms, and the company's own.
own_sources as (
    select
        source_value,
        sum(sessions) as sessions,
        max(source_category) as category
    from tagged_values
    where kind = 'tags' and source_value is not null
    group by source_value
),

meant as (
    select
        source_name,
        category,
        false as is_platforms,
        cast(0 as bigint) as sessions
    from known_sources
    union all
    select
        utm_source as source_name,
        cast(null as {{ dbt.type_string() }}) as category,
        true as is_platforms,
        cast(0 as bigint) as sessions
    from platforms
    union all
    select
        source_value as source_name,
        category,
        false as is_platforms,
        sessions
    from own_sources
    where sessions >= 10
),

meant_sources as (
    select
        source_name,
        max(category) as category,
        max(case when is_platforms then 1 else 0 end) = 1 as is_platforms,
        max(sessions) as sessions
    from meant
    group by source_name
),

-- One letter wrong in short names, two in longer ones; a source of the company's own needs ten times the sessions.
misspelt as (
    select
        own_sources.source_value,
        meant_sources.source_name,
        meant_sources.category,
        meant_sources.sessions > 0 and meant_sources.sessions >= 10 * own_sources.sessions as is_own,
        row_number() over (
            partition by own_sources.source_value
            order by
                {{ edit_distance('own_sources.source_value', 'meant_sources.source_name') }} asc,
                meant_sources.is_platforms desc, meant_sources.sessions desc, meant_sources.source_name asc
        ) as meant_rank
    from own_sources
    inner join meant_sources
        on own_sources.source_value <> meant_sources.source_name
        and length(own_sources.source_value) >= 4
        and {{ edit_distance('own_sources.source_value', 'meant_sources.source_name') }}
        <= case when least(length(own_sources.source_value), length(meant_sources.source_name)) >= 8 then 2 else 1 end
        and (
            meant_sources.is_platforms
            or (meant_sources.category is not null and length(own_sources.source_value) >= 6)
            or (meant_sources.sessions > 0 and meant_sources.sessions >= 10 * own_sources.sessions)
        )
    where own_sources.category is null
),

-- The same for mediums: those of GA4's rules, of the ad platforms, and the company's own.
own_mediums as (
    select
        medium_value,
        sum(sessions) as sessions
    from tagged_values
    where kind = 'tags' and medium_value is not null
    group by medium_value
),

meant_mediums as (
    select
        word as medium_name,
        cast(0 as bigint) as sessions
    from words
    where tag_part = 'medium' and meaning = 'known'
    union all
    select distinct
        utm_medium as medium_name,
        cast(0 as bigint) as sessions
    from platforms
    union all
    select
        medium_value as medium_name,
        sessions
    from own_mediums
    where sessions >= 10
),

misspelt_mediums as (
    select
        own_mediums.medium_value,
        meant_mediums.medium_name,
        meant_mediums.sessions >= 10 * own_mediums.sessions and meant_mediums.sessions > 0 as is_own,
        row_number() over (
            partition by own_mediums.medium_value
            order by
                {{ edit_distance('own_mediums.medium_value', 'meant_mediums.medium_name') }} asc,
                meant_mediums.sessions desc, meant_mediums.medium_name asc
        ) as meant_rank
    from own_mediums
    inner join meant_mediums
        on {{ tag_spelling('own_mediums.medium_value') }} <> {{ tag_spelling('meant_mediums.medium_name') }}
        and length(own_mediums.medium_value) >= 4
        and {{ edit_distance('own_mediums.medium_value', 'meant_mediums.medium_name') }}
        <= case when least(length(own_mediums.medium_value), length(meant_mediums.medium_name)) >= 8 then 2 else 1 end
        and (meant_mediums.sessions = 0 or meant_mediums.sessions >= 10 * own_mediums.sessions)
    where
        own_mediums.medium_value not in (select words.word from words where words.tag_part = 'medium')
        and own_mediums.medium_value not in (select coalesce(platforms.utm_medium, '') from platforms)
),

-- How the company tags a platform's links when they lead to the right channel; else how it is usually done.
usual_tags as (
    select
        ad_platform as platform,
        source_value as utm_source,
        medium_value as utm_medium,
        row_number() over (
            partition by ad_platform
            order by sum(n_ads) desc, source_value asc, medium_value asc
        ) as usual_rank
    from tagged_values
    where kind = 'tags' and ad_platform is not null and channel_key = ad_channel_key and source_category is not null
    group by ad_platform, source_value, medium_value
),

usual_mail as (
    select
        source_value as utm_source,
        row_number() over (
            order by sum(sessions) desc, source_value asc
        ) as usual_rank
    from tagged_values
    where kind = 'tags' and channel_key = 'email' and source_value is not null
    group by source_value
),

-- The spelling that most sessions came with, of each value of a part.
spellings as (
    {%- for part in ['source', 'medium', 'campaign'] %}
    select
        '{{ part }}' as tag_part,
        {{ tag_spelling('tagged_' ~ part) }} as spelling,
        tagged_{{ part }} as usual,
        row_number() over (
            partition by {{ tag_spelling('tagged_' ~ part) }}
            order by sum(sessions) desc, sum(n_ads) desc, tagged_{{ part }} desc
        ) as usual_rank
    from tagged_values
    where kind = 'tags' and tagged_{{ part }} is not null
    group by tagged_{{ part }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Left joins 1:1: each is unique on what it is joined by, with its rank 1.
known as (
    select
        tagged_values.*,
        misspelt.source_name as meant_source,
        misspelt.is_own as is_own_meant,
        channels.is_paid,
        misspelt_mediums.medium_name as meant_medium,
        misspelt_mediums.is_own as is_own_medium,
        coalesce(nullif(medium_words.meaning, 'known'), source_words.meaning) as meaning,
        {{ channel_group(
            'misspelt.source_name', 'tagged_values.medium_value', 'tagged_values.campaign_value', 'misspelt.category'
        ) }} as meant_channel_key,
        {{ channel_group(
            'tagged_values.source_value', 'misspelt_mediums.medium_name', 'tagged_values.campaign_value',
            'tagged_values.source_category'
        ) }} as meant_medium_channel_key,
        {{ channel_group(
            'tagged_values.source_value', 'tagged_values.medium_value', 'cast(null as ' ~ dbt.type_string() ~ ')',
            'tagged_values.source_category'
        ) }} as plain_channel_key,
        coalesce(tagged_values.ad_platform, tagged_values.known_platform, by_click.platform) as platform,
        by_click.channel_key as click_channel_key,
        replace(lower(source_spelling.usual), ' ', '_') as usual_source,
        replace(lower(medium_spelling.usual), ' ', '_') as usual_medium,
        campaign_spelling.usual as usual_campaign,
        {{ is_dynamic_tag('tagged_values.tagged_campaign') }} as is_dynamic_campaign,
        -- an ad may be clicked later in a session that came by something else
        tagged_values.n_ads > 0
        or (tagged_values.ad_click_sessions > 0 and 2 * tagged_values.ad_click_sessions >= tagged_values.sessions)
        or coalesce(by_click.is_ad_click, false) as is_ads,
        -- the same campaign in e-mails is good practice
        tagged_values.n_known_campaigns > 0 and coalesce(channels.channel_type, '') <> 'owned' as is_ad_named
    from tagged_values
    left join channels
        on tagged_values.channel_key = channels.channel_key
    left join misspelt
        on tagged_values.kind = 'tags'
        and tagged_values.source_value = misspelt.source_value
        and misspelt.meant_rank = 1
    left join misspelt_mediums
        on tagged_values.kind = 'tags'
        and tagged_values.medium_value = misspelt_mediums.medium_value
        and misspelt_mediums.meant_rank = 1
    left join words as medium_words
        on medium_words.tag_part = 'medium'
        and tagged_values.medium_value = medium_words.word
    left join words as source_words
        on source_words.tag_part = 'source'
        and tagged_values.source_value = source_words.word
    left join platforms as by_click
        on tagged_values.click_id = by_click.click_id
    {%- for part in ['source', 'medium', 'campaign'] %}
    left join spellings as {{ part }}_spelling
        on {{ part }}_spelling.tag_part = '{{ part }}'
        and {{ tag_spelling('tagged_values.tagged_' ~ part) }} = {{ part }}_spelling.spelling
        and {{ part }}_spelling.usual_rank = 1
    {%- endfor %}
),

-- What is wrong with the channel, one problem a value: the first that holds.
channelled as (
    select
        *,
        case
            when kind = 'click_id' then 'untagged_ad_click'
            when kind = 'mail' then 'untagged_email'
            when kind = 'google_click' then 'google_click_unresolved'
            when tagged_source is null or tagged_medium is null then 'incomplete_tags'
            when meant_source is not null and (meant_channel_key <> channel_key or is_own_meant) then 'misspelt_source'
            when meant_medium is not null and (meant_medium_channel_key <> channel_key or is_own_medium) then 'misspelt_medium'
            when not is_paid and (is_ads or is_ad_named or coalesce(meaning = 'paid', false)) then 'paid_as_organic'
            when
                channel_key = 'paid_other'
                and source_category is null
                and coalesce(ad_channel_key, known_channel_key, '') <> 'paid_other'
                then 'unknown_source'
            when
                is_paid
                and channel_key <> coalesce(ad_channel_key, known_channel_key)
                and coalesce(ad_channel_key, known_channel_key) in ('paid_social', 'paid_video', 'display')
                then 'other_paid_channel'
            when channel_key = 'organic_shopping' and coalesce(source_category, '') <> 'shopping' then 'campaign_read_as_shopping'
            when channel_key = 'unassigned' then 'unassigned'
        end as channel_problem
    from known
),

judged as (
    select
        *,
        case
            when channel_problem = 'untagged_ad_click' then coalesce(ad_channel_key, click_channel_key)
            when channel_problem = 'untagged_email' then 'email'
            when
                channel_problem in (
                    'paid_as_organic', 'unknown_source', 'other_paid_channel', 'incomplete_tags', 'misspelt_source', 'misspelt_medium'
                )
                and coalesce(ad_channel_key, known_channel_key) is not null
                then coalesce(ad_channel_key, known_channel_key)
            when channel_problem = 'misspelt_source' then meant_channel_key
            when channel_problem = 'misspelt_medium' then meant_medium_channel_key
            when channel_problem = 'paid_as_organic' and source_category in ('social', 'search', 'video', 'shopping')
                then 'paid_' || source_category
            when channel_problem = 'paid_as_organic' then 'paid_other'
            when channel_problem = 'campaign_read_as_shopping' then plain_channel_key
            when channel_problem = 'unassigned' and meaning in ('email', 'sms') then meaning
            when channel_problem is null then channel_key
        end as correct_channel_key
    from channelled
),

problems as (
    select
        *,
        channel_problem as problem
    from judged
    where channel_problem is not null
    union all
    select
        *,
        'mixed_spelling' as problem
    from judged
    where
        kind = 'tags'
        and not is_dynamic_campaign
        and (
            (tagged_source <> usual_source and coalesce(channel_problem, '') <> 'misspelt_source')
            or (tagged_medium <> usual_medium and coalesce(channel_problem, '') <> 'misspelt_medium')
            or tagged_campaign <> usual_campaign
        )
    union all
    select
        *,
        case when tagged_campaign is null then 'missing_campaign' else 'unknown_campaign' end as problem
    from judged
    where
        kind = 'tags'
        and (is_paid or channel_problem = 'paid_as_organic')
        and n_known_campaigns = 0
        and not is_dynamic_campaign
        -- affiliates and the like have no platform that could know
        and (source_category is not null or platform is not null)
        and coalesce(channel_problem, '') <> 'incomplete_tags'
    union all
    select
        *,
        'unconventional_campaign' as problem
    from judged
    where
        kind = 'tags'
        and tagged_campaign is not null
        and not is_dynamic_campaign
        and case
            when n_known_campaigns > 0 then not is_known_conventional
            else not {{ matches_any_case('tagged_campaign', naming.pattern) }}
        end
),

-- Left joins 1:1: each is unique on its key, or with its rank 1.
corrected as (
    select
        problems.*,
        coalesce(usual_tags.utm_source, platforms.utm_source) as platform_source,
        coalesce(usual_tags.utm_medium, platforms.utm_medium) as platform_medium,
        usual_mail.utm_source as mail_source,
        coalesce(ad_campaign_key, known_campaign_key) as campaign_key,
        case
            when n_ads > 0 then 'ads'
            when n_known_campaigns > 0 and kind <> 'google_click' then 'campaigns'
        end as spend_basis,
        case
            when problem in ('paid_as_organic', 'untagged_ad_click') then is_ads
            when problem in ('misspelt_source', 'misspelt_medium', 'unknown_source') then is_ads or is_ad_named
            else true
        end as is_certain
    from problems
    left join platforms
        on problems.platform = platforms.platform
    left join usual_tags
        on problems.platform = usual_tags.platform
        and usual_tags.usual_rank = 1
    left join usual_mail
        on usual_mail.usual_rank = 1
),

suggested as (
    select
        corrected.*,
        case
            when
                channel_problem in ('untagged_ad_click', 'paid_as_organic', 'unknown_source', 'other_paid_channel', 'incomplete_tags')
                and platform_source is not null
                then platform_source
            when channel_problem = 'untagged_email' then coalesce(mail_source, 'newsletter')
            when channel_problem = 'misspelt_source' then meant_source
            when coalesce(channel_problem, '') <> 'google_click_unresolved' then coalesce(usual_source, source_value)
        end as suggested_source,
        case
            when channel_problem = 'other_paid_channel' and correct_channel_key = 'display' then 'display'
            when
                channel_problem in ('untagged_ad_click', 'paid_as_organic', 'unknown_source', 'other_paid_channel', 'incomplete_tags')
                and platform_source is not null
                then platform_medium
            when channel_problem = 'paid_as_organic' and source_category = 'search' then 'cpc'
            when channel_problem = 'paid_as_organic' and source_category in ('social', 'video') then 'paid_' || source_category
            when channel_problem = 'paid_as_organic' then 'paid'
            when channel_problem = 'untagged_email' then 'email'
            when channel_problem = 'misspelt_medium' then meant_medium
            when channel_problem = 'unassigned' and meaning in ('email', 'sms') then meaning
            when channel_problem = 'unassigned' then null
            when coalesce(channel_problem, '') <> 'google_click_unresolved' then coalesce(usual_medium, medium_value)
        end as suggested_medium,
        case
            when problem in ('unknown_campaign', 'unconventional_campaign', 'google_click_unresolved') then null
            when channel_problem = 'campaign_read_as_shopping'
                then replace(replace(campaign_value, 'shopping', 'store'), 'shop', 'store')
            else coalesce(usual_campaign, campaigns.campaign_name)
        end as suggested_campaign,
        campaigns.campaign_name,
        ads.ad_name as example_ad_name,
        case spend_basis when 'ads' then ad_spend when 'campaigns' then known_spend end as spend_at_stake,
        case
            when spend_basis is null and problem = 'google_click_unresolved' then 'the campaign of these clicks is not found'
            when spend_basis is null then 'no ad and no campaign is known behind it'
            when case spend_basis when 'ads' then ad_spend else known_spend end is null
                then 'the cost in the reporting currency is unknown'
        end as unknown_reason,
        case
            when problem in ('mixed_spelling', 'unconventional_campaign') then 'low'
            when problem in ('unknown_campaign', 'missing_campaign', 'google_click_unresolved', 'untagged_email', 'incomplete_tags')
                then 'medium'
            when not is_certain then 'medium'
            else 'high'
        end as severity
    from corrected
    left join campaigns
        on corrected.campaign_key = campaigns.campaign_key
    left join ads
        on corrected.example_ad_key = ads.ad_key
)

-- Left joins: source_status is unique on source_name, channels on channel_key; web is one row.
select
    {{ surrogate_key(['suggested.problem', 'suggested.value_key']) }} as utm_audit_key,
    row_number() over (
        order by
            case suggested.severity when 'high' then 1 when 'medium' then 2 else 3 end asc,
            suggested.spend_at_stake desc nulls last, suggested.sessions desc, suggested.problem asc, suggested.value_key asc
    ) as priority,
    suggested.problem,
    suggested.severity,
    suggested.kind,
    suggested.tagged_source,
    suggested.tagged_medium,
    suggested.tagged_campaign,
    suggested.click_id,
    suggested.referrer_host,
    suggested.channel_key,
    suggested.correct_channel_key,
    suggested.suggested_source,
    suggested.suggested_medium,
    suggested.suggested_campaign,
    suggested.platform,
    suggested.campaign_key,
    suggested.campaign_name,
    suggested.example_ad_key,
    suggested.example_ad_name,
    case when web.n_days > 0 then suggested.sessions end as sessions,
    case when web.n_days > 0 then suggested.engaged_sessions end as engaged_sessions,
    case when web.n_days > 0 then suggested.new_client_sessions end as new_client_sessions,
    case when web.n_days > 0 then suggested.clients end as clients,
    suggested.n_ads,
    case when suggested.spend_basis = 'ads' then suggested.n_ad_campaigns else suggested.n_known_campaigns end as n_campaigns,
    suggested.spend_at_stake,
    suggested.spend_basis,
    suggested.unknown_reason,
    suggested.is_certain,
    {{ ratio('web.n_days', days) }} as coverage,
    'mature' as maturity,
    web.is_stale or coalesce(source_status.is_stale, false) as has_stale_source,
    suggested.first_seen_date,
    suggested.last_seen_date,
    cast({{ dbt.dateadd('day', -days, as_of()) }} as date) as first_date,
    cast({{ dbt.dateadd('day', -1, as_of()) }} as date) as last_date,
    {{ as_of() }} as as_of_date
from suggested
cross join web
left join source_status
    on suggested.platform = source_status.source_name
