-- Grain: campaign or ad x window (7 and 28 days up to a night, calendar months). People: adds up over nothing.
with source as (
    select * from {{ source('linkedin_ads', 'reach_windows') }}
),

ads as (
    select
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        row_number() over (partition by account_id, ad_id order by valid_from desc) as version_rank
    from {{ ref('stg_linkedin_ads__ads') }}
)

-- Left join 1:1: the last version of an ad is unique in its account.
select
    {{ surrogate_key([
        'source.account_id', 'source.level', 'source.object_id', 'source.window_kind', 'source.window_start',
    ]) }} as row_id,
    'linkedin_ads' as source_system,
    source.account_id,
    case when source.level = 'campaign_group' then source.object_id else ads.campaign_id end as campaign_id,
    ads.ad_group_id,
    case when source.level = 'creative' then source.object_id end as ad_id,
    case when source.level = 'creative' then 'ad' else 'campaign' end as level,
    source.window_start,
    source.window_end,
    source.approximate_member_reach as reach,
    cast({{ ratio('source.impressions', 'source.approximate_member_reach') }} as decimal(18, 6)) as frequency,
    source.impressions
from source
left join ads
    on source.level = 'creative'
    and source.account_id = ads.account_id
    and source.object_id = ads.ad_id
    and ads.version_rank = 1
