-- Grain: subject x purpose, as it is tonight over all sources: the latest answer counts, of answers at one moment the no; an answer counts
-- more than none. is_withdrawn: it was granted before.
{{ config(materialized='table') }}

with consents as (
    select * from {{ ref('int_identity__consents') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by node_kind, node_hash, purpose
            order by case when state = 'unknown' then 1 else 0 end asc, changed_at desc, state asc, source_system asc
        ) as recency,
        max(case when state = 'granted' then 1 else 0 end) over (partition by node_kind, node_hash, purpose) as was_granted
    from consents
)

select
    node_kind,
    node_hash,
    purpose,
    state,
    basis,
    source_system,
    state = 'denied' and was_granted = 1 as is_withdrawn,
    changed_at as state_since
from ranked
where recency = 1
