-- Grain: answer: subject (an identifier) x purpose x source x moment. An answer that repeats the one before it has no row. Of all sources
-- the latest counts (is_current). Answers do not add up to people.
with consents as (
    select * from {{ ref('int_identity__consents') }}
),

states as (
    select * from {{ ref('int_identity__consent_states') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
    where is_joined or node_kind <> 'click'
)

-- Left joins 1:1: states are unique on subject and purpose, members on the node. A subject that was never seen beside has no person.
select
    {{ surrogate_key([
        'consents.node_kind', 'consents.node_hash', 'consents.purpose', 'consents.source_system', 'consents.changed_at',
    ]) }} as consent_key,
    members.person_key,
    {{ node_key('consents.node_kind', 'consents.node_hash') }} as node_key,
    consents.node_kind,
    consents.purpose,
    consents.state,
    consents.basis,
    coalesce(consents.state = 'denied' and consents.previous_state = 'granted', false) as is_withdrawal,
    coalesce(states.source_system = consents.source_system and states.state_since = consents.changed_at, false) as is_current,
    consents.changed_at,
    consents.source_system
from consents
left join states
    on consents.node_kind = states.node_kind
    and consents.node_hash = states.node_hash
    and consents.purpose = states.purpose
left join members
    on consents.node_kind = members.node_kind
    and consents.node_hash = members.node_hash
