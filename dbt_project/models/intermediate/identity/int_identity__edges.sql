-- Grain: two identifiers x reason x system that says so. guard: null, the edge joins; else why it does not. Whole every night, so
-- that what a restated day, a deleted contact or a withdrawal takes away is gone.
{{ config(materialized='table') }}

{% set caps = var('identity_degree_caps') %}
{% set purposes = {'client': 'analytics', 'click': 'ads'} %}
{% set joins = "'granted', 'unknown'" if var('identity_unknown_consent') == 'allowed' else "'granted'" %}
{% set devices = "'client', 'click'" %}
{% set events = ['form', 'order', 'lead', 'crm_contact', 'email_contact'] %}
with links as (
    select * from {{ ref('int_identity__links') }}
),

exclusions as (
    select * from {{ ref('identity_exclusions') }}
),

states as (
    select * from {{ ref('int_identity__consent_states') }}
),

pairs as (
    select
        node_key_a,
        node_key_b
    from exclusions
    union
    select
        node_key_b as node_key_a,
        node_key_a as node_key_b
    from exclusions
),

-- Taken apart by hand, whichever way round the pair is named.
excluded as (
    select distinct
        links.kind_a,
        links.hash_a,
        links.kind_b,
        links.hash_b
    from links
    inner join pairs
        on {{ node_key('links.kind_a', 'links.hash_a') }} = pairs.node_key_a
        and {{ node_key('links.kind_b', 'links.hash_b') }} = pairs.node_key_b
),

-- What consent every kind of identifier of a device needs: a client analytics, a click ads.
allowed as (
    select
        node_kind,
        node_hash,
        state,
        is_withdrawn
    from states
    where
    {%- for kind, purpose in purposes.items() %}
        (node_kind = '{{ kind }}' and purpose = '{{ purpose }}'){% if not loop.last %} or{% endif %}
    {%- endfor %}
),

-- Somebody who withdrew by login, address or phone, and all that stands for them beside devices.
withdrawn as (
    select distinct
        node_kind,
        node_hash
    from states
    where purpose = 'analytics' and state = 'denied' and node_kind not in ({{ devices }})
),

-- Left joins 1:1: excluded is unique on the pair, allowed on the node.
judged as (
    select
        links.*,
        case
            when excluded.kind_a is not null then 'excluded'
            when links.is_role then 'role_address'
            when links.is_moved then 'address_moved'
            when coalesce(allowed_a.is_withdrawn, false) or coalesce(allowed_b.is_withdrawn, false) then 'withdrawn'
            {%- for kind in purposes %}
            {%- for side in ['a', 'b'] %}
            when
                links.kind_{{ side }} = '{{ kind }}'
                and coalesce(allowed_{{ side }}.state, 'unknown') not in ({{ joins }})
                then 'no_consent'
            {%- endfor %}
            {%- endfor %}
        end as guard
    from links
    left join excluded
        on links.kind_a = excluded.kind_a and links.hash_a = excluded.hash_a
        and links.kind_b = excluded.kind_b and links.hash_b = excluded.hash_b
    left join allowed as allowed_a
        on links.kind_a = allowed_a.node_kind and links.hash_a = allowed_a.node_hash
    left join allowed as allowed_b
        on links.kind_b = allowed_b.node_kind and links.hash_b = allowed_b.node_hash
),

open_edges as (
    select distinct
        kind_a,
        hash_a,
        kind_b,
        hash_b,
        source_system,
        reason = 'former_address' as is_former
    from judged
    where guard is null
),

both_ways as (
    select kind_a, hash_a, kind_b, hash_b, source_system, is_former from open_edges
    union all
    select kind_b, hash_b, kind_a, hash_a, source_system, is_former from open_edges
),

-- What stands behind an identifier: directly, or through one form, order, lead or contact. The address that a contact had before is
-- no second one.
reached as (
    select kind_a, hash_a, kind_b, hash_b from both_ways
    where not is_former
    union
    select
        one.kind_a,
        one.hash_a,
        other.kind_b,
        other.hash_b
    from both_ways as one
    inner join both_ways as other
        on one.kind_b = other.kind_a and one.hash_b = other.hash_a
    where
        one.kind_b in ('{{ events | join("', '") }}')
        and not one.is_former
        and not other.is_former
        and (
            {%- for cap in caps %}
            {% if not loop.first %}or {% endif %}(one.kind_a = '{{ cap.kind }}' and other.kind_b = '{{ cap.other }}')
            {%- endfor %}
        )
),

shared as (
    {%- for cap in caps %}
    select
        kind_a as node_kind,
        hash_a as node_hash
    from {{ 'both_ways' if cap.of_one_system else 'reached' }}
    where kind_a = '{{ cap.kind }}' and kind_b = '{{ cap.other }}'
    group by kind_a, hash_a{% if cap.of_one_system %}, source_system{% endif %}
    having count(distinct hash_b) > {{ cap.most }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

-- Whose devices a withdrawal by login, address or phone takes apart: all that reaches the subject without a device.
unjoined as (
    with recursive spread as (
        select node_kind, node_hash from withdrawn
        union
        select
            both_ways.kind_b as node_kind,
            both_ways.hash_b as node_hash
        from spread
        inner join both_ways
            on spread.node_kind = both_ways.kind_a and spread.node_hash = both_ways.hash_a
        left join shared
            on both_ways.kind_a = shared.node_kind and both_ways.hash_a = shared.node_hash
        where both_ways.kind_b not in ({{ devices }}) and shared.node_hash is null
    )

    select * from spread
)

-- Left joins 1:1: shared and unjoined are unique on the node.
select
    judged.kind_a,
    judged.hash_a,
    judged.kind_b,
    judged.hash_b,
    judged.reason,
    judged.source_system,
    coalesce(
        judged.guard,
        case when shared_a.node_hash is not null or shared_b.node_hash is not null then 'degree_cap' end,
        case
            when judged.kind_a in ({{ devices }}) and unjoined_b.node_hash is not null then 'withdrawn'
            when judged.kind_b in ({{ devices }}) and unjoined_a.node_hash is not null then 'withdrawn'
        end
    ) as guard,
    judged.n_seen,
    {{ node_number('judged.kind_a', 'judged.hash_a') }} as number_a,
    {{ node_number('judged.kind_b', 'judged.hash_b') }} as number_b,
    judged.first_seen_at,
    judged.last_seen_at
from judged
left join shared as shared_a
    on judged.kind_a = shared_a.node_kind and judged.hash_a = shared_a.node_hash
left join shared as shared_b
    on judged.kind_b = shared_b.node_kind and judged.hash_b = shared_b.node_hash
left join unjoined as unjoined_a
    on judged.kind_a = unjoined_a.node_kind and judged.hash_a = unjoined_a.node_hash
left join unjoined as unjoined_b
    on judged.kind_b = unjoined_b.node_kind and judged.hash_b = unjoined_b.node_hash
