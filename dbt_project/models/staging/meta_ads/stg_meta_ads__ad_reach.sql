-- Grain: level x campaign or ad x window (7 and 28 days up to a night, calendar months). People: adds up over nothing.
with source as (
    select * from {{ source('meta_ads', 'reach_windows') }}
)

select
    {{ surrogate_key(['level', 'account_id', 'object_id', 'window_kind', 'window_start']) }} as row_id,
    'meta_ads' as source_system,
    account_id,
    campaign_id,
    adset_id as ad_group_id,
    ad_id,
    level,
    window_start,
    window_end,
    reach,
    cast(frequency as decimal(18, 6)) as frequency,
    impressions
from source
