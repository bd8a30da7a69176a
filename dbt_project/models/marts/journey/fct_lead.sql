-- Grain: lead (system x lead id). Counts add up; durations do not. What became of a lead (deals, first win) changes for
-- months after it came in.
with leads as (
    select * from {{ ref('int_leads__unioned') }}
),

deals as (
    select
        lead_key,
        count(*) as n_deals,
        min(coalesce(created_date, closed_date)) as first_deal_date,
        min(case when status = 'won' then closed_date end) as first_won_date,
        count(case when status = 'won' then 1 end) as n_deals_won,
        count(case when status = 'lost' then 1 end) as n_deals_lost,
        min(segment) as deal_segment
    from {{ ref('int_deals__unioned') }}
    where lead_key is not null
    group by lead_key
),

-- A system whose leads carry no segment of their own takes it from their deals: then it is known only for leads that
-- got one.
system_segments as (
    select
        source_system,
        count(segment) > 0 as has_lead_segments
    from leads
    group by source_system
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
)

-- Left joins 1:1: deals are unique on lead_key, traffic on traffic_key, system_segments on source_system.
select
    leads.lead_key,
    leads.person_key,
    leads.company_key,
    traffic.channel_key,
    leads.owner_key,
    leads.origin,
    leads.traffic_source,
    leads.traffic_medium,
    leads.traffic_campaign,
    leads.landing_page,
    case
        when system_segments.has_lead_segments then leads.segment else deals.deal_segment
    end as segment,
    leads.lead_type,
    leads.country,
    leads.attributes,
    coalesce(deals.n_deals, 0) as n_deals,
    coalesce(deals.n_deals_won, 0) as n_deals_won,
    coalesce(deals.n_deals_lost, 0) as n_deals_lost,
    case
        when leads.qualified_date >= leads.created_date
            then {{ days_between('leads.created_date', 'leads.qualified_date') }}
    end as days_to_qualified,
    case
        when deals.first_won_date >= leads.created_date
            then {{ days_between('leads.created_date', 'deals.first_won_date') }}
    end as days_to_won,
    leads.qualified_date is not null as is_qualified,
    coalesce(deals.n_deals, 0) > 0 as has_opportunity,
    coalesce(deals.n_deals_won, 0) > 0 as is_won,
    coalesce(deals.first_won_date < leads.created_date, false) as is_won_before_first_contact,
    not system_segments.has_lead_segments as is_segment_from_deal,
    leads.created_at,
    leads.created_date,
    leads.qualified_at,
    leads.qualified_date,
    deals.first_deal_date,
    deals.first_won_date,
    leads.source_name,
    leads.source_system,
    leads.dataset
from leads
left join deals
    on leads.lead_key = deals.lead_key
left join traffic
    on leads.traffic_key = traffic.traffic_key
left join system_segments
    on leads.source_system = system_segments.source_system
