-- Grain: subject x purpose x source x moment of an answer that differs from the one before it. Purposes: analytics, ads, email, and
-- what files name beside. state: granted, denied, or unknown (the source knows the subject and has no answer).
{{ config(materialized='table') }}

with client_days as (
    select * from {{ ref('int_identity__client_days') }}
),

click_days as (
    select
        links.linked as click_hash,
        days.ads_state,
        links.source_system,
        links.first_seen_at,
        links.event_date
    from {{ ref('int_identity__web_links') }} as links
    -- 1:1, a client has one row a day of its source
    inner join client_days as days
        on links.client_key = days.client_key
        and links.event_date = days.event_date
        and links.source_system = days.source_system
    where links.linked_kind = 'click'
),

members as (
    select * from {{ ref('int_email_members__unioned') }}
),

contacts as (
    select * from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

logged as (
    {{ union_of('consents', 'consents', {
        'node_kind': 'varchar', 'node_hash': 'varchar', 'purpose': 'varchar', 'state': 'varchar', 'basis': 'varchar',
        'changed_at': 'timestamp with time zone', 'source_system': 'varchar',
    }) }}
),

answers as (
    {%- for purpose in ['analytics', 'ads'] %}
    select
        'client' as node_kind,
        client_key as node_hash,
        '{{ purpose }}' as purpose,
        coalesce({{ purpose }}_state, 'unknown') as state,
        'consent' as basis,
        source_system,
        -- what a day ended with held at its last event
        case when {{ purpose }}_state = 'denied' then last_event_at else first_event_at end as changed_at
    from client_days
    union all
    {%- endfor %}
    select
        'click' as node_kind,
        click_hash as node_hash,
        'ads' as purpose,
        coalesce(ads_state, 'unknown') as state,
        'consent' as basis,
        source_system,
        first_seen_at as changed_at
    from click_days
    union all
    -- a list knows when somebody said yes, and when they left
    select
        'email' as node_kind,
        person_hash as node_hash,
        'email' as purpose,
        'granted' as state,
        'consent' as basis,
        source_system,
        coalesce(consented_at, signed_up_at) as changed_at
    from members
    where person_hash is not null and status in ('subscribed', 'unsubscribed', 'cleaned', 'archived')
    union all
    select
        'email' as node_kind,
        person_hash as node_hash,
        'email' as purpose,
        'denied' as state,
        'consent' as basis,
        source_system,
        coalesce(left_at, changed_at) as changed_at
    from members
    where person_hash is not null and status in ('unsubscribed', 'archived')
    union all
    select
        'email' as node_kind,
        email_hash as node_hash,
        'email' as purpose,
        case when is_email_opted_out then 'denied' else 'granted' end as state,
        case when is_email_opted_out then 'consent' else lower(legal_basis) end as basis,
        source_system,
        case when is_email_opted_out then modified_at else created_at end as changed_at
    from contacts
    where email_hash is not null and (is_email_opted_out or legal_basis is not null)
    union all
    select
        node_kind,
        node_hash,
        purpose,
        state,
        basis,
        source_system,
        changed_at
    from logged
    where node_hash is not null
),

-- of several answers at one moment a no counts
moments as (
    select
        node_kind,
        node_hash,
        purpose,
        source_system,
        changed_at,
        min(state) as state,
        min(basis) as basis
    from answers
    where changed_at is not null
    group by node_kind, node_hash, purpose, source_system, changed_at
),

compared as (
    select
        *,
        lag(state) over (partition by node_kind, node_hash, purpose, source_system order by changed_at) as previous_state
    from moments
)

select
    node_kind,
    node_hash,
    purpose,
    state,
    previous_state,
    basis,
    source_system,
    changed_at
from compared
where state is distinct from previous_state
