-- Grain: day of the property x client x what it was seen with (a login, an ad click, an order's number). Counts add up over days.
-- Of sessions and purchases with consent alone. gbraid and wbraid stand for many clicks and join nobody. Only days that came
-- anew are computed, from columns that are hashed already.
{{ config(materialized='by_day', day='event_date', days='int_web_days__unioned') }}
-- depends_on: {{ ref('int_web_days__unioned') }}

{% set click_ids = ['gclid', 'dclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id'] %}
with sessions as (
    select
        event_date,
        client_key,
        user_key,
        {% for id in click_ids %}{{ id }}_hash, {% endfor %}
        source_system,
        first_event_at,
        last_event_at
    from {{ ref('int_web_session_days__unioned') }}
    where {{ in_days('event_date') }} and exclusion is null and client_key is not null
),

key_events as (
    select
        event_date,
        client_key,
        user_key,
        transaction_id,
        source_system,
        event_at
    from {{ ref('int_web_key_events__unioned') }}
    where
        {{ in_days('event_date') }}
        and event_name = 'purchase'
        and exclusion is null
        and client_key is not null
        and transaction_id is not null
        and transaction_id <> '(not set)'
),

links as (
    select
        event_date,
        client_key,
        'user' as linked_kind,
        user_key as linked,
        source_system,
        first_event_at as first_seen_at,
        last_event_at as last_seen_at
    from sessions
    where user_key is not null
    {%- for id in click_ids %}
    union all
    select
        event_date,
        client_key,
        'click' as linked_kind,
        {{ id }}_hash as linked,
        source_system,
        first_event_at as first_seen_at,
        last_event_at as last_seen_at
    from sessions
    where {{ id }}_hash is not null
    {%- endfor %}
    union all
    select
        event_date,
        client_key,
        'order' as linked_kind,
        transaction_id as linked,
        source_system,
        event_at as first_seen_at,
        event_at as last_seen_at
    from key_events
)

select
    event_date,
    client_key,
    linked_kind,
    linked,
    source_system,
    count(*) as n_seen,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    '{{ web_rules() }}' as rules_version,
    {{ as_of() }} as built_as_of
from links
group by event_date, client_key, linked_kind, linked, source_system
