-- Grain: platform x account x campaign, as last seen. What kind of campaign it is, by the platform's own word, then its name
-- (var campaign_naming, seed campaign_words). Nothing to add up. Changes the night that sees the change.
{{ config(materialized='table') }}

{% set naming = var('campaign_naming') %}
{% set brand_pattern = '(' ~ (var('brand_terms') or ['(no brand terms)']) | join('|') ~ ')' %}
with versions as (
    select * from {{ ref('int_campaigns__versions') }}
),

words as (
    select * from {{ ref('campaign_words') }}
),

types as (
    select * from {{ ref('campaign_types') }}
),

latest as (
    select
        *,
        coalesce({{ matches('campaign_name', naming.pattern) }}, false) as is_name_conventional
    from versions
    where is_latest
),

named as (
    select
        *,
        {%- for part in ['market', 'stage', 'type', 'theme', 'period'] %}
        {%- if part in naming.parts %}
        case
            when is_name_conventional
                then {{ dbt.split_part('campaign_name', "'" ~ naming.delimiter ~ "'", naming.parts.index(part) + 1) }}
        end as name_{{ part }}{% if not loop.last %},{% endif %}
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as name_{{ part }}{% if not loop.last %},{% endif %}
        {%- endif %}
        {%- endfor %}
    from latest
),

-- Left joins 1:1: a word is unique in its part of the name.
read as (
    select
        named.*,
        type_words.meaning as type_by_name,
        stage_words.meaning as stage_by_name,
        case
            when named.campaign_type in ('retargeting') or named.is_retargeting is not null then 'platform'
            when type_words.meaning is not null then 'name'
        end as retargeting_basis,
        case
            when named.campaign_type = 'retargeting' then true
            else coalesce(named.is_retargeting, type_words.meaning = 'retargeting')
        end as is_retargeting_told,
        coalesce(type_words.meaning = 'brand_search', false)
        or coalesce({{ matches('lower(named.campaign_name)', brand_pattern) }}, false) as is_named_brand,
        coalesce(nullif(named.campaign_type, 'other'), type_words.meaning, named.campaign_type) as base_type
    from named
    left join words as type_words
        on type_words.name_part = 'type'
        and lower(named.name_type) = type_words.word
    left join words as stage_words
        on stage_words.name_part = 'stage'
        and lower(named.name_stage) = stage_words.word
),

typed as (
    select
        read.*,
        case
            when base_type in ('search', 'brand_search') and is_named_brand then 'brand_search'
            when
                is_retargeting_told and base_type in ('display', 'video', 'demand_gen', 'prospecting', 'lead_gen', 'other')
                then 'retargeting'
            else coalesce(base_type, 'other')
        end as canonical_type
    from read
)

-- Left join 1:1: types are unique on campaign_type.
select
    typed.platform,
    typed.source_name,
    typed.account_id,
    typed.campaign_id,
    typed.campaign_name,
    typed.canonical_type as campaign_type,
    typed.platform_type,
    -- the channel goes by the network: for retargeting and the like only the platform's word tells it
    case
        when typed.campaign_type in ('retargeting', 'prospecting', 'lead_gen', 'other')
            then coalesce(typed.platform_type, typed.campaign_type)
        else typed.campaign_type
    end as channel_type,
    coalesce(typed.stage_by_name, types.journey_stage) as journey_stage,
    case
        when typed.stage_by_name is not null then 'name'
        when types.journey_stage is not null then 'campaign type'
    end as journey_stage_basis,
    typed.objective,
    typed.status,
    typed.daily_budget,
    typed.currency,
    typed.name_market,
    typed.name_stage,
    typed.name_type,
    typed.name_theme,
    typed.name_period,
    typed.retargeting_basis,
    typed.is_retargeting_told as is_retargeting,
    typed.is_named_brand,
    typed.is_name_conventional,
    typed.start_date,
    typed.end_date,
    case
        when typed.gone_date is not null then typed.gone_date
        when typed.status = 'removed' and typed.version_number > 1 then typed.seen_from_date
    end as removed_date
from typed
left join types
    on typed.canonical_type = types.campaign_type
