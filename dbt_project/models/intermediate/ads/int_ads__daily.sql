-- Grain: platform x account x campaign x ad group x ad x network x device x date, as fine as its source gives it, by the
-- platform's own day. Additive over all; cost only within one currency. Cost is media cost without VAT. Restated as long as
-- the platforms restate. Ads as their own report tells them, and `unallocated` rows with what a coarser report holds beyond
-- them, so that ads + unallocated = ad group = campaign = account. Conversions are what the platform reports and are never
-- mixed with our own. Rows of sources without levels (files) stay as they are.
{{ config(materialized='table') }}

{% set cells = ad_cell_columns() | join(', ') %}
{% set ids = ad_cell_columns() | reject('in', ad_measures() + ['dataset', 'currency']) | join(', ') %}
with reported as (
    select * from {{ ref('int_ad_performance__unioned') }}
),

campaigns as (
    select * from {{ ref('int_campaigns__typed') }}
),

-- Reports may be finer than the grain.
levels as (
    select
        level,
        {{ ids }},
        max(dataset) as dataset,
        max(currency) as currency,
        {%- for measure in ad_measures() %}
        sum({{ measure }}) as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from reported
    where level is not null
    group by level, {{ ids }}
),
{% for level in ['ad', 'ad_group', 'campaign', 'account'] %}
{{ level }}_rows as (
    select * from levels
    where level = '{{ level }}'
),
{% endfor %}
{{ ad_residuals('in_ad_groups', 'ad_group_rows', 'ad_rows', ['campaign_id', 'ad_group_id']) }},

below_campaigns as (
    select {{ cells }} from ad_rows
    union all
    select {{ cells }} from in_ad_groups
),

{{ ad_residuals('in_campaigns', 'campaign_rows', 'below_campaigns', ['campaign_id']) }},

below_accounts as (
    select {{ cells }} from below_campaigns
    union all
    select {{ cells }} from in_campaigns
),

{{ ad_residuals('in_accounts', 'account_rows', 'below_accounts', []) }},

reconciled as (
    select
        'ad' as allocation_level,
        {{ cells }}
    from ad_rows
    {%- for residuals in ['in_ad_groups', 'in_campaigns', 'in_accounts'] %}
    union all
    select
        allocation_level,
        {{ cells }}
    from {{ residuals }}
    {%- endfor %}
),

account_days as (
    select distinct
        source_name,
        account_id,
        date_day
    from account_rows
),

-- Left joins 1:1: campaigns are unique on source, account and campaign, account_days on all they have.
rows_of_platforms as (
    select
        {{ surrogate_key([
            'reconciled.source_name', 'reconciled.allocation_level', 'reconciled.account_id', 'reconciled.campaign_id',
            'reconciled.ad_group_id', 'reconciled.ad_id', 'reconciled.network', 'reconciled.device', 'reconciled.date_day',
        ]) }} as ad_row_key,
        reconciled.allocation_level,
        {%- for column in ad_cell_columns() %}
        reconciled.{{ column }},
        {%- endfor %}
        campaigns.campaign_type,
        campaigns.channel_type,
        account_days.date_day is not null as has_account_total
    from reconciled
    left join campaigns
        on reconciled.source_name = campaigns.source_name
        and reconciled.account_id = campaigns.account_id
        and reconciled.campaign_id = campaigns.campaign_id
    left join account_days
        on reconciled.source_name = account_days.source_name
        and reconciled.account_id = account_days.account_id
        and reconciled.date_day = account_days.date_day
),

unioned as (
    select
        ad_row_key,
        allocation_level,
        {{ cells }},
        campaign_type,
        channel_type,
        has_account_total
    from rows_of_platforms
    union all
    select
        {{ surrogate_key(['source_name', 'row_id']) }} as ad_row_key,
        'as_given' as allocation_level,
        {{ cells }},
        campaign_type,
        campaign_type as channel_type,
        cast(null as boolean) as has_account_total
    from reported
    where level is null
)

select
    ad_row_key,
    {{ campaign_key() }} as campaign_key,
    {{ ad_key() }} as ad_key,
    {{ ad_channel('platform', 'channel_type') }} as channel_key,
    platform,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    network,
    device,
    allocation_level,
    campaign_type,
    currency,
    cast(impressions as bigint) as impressions,
    cast(clicks as bigint) as clicks,
    {{ money('cost') }} as cost,
    {{ money('platform_conversions') }} as platform_conversions,
    {{ money('platform_conversion_value') }} as platform_conversion_value,
    platform in ('google_ads', 'google ads', 'google', 'adwords')
    and not {{ google_ads_network_is_known('channel_type') }} as is_network_assumed,
    allocation_level like 'unallocated%'
    and (
        coalesce(impressions, 0) < 0 or coalesce(clicks, 0) < 0 or coalesce(cost, 0) < 0
        or coalesce(platform_conversions, 0) < 0 or coalesce(platform_conversion_value, 0) < 0
    ) as is_negative_residual,
    has_account_total,
    date_day,
    source_name,
    source_system,
    dataset
from unioned
