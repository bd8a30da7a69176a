-- Grain: deal (system x deal id). Reporting amounts add up over all; amounts only within one currency. An open deal changes
-- until it is closed.
with deals as (
    select * from {{ ref('int_deals__unioned') }}
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

-- Left joins 1:1: leads are unique on lead_key, traffic on traffic_key.
resolved as (
    select
        deals.*,
        leads.lead_key as known_lead_key,
        leads.created_date as lead_created_date,
        coalesce(
            leads.person_key,
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
)

-- Left join 1:1: rates are unique on currency and day.
select
    resolved.deal_key,
    resolved.known_lead_key as lead_key,
    resolved.journey_person_key as person_key,
    resolved.company_key,
    resolved.channel_key,
    resolved.owner_key,
    resolved.status,
    resolved.stage,
    resolved.pipeline,
    resolved.segment,
    resolved.lead_type,
    resolved.attributes,
    resolved.currency,
    resolved.amount,
    resolved.amount_ex_vat,
    resolved.margin,
    {{ to_reporting('resolved.amount', 'rates.rate') }} as amount_reporting,
    {{ to_reporting('resolved.amount_ex_vat', 'rates.rate') }} as amount_ex_vat_reporting,
    {{ to_reporting('resolved.margin', 'rates.rate') }} as margin_reporting,
    rates.rate as reporting_rate,
    case
        when resolved.closed_date >= resolved.created_date
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
    resolved.created_at,
    resolved.created_date,
    resolved.closed_at,
    resolved.closed_date,
    rates.rate_date,
    resolved.source_name,
    resolved.source_system,
    resolved.dataset
from resolved
left join rates
    on resolved.currency = rates.currency
    and resolved.value_date = rates.date_day
