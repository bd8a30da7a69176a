-- Grain: conversion (type x lead, deal or order). Conversions of one type add up over all; types are steps of one journey and
-- are not added. `customer` is a person's first won deal or paid sale, so an older file can move it.
-- Paid sales of guests (no person) are neither first nor repeat: they stay in fct_order.
with leads as (
    select * from {{ ref('fct_lead') }}
),

deals as (
    select * from {{ ref('fct_deal') }}
),

orders as (
    select * from {{ ref('fct_order') }}
),

purchases as (
    select
        deal_key as record_key,
        'deal' as record_type,
        person_key,
        channel_key,
        closed_at as conversion_at,
        closed_date as conversion_date,
        amount_ex_vat as value,
        currency,
        amount_ex_vat_reporting as value_reporting,
        source_name,
        source_system
    from deals
    where is_won and closed_date is not null
    union all
    select
        order_key as record_key,
        'order' as record_type,
        person_key,
        channel_key,
        ordered_at as conversion_at,
        ordered_date as conversion_date,
        amount_ex_vat as value,
        currency,
        amount_ex_vat_reporting as value_reporting,
        source_name,
        source_system
    from orders
    where is_paid_sale and has_person
),

ranked as (
    select
        purchases.*,
        row_number() over (
            partition by person_key
            order by conversion_date asc, conversion_at asc nulls last, record_type asc, record_key asc
        ) as purchase_number
    from purchases
),

conversions as (
    select
        'lead' as conversion_type,
        'each lead' as counting_method,
        lead_key as record_key,
        'lead' as record_type,
        person_key,
        channel_key,
        created_at as conversion_at,
        created_date as conversion_date,
        cast(null as decimal(18, 6)) as value,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 6)) as value_reporting,
        is_date_implied,
        source_name,
        source_system
    from leads
    union all
    select
        'qualified_lead' as conversion_type,
        'each lead once' as counting_method,
        lead_key as record_key,
        'lead' as record_type,
        person_key,
        channel_key,
        qualified_at as conversion_at,
        qualified_date as conversion_date,
        null as value,
        null as currency,
        null as value_reporting,
        false as is_date_implied,
        source_name,
        source_system
    from leads
    where is_qualified
    union all
    -- a deal whose start is not recorded was an opportunity on the day it closed, at the latest; an import's on the earlier of its days
    select
        'opportunity' as conversion_type,
        'each deal' as counting_method,
        deal_key as record_key,
        'deal' as record_type,
        person_key,
        channel_key,
        case when created_date is null or (is_bulk_import and closed_date < created_date) then closed_at else created_at end
            as conversion_at,
        case
            when created_date is null or (is_bulk_import and closed_date < created_date) then closed_date else created_date
        end as conversion_date,
        amount_ex_vat as value,
        currency,
        amount_ex_vat_reporting as value_reporting,
        created_date is null or is_bulk_import as is_date_implied,
        source_name,
        source_system
    from deals
    union all
    select
        case when purchase_number = 1 then 'customer' else 'repeat' end as conversion_type,
        case when purchase_number = 1 then 'once per person' else 'each purchase' end as counting_method,
        record_key,
        record_type,
        person_key,
        channel_key,
        conversion_at,
        conversion_date,
        value,
        currency,
        value_reporting,
        false as is_date_implied,
        source_name,
        source_system
    from ranked
)

select
    {{ surrogate_key(['conversion_type', 'record_key']) }} as conversion_key,
    person_key,
    channel_key,
    record_key,
    record_type,
    conversion_type,
    counting_method,
    currency,
    value,
    value_reporting,
    is_date_implied,
    conversion_at,
    conversion_date,
    source_name,
    source_system
from conversions
