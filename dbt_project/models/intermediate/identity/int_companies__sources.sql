-- Grain: company as one system has it (system x company id after merges), or a domain that people write from. company_key is the one
-- all that share a domain get: the oldest's. Free-mail domains make no company and join none.
{{ config(materialized='table') }}

with companies as (
    select * from {{ ref('int_crm_companies__unioned') }}
    where not is_archived
),

moved as (
    select * from {{ ref('int_crm_merges__resolved') }}
    where object_type = 'company'
),

leads as (
    select * from {{ ref('int_leads__unioned') }}
),

deals as (
    select * from {{ ref('int_deals__unioned') }}
),

addresses as (
    select * from {{ ref('int_identity__addresses') }}
),

free_mail as (
    select * from {{ ref('free_mail_domains') }}
),

-- Left join 1:1: moved ids are unique on system, kind and id.
crm as (
    select
        companies.source_system,
        coalesce(moved.surviving_id, companies.company_id) as company_id,
        companies.company_name,
        {{ plain_domain('companies.company_domain') }} as domain,
        companies.segment,
        companies.country,
        companies.lifecycle_stage,
        companies.n_employees,
        companies.annual_revenue,
        companies.created_at as first_seen_at,
        moved.merged_id is null as is_itself
    from companies
    left join moved
        on companies.source_system = moved.source_system
        and companies.company_id = moved.merged_id
),

in_files as (
    {%- for model in ['leads', 'deals'] %}
    select
        {{ model }}.source_system,
        {{ model }}.company_id,
        case when free_mail.domain is null then {{ model }}.email_domain end as domain,
        coalesce({{ model }}.created_at, cast({{ model }}.created_date as timestamp with time zone)) as first_seen_at
    from {{ model }}
    -- 1:1, free-mail domains are unique
    left join free_mail
        on {{ model }}.email_domain = free_mail.domain
    where {{ model }}.company_id is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

domains as (
    select
        email_domain as domain,
        count(distinct email_hash) as n_people,
        min(first_seen_at) as first_seen_at
    from addresses
    where not is_role_email
    group by email_domain
),

everything as (
    select
        'crm' as origin,
        source_system,
        company_id,
        company_name,
        domain,
        segment,
        country,
        lifecycle_stage,
        n_employees,
        annual_revenue,
        first_seen_at
    from crm
    where is_itself
    union all
    select
        'file' as origin,
        source_system,
        company_id,
        cast(null as {{ dbt.type_string() }}) as company_name,
        -- all its people write from one domain: it is that one's company
        case when count(distinct domain) = 1 then min(domain) end as domain,
        cast(null as {{ dbt.type_string() }}) as segment,
        cast(null as {{ dbt.type_string() }}) as country,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        null as n_employees,
        null as annual_revenue,
        min(first_seen_at) as first_seen_at
    from in_files
    group by source_system, company_id
    union all
    select
        'domain' as origin,
        'domain' as source_system,
        domain as company_id,
        cast(null as {{ dbt.type_string() }}) as company_name,
        domain,
        cast(null as {{ dbt.type_string() }}) as segment,
        cast(null as {{ dbt.type_string() }}) as country,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        null as n_employees,
        null as annual_revenue,
        first_seen_at
    from domains
    where n_people >= {{ var('identity_company_min_people') }} or domain in (select crm.domain from crm)
),

-- Left join 1:1: free-mail domains are unique.
keyed as (
    select
        everything.origin,
        everything.source_system,
        everything.company_id,
        everything.company_name,
        everything.segment,
        everything.country,
        everything.lifecycle_stage,
        everything.n_employees,
        everything.annual_revenue,
        everything.first_seen_at,
        case when free_mail.domain is null then everything.domain end as domain,
        {{ surrogate_key(['everything.source_system', "'company'", 'everything.company_id']) }} as own_key
    from everything
    left join free_mail
        on everything.domain = free_mail.domain
    where everything.origin <> 'domain' or free_mail.domain is null
)

select
    case
        when domain is null then own_key
        else first_value(own_key) over (
            partition by domain
            order by case origin when 'domain' then 1 else 0 end asc, first_seen_at asc nulls last, own_key asc
        )
    end as company_key,
    own_key,
    origin,
    source_system,
    company_id,
    company_name,
    domain,
    segment,
    country,
    lifecycle_stage,
    n_employees,
    annual_revenue,
    first_seen_at
from keyed
