-- Grain: e-mail address (hash) and its domain, over all that tell a domain. Only domains leave the address, never the rest of it.
{% set told = [
    (ref('int_crm_contacts__unioned'), 'created_at'), (ref('int_leads__unioned'), 'created_at'), (ref('int_orders__unioned'), 'ordered_at'),
    (ref('int_deals__unioned'), 'created_at'),
] %}
with told as (
    {%- for model, at in told %}
    select
        email_hash,
        email_domain,
        is_role_email,
        {{ at }} as seen_at
    from {{ model }}
    union all
    {%- endfor %}
    select
        email_hash,
        email_domain,
        is_role_email,
        submitted_at as seen_at
    from (
        {{ union_of('form_submissions', 'form_submissions', {
            'email_hash': 'varchar', 'email_domain': 'varchar', 'is_role_email': 'boolean', 'submitted_at': 'timestamp with time zone',
        }) | indent(8) }}
    ) as forms
)

select
    email_hash,
    min(email_domain) as email_domain,
    max(is_role_email) as is_role_email,
    min(seen_at) as first_seen_at
from told
where email_hash is not null and email_domain is not null
group by email_hash
