-- Grain: two identifiers x reason x system that says so, before any guard. What a contact, an order or a visit no longer says is
-- not here any more. Vendors' merges join the records they joined.
{{ config(materialized='table') }}

with web_links as (
    select * from {{ ref('int_identity__web_links') }}
),

orders as (
    select * from {{ ref('int_orders__unioned') }}
),

-- A transaction id tells no shop: where two shops count alike, it is nobody's.
order_numbers as (
    select
        order_id,
        min(order_key) as order_key
    from orders
    group by order_id
    having count(*) = 1
),

leads as (
    select * from {{ ref('int_leads__unioned') }}
),

deals as (
    select * from {{ ref('int_deals__unioned') }}
),

contacts as (
    select
        *,
        person_key as contact_hash
    from {{ ref('int_crm_contacts__unioned') }}
    where not is_archived
),

crm_merges as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'contact' and surviving_id is not null
),

forms as (
    {{ union_of('form_submissions', 'form_submissions', {
        'form_hash': 'varchar', 'email_hash': 'varchar', 'is_role_email': 'boolean', 'phone_hash': 'varchar', 'client_hash': 'varchar',
        'click_hash': 'varchar', 'submitted_at': 'timestamp with time zone', 'source_system': 'varchar',
    }) }}
),

members as (
    select * from {{ ref('int_email_members__unioned') }}
),

address_changes as (
    select * from {{ ref('int_email_merges__unioned') }}
),

held_addresses as (
    select
        source_system,
        account_id,
        person_hash,
        min(contact_key) as contact_key,
        count(distinct contact_key) as n_contacts
    from members
    where person_hash is not null
    group by source_system, account_id, person_hash
),

-- Left join 1:1: order numbers are unique.
links as (
    select
        'client' as kind_a,
        web_links.client_key as hash_a,
        web_links.linked_kind as kind_b,
        case when web_links.linked_kind = 'order' then order_numbers.order_key else web_links.linked end as hash_b,
        case web_links.linked_kind when 'user' then 'login' when 'click' then 'ad_click' else 'purchase' end as reason,
        web_links.source_system,
        false as is_role,
        false as is_moved,
        web_links.n_seen,
        web_links.first_seen_at,
        web_links.last_seen_at
    from web_links
    left join order_numbers
        on web_links.linked_kind = 'order' and web_links.linked = order_numbers.order_id
    {%- for kind_a, a, kind_b, b, reason, at, table in [
        ('order', 'order_key', 'user', 'user_hash', 'order_customer', 'ordered_at', 'orders'),
        ('order', 'order_key', 'email', 'email_hash', 'order_email', 'ordered_at', 'orders'),
        ('order', 'order_key', 'phone', 'phone_hash', 'order_phone', 'ordered_at', 'orders'),
        ('lead', 'lead_key', 'crm_contact', 'contact_hash', 'lead_contact', 'created_at', 'leads'),
        ('lead', 'lead_key', 'email', 'email_hash', 'lead_email', 'created_at', 'leads'),
        ('lead', 'lead_key', 'phone', 'phone_hash', 'lead_phone', 'created_at', 'leads'),
        ('crm_contact', 'contact_hash', 'email', 'email_hash', 'deal_contact', 'created_at', 'deals'),
        ('crm_contact', 'contact_hash', 'phone', 'phone_hash', 'deal_contact', 'created_at', 'deals'),
        ('crm_contact', 'contact_hash', 'email', 'email_hash', 'crm_email', 'created_at', 'contacts'),
        ('crm_contact', 'contact_hash', 'phone', 'phone_hash', 'crm_phone', 'created_at', 'contacts'),
        ('crm_contact', 'contact_hash', 'phone', 'mobile_phone_hash', 'crm_phone', 'created_at', 'contacts'),
        ('crm_contact', 'contact_hash', 'click', 'click_hash', 'crm_click', 'created_at', 'contacts'),
        ('form', 'form_hash', 'email', 'email_hash', 'form_email', 'submitted_at', 'forms'),
        ('form', 'form_hash', 'phone', 'phone_hash', 'form_phone', 'submitted_at', 'forms'),
        ('form', 'form_hash', 'client', 'client_hash', 'form_client', 'submitted_at', 'forms'),
        ('form', 'form_hash', 'click', 'click_hash', 'form_click', 'submitted_at', 'forms'),
        ('email_contact', 'contact_key', 'email', 'person_hash', 'list_email', 'signed_up_at', 'members'),
        ('email_contact', 'contact_key', 'phone', 'phone_hash', 'list_phone', 'signed_up_at', 'members'),
    ] %}
    {%- set day = {'ordered_at': 'ordered_date', 'created_at': 'created_date'}.get(at) %}
    {%- set moment = 'coalesce(' ~ at ~ ', cast(' ~ day ~ ' as timestamp with time zone))' if day and table != 'contacts' else at %}
    union all
    select
        '{{ kind_a }}' as kind_a,
        {{ a }} as hash_a,
        '{{ kind_b }}' as kind_b,
        {{ b }} as hash_b,
        '{{ reason }}' as reason,
        source_system,
        {% if kind_b == 'email' %}coalesce(is_role_email, false){% else %}false{% endif %} as is_role,
        false as is_moved,
        1 as n_seen,
        {{ moment }} as first_seen_at,
        {{ moment }} as last_seen_at
    from {{ table }}
    where {{ a }} is not null and {{ b }} is not null
    {%- endfor %}
    union all
    select
        'crm_contact' as kind_a,
        {{ keyed_hash("source_system || '|' || merged_id") }} as hash_a,
        'crm_contact' as kind_b,
        {{ keyed_hash("source_system || '|' || surviving_id") }} as hash_b,
        'vendor_merge' as reason,
        source_system,
        false as is_role,
        false as is_moved,
        1 as n_seen,
        merged_at as first_seen_at,
        merged_at as last_seen_at
    from crm_merges
    union all
    -- Left join 1:1: an address is held once a system and account. An address that another contact holds now was given away.
    select
        'email_contact' as kind_a,
        address_changes.contact_key as hash_a,
        'email' as kind_b,
        address_changes.old_person_hash as hash_b,
        'former_address' as reason,
        address_changes.source_system,
        false as is_role,
        coalesce(held_addresses.contact_key <> address_changes.contact_key or held_addresses.n_contacts > 1, false) as is_moved,
        1 as n_seen,
        cast(address_changes.seen_date as timestamp with time zone) as first_seen_at,
        cast(address_changes.seen_date as timestamp with time zone) as last_seen_at
    from address_changes
    left join held_addresses
        on address_changes.source_system = held_addresses.source_system
        and address_changes.account_id = held_addresses.account_id
        and address_changes.old_person_hash = held_addresses.person_hash
    where address_changes.old_person_hash is not null
)

select
    kind_a,
    hash_a,
    kind_b,
    hash_b,
    reason,
    source_system,
    max(is_role) as is_role,
    max(is_moved) as is_moved,
    cast(sum(n_seen) as bigint) as n_seen,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from links
where hash_a is not null and hash_b is not null and not (kind_a = kind_b and hash_a = hash_b)
group by kind_a, hash_a, kind_b, hash_b, reason, source_system
