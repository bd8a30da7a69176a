-- Grain: conversion among web events, as counted: a purchase and a refund once a transaction id (each event where there is none),
-- another key event as var web_key_events says, once a session where it does (each event where there is no session). The first
-- event stands for those that repeat it, however late they come, and counts them. Those of a session that is left out (internal, bots)
-- are left out with it. Counts add up. Whole every night: key events are few.
{{ config(materialized='table') }}

with sessions as (
    select * from {{ ref('fct_session') }}
),

events as (
    select
        *,
        case
            when event_name in ('purchase', 'refund') and transaction_id is not null and transaction_id <> '(not set)'
                then 'transaction'
            {%- for name, counting in var('web_key_events').items() if counting == 'once_per_session' %}
            when event_name = '{{ name }}' and session_key is not null then 'session'
            {%- endfor %}
            else 'event'
        end as counted_by
    from {{ ref('int_web_key_events__unioned') }}
    where exclusion is null and (session_key is null or session_key in (select sessions.session_key from sessions))
),

keyed as (
    select
        *,
        case counted_by
            when 'transaction' then {{ surrogate_key(['source_system', 'event_name', "'transaction'", 'transaction_id']) }}
            when 'session' then {{ surrogate_key(['source_system', 'event_name', "'session'", 'session_key']) }}
            else {{ surrogate_key(['source_system', 'event_date', 'event_key']) }}
        end as web_conversion_key
    from events
),

ranked as (
    select
        *,
        count(*) over (partition by web_conversion_key) as n_events,
        row_number() over (partition by web_conversion_key order by event_at asc, event_key asc) as event_rank
    from keyed
)

-- Left join 1:1: sessions are unique on session_key.
select
    ranked.web_conversion_key,
    ranked.event_name,
    ranked.counted_by,
    ranked.session_key,
    sessions.property_date as session_date,
    ranked.client_key,
    ranked.user_key,
    coalesce(sessions.channel_key, 'missing') as channel_key,
    coalesce(sessions.last_non_direct_channel_key, 'missing') as last_non_direct_channel_key,
    ranked.transaction_id,
    ranked.page,
    ranked.geo_country,
    ranked.currency,
    ranked.n_events,
    coalesce(ranked.n_unique_items, 0) as n_items,
    ranked.quantity,
    case ranked.event_name
        when 'refund' then -abs(coalesce(ranked.refund_value, ranked.value))
        when 'purchase' then coalesce(ranked.purchase_revenue, ranked.value)
        else ranked.value
    end as revenue,
    ranked.has_consent,
    ranked.event_at as converted_at,
    ranked.event_date as converted_date,
    ranked.source_name,
    ranked.source_system
from ranked
left join sessions
    on ranked.session_key = sessions.session_key
where ranked.event_rank = 1
