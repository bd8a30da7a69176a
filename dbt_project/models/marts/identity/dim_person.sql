-- Grain: person: the identifiers that are joined (identity_edge), or one that is joined to none. Keys, counts and states alone, nothing
-- that tells who it is. People add up; a withdrawal or an undone join makes two of one, a later join one of two (identity_merge).
{% set purposes = ['analytics', 'ads', 'email'] %}
{% set counted = ['client', 'user', 'email', 'phone', 'crm_contact', 'email_contact', 'lead', 'form', 'order', 'click'] %}
with members as (
    select * from {{ ref('int_identity__members') }}
),

states as (
    select * from {{ ref('int_identity__consent_states') }}
),

contacts as (
    select * from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

leads as (
    select * from {{ ref('int_leads__unioned') }}
),

orders as (
    select * from {{ ref('int_orders__unioned') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

companies as (
    select * from {{ ref('int_identity__person_companies') }}
),

people as (
    select
        person_key,
        count(*) as n_identifiers,
        {%- for kind in counted %}
        count(case when node_kind = '{{ kind }}' then 1 end) as n_{{ kind }}s,
        {%- endfor %}
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from members
    group by person_key
    -- an ad click that nothing joins is nobody
    having count(case when node_kind = 'click' then 1 end) < count(*)
),

-- The latest answer of all the person's identifiers, of two at one moment the no; an answer counts more than none.
answers as (
    select
        members.person_key,
        states.purpose,
        states.state,
        states.state_since,
        states.source_system,
        states.basis,
        row_number() over (
            partition by members.person_key, states.purpose
            order by
                case when states.state = 'unknown' then 1 else 0 end asc, states.state_since desc, states.state asc,
                states.source_system asc, states.basis asc, states.node_kind asc, states.node_hash asc
        ) as recency
    from states
    -- 1:1, members are unique on the node
    inner join members
        on states.node_kind = members.node_kind
        and states.node_hash = members.node_hash
    where states.purpose in ('{{ purposes | join("', '") }}')
),

consents as (
    select
        person_key,
        {%- for purpose in purposes %}
        max(case when purpose = '{{ purpose }}' then state end) as {{ purpose }}_consent,
        max(case when purpose = '{{ purpose }}' then state_since end) as {{ purpose }}_consent_since,
        max(case when purpose = '{{ purpose }}' then source_system end) as {{ purpose }}_consent_source,
        max(case when purpose = '{{ purpose }}' then basis end) as {{ purpose }}_consent_basis{% if not loop.last %},{% endif %}
        {%- endfor %}
    from answers
    where recency = 1
    group by person_key
),

-- What systems say of people: the CRM's word before a file's, that before where a device was.
traits as (
    select
        'crm_contact' as node_kind,
        person_key as node_hash,
        country,
        segment,
        lifecycle_stage = 'customer' as is_customer,
        1 as trust,
        created_at as told_at
    from contacts
    union all
    select
        'lead' as node_kind,
        lead_key as node_hash,
        country,
        segment,
        false as is_customer,
        2 as trust,
        created_at as told_at
    from leads
    union all
    select
        'order' as node_kind,
        order_key as node_hash,
        country,
        cast(null as {{ dbt.type_string() }}) as segment,
        order_type = 'sale' as is_customer,
        3 as trust,
        ordered_at as told_at
    from orders
    union all
    select
        'client' as node_kind,
        client_key as node_hash,
        country,
        cast(null as {{ dbt.type_string() }}) as segment,
        false as is_customer,
        4 as trust,
        first_seen_at as told_at
    from clients
),

described as (
    select
        members.person_key,
        traits.country,
        traits.segment,
        traits.is_customer,
        row_number() over (
            partition by members.person_key, traits.country is null
            order by traits.trust asc, traits.told_at desc nulls last, traits.country asc
        ) as country_choice,
        row_number() over (
            partition by members.person_key, traits.segment is null
            order by traits.trust asc, traits.told_at desc nulls last, traits.segment asc
        ) as segment_choice
    from traits
    -- 1:1, members are unique on the node
    inner join members
        on traits.node_kind = members.node_kind
        and traits.node_hash = members.node_hash
),

person_traits as (
    select
        person_key,
        max(case when country_choice = 1 then country end) as country,
        max(case when segment_choice = 1 then segment end) as segment,
        coalesce(max(is_customer), false) as is_customer
    from described
    group by person_key
)

-- Left joins 1:1: all are unique on person_key.
select
    people.person_key,
    companies.company_key,
    case
        when people.n_users + people.n_crm_contacts + people.n_email_contacts + people.n_leads + people.n_forms + people.n_orders > 0
            then 'known'
        when people.n_clients + people.n_clicks = people.n_identifiers then 'anonymous'
        else 'address'
    end as person_kind,
    person_traits.country,
    person_traits.segment,
    {%- for purpose in purposes %}
    consents.{{ purpose }}_consent,
    consents.{{ purpose }}_consent_source,
    consents.{{ purpose }}_consent_basis,
    {%- endfor %}
    people.n_identifiers,
    {%- for kind in counted %}
    people.n_{{ kind }}s,
    {%- endfor %}
    coalesce(person_traits.is_customer, false) as is_customer,
    people.n_crm_contacts + people.n_email_contacts > 0 as is_contact,
    people.n_leads + people.n_forms > 0 as is_lead,
    people.first_seen_at,
    people.last_seen_at,
    {%- for purpose in purposes %}
    consents.{{ purpose }}_consent_since{% if not loop.last %},{% endif %}
    {%- endfor %}
from people
left join consents
    on people.person_key = consents.person_key
left join person_traits
    on people.person_key = person_traits.person_key
left join companies
    on people.person_key = companies.person_key
