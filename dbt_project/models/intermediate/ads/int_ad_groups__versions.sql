-- Grain: platform x account x ad group x version by day, as int_campaigns__versions. Nothing to add up.
{{ config(materialized='table') }}

with unioned as (
    select * from {{ ref('int_ad_groups__unioned') }}
),

{{ versions_by_day(
    'unioned',
    ['source_name', 'account_id', 'ad_group_id'],
    ['campaign_id', 'ad_group_name', 'status', 'attribution_setting', 'daily_budget'],
    [],
) }}

select
    source_name as platform,
    source_name,
    account_id,
    campaign_id,
    ad_group_id,
    version_number,
    ad_group_name,
    attribution_setting,
    status,
    daily_budget,
    is_latest,
    seen_from_date,
    gone_date,
    valid_from_date,
    valid_to_date
from versions
