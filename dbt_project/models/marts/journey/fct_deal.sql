-- Grain: deal (system x deal id) of files and CRMs, without the recycle bin's. Reporting amounts add up over all; amounts only
-- within one currency. An open deal changes until it is closed.
with deals as (
    select * from {{ ref('int_deals__combined') }}
),

leads as (
    select * from {{ ref('fct_lead') }}
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
    where node_kind in ('crm_contact', 'email')
),

companies as (
    select * from {{ ref('int_companies__sources') }}
),

participants as (
    select
        source_name,
        source_system,
        deal_id,
        count(distinct contact_id) as n_contacts
    from {{ ref('int_crm_deal_contacts__unioned') }}
    group by source_name, source_system, deal_id
),

stages as (
    select
        deal_key,
        max(case when is_current then entered_at end) as stage_entered_at,
        max(case when is_current then entered_date end) as stage_entered_date,
        count(case when is_backward then 1 end) as n_moves_back,
        count(case when is_implied then 1 end) as n_stages_implied
    from {{ ref('fct_deal_stage') }}
    group by deal_key
),

-- Left joins 1:1: leads are unique on lead_key, traffic on traffic_key, members on the node, companies on own_key.
resolved as (
    select
        deals.*,
        leads.lead_key as known_lead_key,
        leads.created_date as lead_created_date,
        coalesce(leads.person_key, contacts.person_key, addresses.person_key, deals.person_key) is not null as has_person,
        coalesce(companies.company_key, deals.company_key) as joined_company_key,
        coalesce(
            leads.person_key,
            contacts.person_key,
            addresses.person_key,
            deals.person_key,
            {{ keyed_hash("deals.source_system || '|deal|' || deals.deal_id") }}
        ) as journey_person_key,
        -- the deal's own origin, else its lead's
        case
            when traffic.channel_key = 'missing' then coalesce(leads.channel_key, 'missing')
            else traffic.channel_key
        end as channel_key,
        coalesce(deals.closed_date, deals.created_date) as value_date,
        {{ ex_vat('deals.amount', 'deals.vat_basis', 'deals.vat_rate_pct') }} as amount_ex_vat
    from deals
    left join leads
        on deals.lead_key = leads.lead_key
    left join traffic
        on deals.traffic_key = traffic.traffic_key
    left join members as contacts
        on deals.contact_hash = contacts.node_hash
        and contacts.node_kind = 'crm_contact'
    left join members as addresses
        on deals.email_hash = addresses.node_hash
        and addresses.node_kind = 'email'
    left join companies
        on deals.company_key = companies.own_key
)

-- Left joins 1:1: rates are unique on currency and day, stages on deal_key, participants on source, system and deal.
select
    resolved.deal_key,
    resolved.known_lead_key as lead_key,
    resolved.journey_person_key as person_key,
    resolved.joined_company_key as company_key,
    resolved.channel_key,
    resolved.owner_key,
    resolved.source_as_told,
    resolved.status,
    resolved.stage,
    resolved.pipeline,
    resolved.segment,
    resolved.lead_type,
    resolved.attributes,
    resolved.lost_reason,
    resolved.currency,
    resolved.amount,
    resolved.amount_ex_vat,
    resolved.margin,
    {{ to_reporting('resolved.amount', 'rates.rate') }} as amount_reporting,
    {{ to_reporting('resolved.amount_ex_vat', 'rates.rate') }} as amount_ex_vat_reporting,
    {{ to_reporting('resolved.margin', 'rates.rate') }} as margin_reporting,
    case when resolved.status = 'won' then {{ to_reporting('resolved.amount_ex_vat', 'rates.rate') }} end as won_value_reporting,
    case when resolved.status = 'won' then {{ to_reporting('resolved.margin', 'rates.rate') }} end as won_margin_reporting,
    rates.rate as reporting_rate,
    coalesce(participants.n_contacts, case when resolved.has_person then 1 else 0 end) as n_contacts,
    coalesce(stages.n_moves_back, 0) as n_moves_back,
    coalesce(stages.n_stages_implied, 0) as n_stages_implied,
    case
        -- an import was made when it was read
        when resolved.closed_date >= resolved.created_date and not resolved.is_bulk_import
            then {{ days_between('resolved.created_date', 'resolved.closed_date') }}
    end as days_to_close,
    case
        when resolved.status = 'won' and resolved.closed_date >= resolved.lead_created_date
            then {{ days_between('resolved.lead_created_date', 'resolved.closed_date') }}
    end as days_from_first_contact,
    coalesce(resolved.status = 'won', false) as is_won,
    coalesce(resolved.status = 'lost', false) as is_lost,
    resolved.lead_key is not null and resolved.known_lead_key is null as is_lead_missing,
    coalesce(resolved.status = 'won' and resolved.closed_date < resolved.lead_created_date, false)
        as is_won_before_first_contact,
    coalesce(rates.is_carried_forward, false) as is_rate_carried_forward,
    resolved.has_person,
    resolved.is_bulk_import,
    coalesce(stages.n_moves_back, 0) > 0 as has_moved_back,
    resolved.created_at,
    resolved.created_date,
    resolved.closed_at,
    resolved.closed_date,
    resolved.expected_close_date,
    stages.stage_entered_at,
    stages.stage_entered_date,
    rates.rate_date,
    resolved.source_name,
    resolved.source_system,
    resolved.dataset
from resolved
left join rates
    on resolved.currency = rates.currency
    and resolved.value_date = rates.date_day
left join stages
    on resolved.deal_key = stages.deal_key
left join participants
    on resolved.source_name = participants.source_name
    and resolved.source_system = participants.source_system
    and resolved.deal_id = participants.deal_id
