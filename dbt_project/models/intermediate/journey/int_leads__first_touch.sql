-- Grain: lead whose moment is known, of a person a CRM with activities knows; with the first time sales spoke to them, or tried to,
-- at the moment it came in or later: a call, a meeting that was held. What is planned, cancelled or missed touches nobody. E-mails
-- are not loaded, so who was only written to looks untouched.
{{ config(materialized='table') }}
{% set hours = var('business_hours') %}

with leads as (
    select * from {{ ref('fct_lead') }}
    where created_at is not null and not is_date_implied and created_at < cast({{ as_of() }} as timestamp with time zone)
),

activities as (
    select * from {{ ref('int_crm_activities__unioned') }}
    where
        contact_id is not null
        and not is_archived
        and started_at < cast({{ as_of() }} as timestamp with time zone)
        and coalesce(outcome, 'completed') not in ('scheduled', 'queued', 'canceled', 'cancelled', 'rescheduled', 'missed', 'no_show')
),

members as (
    select * from {{ ref('int_identity__members') }}
    where node_kind = 'crm_contact'
),

days as (
    select * from {{ ref('dim_date') }}
    where is_business_day
),

-- Whom the CRMs know that tell activities at all: of others nobody knows whether they were called.
told as (
    select distinct source_system
    from {{ ref('int_crm_activities__unioned') }}
),

contacts as (
    select
        contacts.person_key as contact_hash,
        coalesce(members.person_key, contacts.person_key) as person_key
    from {{ ref('int_crm_contacts__unioned') }} as contacts
    inner join told
        on contacts.source_system = told.source_system
    left join members
        on contacts.person_key = members.node_hash
),

known as (
    select distinct person_key
    from contacts
),

-- Inner join 1:1 for an activity's contact: contacts are unique on their hash.
touches as (
    select
        contacts.person_key,
        activities.activity_kind,
        activities.owner_key,
        activities.started_at,
        activities.row_id
    from activities
    inner join contacts
        on {{ keyed_hash("activities.source_system || '|' || activities.contact_id") }} = contacts.contact_hash
),

-- Touches of a person fan out, and the first at the lead or after it is taken.
ranked as (
    select
        leads.lead_key,
        touches.activity_kind,
        touches.owner_key,
        touches.started_at,
        row_number() over (partition by leads.lead_key order by touches.started_at asc, touches.row_id asc) as touch_number
    from leads
    inner join touches
        on leads.person_key = touches.person_key
        and leads.created_at <= touches.started_at
),

-- Joins 1:1: known are unique on person_key, ranked on lead_key once the first is taken.
touched as (
    select
        leads.lead_key,
        leads.created_at,
        ranked.activity_kind as first_touch_kind,
        ranked.owner_key as first_touch_owner_key,
        ranked.started_at as first_touch_at,
        cast(
            ({{ epoch_microseconds('ranked.started_at') }} - {{ epoch_microseconds('leads.created_at') }}) / 60e6
            as decimal(18, 6)
        ) as minutes_to_touch,
        {{ reporting_time('leads.created_at') }} as created_local,
        {{ reporting_time('ranked.started_at') }} as touched_local
    from leads
    inner join known
        on leads.person_key = known.person_key
    left join ranked
        on leads.lead_key = ranked.lead_key
        and ranked.touch_number = 1
),

-- The part of each business day's office hours that lies between the two moments; days fan out and are summed.
office_hours as (
    select
        touched.lead_key,
        cast(
            sum(
                greatest(
                    0,
                    {{ epoch_microseconds(
                        "least(touched.touched_local, cast(days.date_day as timestamp) + interval '" ~ hours['to'] ~ " hours')"
                    ) }}
                    - {{ epoch_microseconds(
                        "greatest(touched.created_local, cast(days.date_day as timestamp) + interval '" ~ hours['from'] ~ " hours')"
                    ) }}
                )
            ) / 60e6 as decimal(18, 6)
        ) as business_minutes
    from touched
    inner join days
        on cast(touched.created_local as date) <= days.date_day
        and cast(touched.touched_local as date) >= days.date_day
    group by touched.lead_key
)

-- Left join 1:1: office hours are summed by lead.
select
    touched.lead_key,
    touched.first_touch_kind,
    touched.first_touch_owner_key,
    touched.minutes_to_touch,
    case
        when touched.first_touch_at is not null then coalesce(office_hours.business_minutes, cast(0 as decimal(18, 6)))
    end as business_minutes_to_touch,
    touched.first_touch_at
from touched
left join office_hours
    on touched.lead_key = office_hours.lead_key
