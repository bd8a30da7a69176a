-- Grain: source x our channel x Google's source x Google's medium x reason. Where our source of a session and Google's own last
-- click agree, and why they differ as far as that can be told, over the last complete days (var web_coverage_days). Sessions
-- and shares add up. Written anew each night. Google's last click of a direct session is an earlier one: compared is with ours.
{% set days = var('web_coverage_days') %}
{% set recent = "between " ~ as_of() ~ " - " ~ days ~ " and " ~ as_of() ~ " - 1" %}
{% set verdict_of = {
    'same': 'agrees', 'look_back': 'agrees', 'spelling': 'agrees', 'not_exported': 'unknown',
} %}
with sessions as (
    select * from {{ ref('fct_session') }}
    where property_date {{ recent }}
),

channels as (
    select * from {{ ref('dim_channel') }}
),

event_days as (
    select * from {{ ref('int_web_days__unioned') }}
    where is_loaded and event_date {{ recent }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- Once a combination: many sessions share theirs.
combinations as (
    select
        source_name,
        channel_key,
        last_non_direct_channel_key,
        is_direct,
        traffic_basis,
        lower(source) as source,
        lower(medium) as medium,
        lower(last_non_direct_source) as credited_source,
        lower(last_non_direct_medium) as credited_medium,
        lower(ga4_source) as ga4_source,
        lower(ga4_medium) as ga4_medium,
        ga4_channel_group,
        count(*) as n_sessions
    from sessions
    group by
        source_name, channel_key, last_non_direct_channel_key, is_direct, traffic_basis, lower(source), lower(medium),
        lower(last_non_direct_source), lower(last_non_direct_medium), lower(ga4_source), lower(ga4_medium), ga4_channel_group
),

-- Left join 1:1: channels are unique on channel_key.
reasoned as (
    select
        combinations.*,
        channels.channel as credited_channel,
        case
            when ga4_source is null then 'not_exported'
            when ga4_source = source and coalesce(ga4_medium, medium) = medium then 'same'
            when ga4_source = credited_source and coalesce(ga4_medium, credited_medium) = credited_medium then 'look_back'
            -- a host and a part of it: l.instagram.com, instagram.com
            when
                coalesce(ga4_medium, credited_medium) = credited_medium
                and (credited_source like '%.' || ga4_source or ga4_source like '%.' || credited_source)
                then 'spelling'
            when is_direct then 'looks_back_differently'
            when ga4_source = credited_source then 'medium'
            when ga4_source = '(direct)' then 'direct_for_google'
            else traffic_basis
        end as reason
    from combinations
    left join channels
        on combinations.last_non_direct_channel_key = channels.channel_key
),

summed as (
    select
        source_name,
        channel_key,
        ga4_source,
        ga4_medium,
        reason,
        cast(sum(n_sessions) as bigint) as n_sessions,
        cast(sum(case when ga4_channel_group is not null then n_sessions else 0 end) as bigint) as n_with_channel_group,
        cast(sum(case when lower(ga4_channel_group) = lower(credited_channel) then n_sessions else 0 end) as bigint) as n_same_channel_group
    from reasoned
    group by source_name, channel_key, ga4_source, ga4_medium, reason
),

observed as (
    select
        source_name,
        count(distinct event_date) as n_days
    from event_days
    group by source_name
)

-- Left joins 1:1: both are unique on source_name.
select
    {{ surrogate_key(['summed.source_name', 'channel_key', 'ga4_source', 'ga4_medium', 'reason']) }} as parity_key,
    summed.channel_key,
    summed.ga4_source,
    summed.ga4_medium,
    case summed.reason
        {%- for reason, verdict in verdict_of.items() %}
        when '{{ reason }}' then '{{ verdict }}'
        {%- endfor %}
        else 'differs'
    end as verdict,
    summed.reason,
    summed.n_sessions,
    {{ ratio('summed.n_sessions', 'sum(summed.n_sessions) over (partition by summed.source_name)') }} as session_share,
    summed.n_with_channel_group,
    case when summed.n_with_channel_group > 0 then summed.n_same_channel_group end as n_same_channel_group,
    case when summed.reason = 'not_exported' then 'Google''s last click is not in the export' end as unknown_reason,
    {{ ratio('coalesce(observed.n_days, 0)', days) }} as coverage,
    coalesce(source_status.is_stale, false) as has_stale_source,
    cast({{ as_of() }} - {{ days }} as date) as window_start_date,
    cast({{ as_of() }} - 1 as date) as window_end_date,
    {{ as_of() }} as as_of_date,
    summed.source_name
from summed
left join observed
    on summed.source_name = observed.source_name
left join source_status
    on summed.source_name = source_status.source_name
