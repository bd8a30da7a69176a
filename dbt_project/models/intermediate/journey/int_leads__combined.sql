-- Grain: lead (system x lead id), over files and CRMs. What a CRM's lead is: int_crm_leads__defined. Of a system that a connected CRM
-- gives too, the files' leads are left out (var crm_systems_in_files). node_kind and node_hash: the identifier identity knows it by.
{{ config(materialized='table') }}

with crm as (
    select * from {{ ref('int_crm_leads__defined') }}
),

files as (
    select * from {{ ref('int_leads__unioned') }}
    where not {{ is_left_to_crm('source_system') }}
)

select
    lead_key,
    person_key,
    'lead' as node_kind,
    lead_key as node_hash,
    company_key,
    traffic_key,
    coalesce(origin, traffic_source || coalesce(' / ' || traffic_medium, ''), traffic_medium) as source_as_told,
    origin,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    landing_page,
    segment,
    lead_type,
    owner_key,
    country,
    attributes,
    false as is_date_implied,
    false as is_bulk_import,
    {{ 'qualified_date is not null' if var('file_qualified_step') == 'sql' else 'false' }} as is_mql_implied,
    false as is_sql_implied,
    false as has_moved_back,
    created_at,
    created_date,
    {{ 'qualified_at' if var('file_qualified_step') == 'mql' else 'cast(null as timestamp with time zone)' }} as mql_at,
    {{ 'qualified_date' if var('file_qualified_step') == 'mql' else 'cast(null as date)' }} as mql_date,
    {{ 'qualified_at' if var('file_qualified_step') == 'sql' else 'cast(null as timestamp with time zone)' }} as sql_at,
    {{ 'qualified_date' if var('file_qualified_step') == 'sql' else 'cast(null as date)' }} as sql_date,
    qualified_at,
    qualified_date,
    source_name,
    source_system,
    dataset
from files
union all
select
    lead_key,
    contact_hash as person_key,
    'crm_contact' as node_kind,
    contact_hash as node_hash,
    {{ optional_key('company_id', ['source_system', "'company'", 'company_id']) }} as company_key,
    {{ surrogate_key(['origin', 'null', 'null', 'null']) }} as traffic_key,
    crm_source as source_as_told,
    origin,
    cast(null as {{ dbt.type_string() }}) as traffic_source,
    cast(null as {{ dbt.type_string() }}) as traffic_medium,
    cast(null as {{ dbt.type_string() }}) as traffic_campaign,
    landing_page,
    segment,
    cast(null as {{ dbt.type_string() }}) as lead_type,
    owner_key,
    country,
    attributes,
    is_date_implied,
    is_bulk_import,
    is_mql_implied,
    is_sql_implied,
    has_moved_back,
    created_at,
    created_date,
    mql_at,
    mql_date,
    sql_at,
    sql_date,
    qualified_at,
    qualified_date,
    source_name,
    source_system,
    cast(null as {{ dbt.type_string() }}) as dataset
from crm
