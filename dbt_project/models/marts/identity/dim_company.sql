-- Grain: company: what CRMs, files and addresses' domains know as one. Systems' records of one domain are one company.
with sources as (
    select * from {{ ref('int_companies__sources') }}
),

people as (
    select
        company_key,
        count(*) as n_people
    from {{ ref('dim_person') }}
    where company_key is not null
    group by company_key
),

companies as (
    select
        company_key,
        {%- for column in ['company_name', 'domain', 'segment', 'country', 'lifecycle_stage', 'n_employees', 'annual_revenue'] %}
        {{ min_by(column, "case when " ~ column ~ " is not null then own_key <> company_key end") }} as {{ column }},
        {%- endfor %}
        count(*) as n_records,
        max(case when origin = 'crm' then 1 else 0 end) = 1 as is_in_crm,
        max(case when origin = 'domain' then 0 else 1 end) = 0 as is_from_domain_alone,
        min(first_seen_at) as first_seen_at
    from sources
    group by company_key
)

-- Left join 1:1: people are counted once a company.
select
    companies.company_key,
    companies.company_name,
    companies.domain,
    companies.segment,
    companies.country,
    companies.lifecycle_stage,
    cast(companies.n_employees as decimal(18, 2)) as n_employees,
    cast(companies.annual_revenue as decimal(24, 6)) as annual_revenue,
    companies.n_records,
    coalesce(people.n_people, 0) as n_people,
    companies.is_in_crm,
    companies.is_from_domain_alone,
    companies.first_seen_at
from companies
left join people
    on companies.company_key = people.company_key
