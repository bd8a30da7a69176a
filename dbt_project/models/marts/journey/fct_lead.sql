-- Grain: lead (system x lead id) of files and CRMs. Counts add up; durations do not. What became of a lead (deals, first win) changes
-- for months after it came in. channel_key is what the system says of its source; identity_channel_key what identity finds.
with leads as (
    select
        *,
        -- of a day alone: by its end
        coalesce(created_at, cast(created_date + interval '1 day' as timestamp with time zone)) as came_by
    from {{ ref('int_leads__combined') }}
),

members as (
    select * from {{ ref('int_identity__members') }}
),

companies as (
    select * from {{ ref('int_companies__sources') }}
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
    from {{ ref('int_deals__combined') }}
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
),

-- Left join 1:1: members are unique on the node.
people as (
    select
        leads.lead_key,
        leads.came_by,
        coalesce(members.person_key, leads.person_key) as person_key
    from leads
    left join members
        on leads.node_kind = members.node_kind
        and leads.node_hash = members.node_hash
),

sessions as (
    select
        session_key,
        client_key,
        channel_key,
        started_at
    from {{ ref('fct_session') }}
    where channel_key <> 'direct'
),

-- The last session that was not direct, by any client of the person, at the moment of the lead or before. Clients and their sessions
-- fan out, and the newest is taken.
session_ranks as (
    select
        people.lead_key,
        sessions.session_key,
        sessions.channel_key,
        row_number() over (
            partition by people.lead_key order by sessions.started_at desc, sessions.session_key asc
        ) as recency
    from people
    inner join members
        on people.person_key = members.person_key
        and members.node_kind = 'client'
    inner join sessions
        on members.node_hash = sessions.client_key
        and people.came_by >= sessions.started_at
        and people.came_by - interval '{{ var("lead_session_days") }} days' <= sessions.started_at
)

-- Left joins 1:1: people and deals are unique on lead_key, session_ranks once the newest is taken, traffic on traffic_key, companies on
-- own_key, system_segments on source_system. A company that its CRM has archived keeps its own key.
select
    leads.lead_key,
    people.person_key,
    coalesce(companies.company_key, leads.company_key) as company_key,
    traffic.channel_key,
    session_ranks.channel_key as identity_channel_key,
    session_ranks.session_key as identity_session_key,
    leads.owner_key,
    leads.source_as_told,
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
    leads.is_date_implied,
    leads.is_mql_implied,
    leads.is_sql_implied,
    leads.has_moved_back,
    leads.is_bulk_import,
    leads.created_at,
    leads.created_date,
    leads.qualified_at,
    leads.qualified_date,
    leads.mql_at,
    leads.mql_date,
    leads.sql_at,
    leads.sql_date,
    deals.first_deal_date,
    deals.first_won_date,
    leads.source_name,
    leads.source_system,
    leads.dataset
from leads
left join people
    on leads.lead_key = people.lead_key
left join deals
    on leads.lead_key = deals.lead_key
left join session_ranks
    on leads.lead_key = session_ranks.lead_key
    and session_ranks.recency = 1
left join companies
    on leads.company_key = companies.own_key
left join traffic
    on leads.traffic_key = traffic.traffic_key
left join system_segments
    on leads.source_system = system_segments.source_system
