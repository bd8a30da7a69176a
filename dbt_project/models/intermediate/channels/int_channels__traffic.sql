-- Grain: distinct combination of origin, source, medium and campaign as records carry it (traffic_key). Source and
-- medium decide where there are any; else the system's own name of the channel, through the seed origin_channels.
-- Nothing at all is `missing`, never Direct; a name that the seed does not know is `unmapped`.
{{ config(materialized='table') }}

with traffic as (
    select distinct traffic_key, origin, traffic_source, traffic_medium, traffic_campaign
    from {{ ref('int_leads__combined') }}
    union
    select distinct traffic_key, origin, traffic_source, traffic_medium, traffic_campaign
    from {{ ref('int_deals__combined') }}
    union
    select distinct traffic_key, origin, traffic_source, traffic_medium, traffic_campaign
    from {{ ref('int_orders__unioned') }}
    union
    select distinct traffic_key, origin, traffic_source, traffic_medium, traffic_campaign
    from {{ ref('int_web_purchases__unioned') }}
    union
    select distinct traffic_key, origin, null, null, null
    from {{ ref('int_costs__unioned') }}
),

known_sources as (
    select * from {{ ref('known_sources') }}
),

origin_channels as (
    select * from {{ ref('origin_channels') }}
),

normalised as (
    select
        traffic_key,
        traffic_source is not null or traffic_medium is not null as is_tagged,
        lower(traffic_source) as source,
        lower(traffic_medium) as medium,
        lower(traffic_campaign) as campaign,
        trim(replace(replace(lower(origin), '_', ' '), '-', ' ')) as origin,
        {{ known_source_name('traffic_source') }} as source_name
    from traffic
),

-- Left joins 1:1: both seeds are unique on the name.
categorised as (
    select
        normalised.traffic_key,
        normalised.is_tagged,
        normalised.source,
        normalised.medium,
        normalised.campaign,
        normalised.origin,
        known_sources.category,
        origin_channels.channel_key as origin_channel_key
    from normalised
    left join known_sources
        on normalised.source_name = known_sources.source_name
    left join origin_channels
        on normalised.origin = origin_channels.origin
)

select
    traffic_key,
    case
        when is_tagged then {{ channel_group('source', 'medium', 'campaign', 'category') }}
        when origin is null then 'missing'
        else coalesce(origin_channel_key, 'unmapped')
    end as channel_key,
    case when is_tagged then 'tags' when origin is null then 'none' else 'origin' end as channel_basis
from categorised
