-- Grain: source x day of the property x channel. What sessions of the day add up to, so that no report reads all of them; every
-- column adds up. Clients do not: int_measures__by_period. The days that fct_session computes anew are computed anew.
{{ config(
    materialized='by_day', day='date_day', days='int_web_days__unioned', days_before=7,
    days_after=[var('web_lookback_days') + 1, 7] | max,
) }}
-- depends_on: {{ ref('int_web_days__unioned') }}

with sessions as (
    select * from {{ ref('fct_session') }}
    where {{ in_days('property_date') }}
)

select
    source_name,
    source_system,
    channel_key,
    property_date as date_day,
    count(*) as n_sessions,
    count(case when is_engaged then 1 end) as n_engaged_sessions,
    cast(sum(n_page_views) as bigint) as n_page_views,
    '{{ web_rules() }}' as rules_version
from sessions
group by source_name, source_system, channel_key, property_date
