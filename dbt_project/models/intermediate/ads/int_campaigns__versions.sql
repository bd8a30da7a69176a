-- Grain: platform x account x campaign x version by day. Names, types, status and budgets as the nights saw them; the first
-- version reaches back. Dates of the account's platform, nothing to add up. A new version appears the night that sees it.
{{ config(materialized='table') }}

with unioned as (
    select * from {{ ref('int_campaigns__unioned') }}
),

{{ versions_by_day(
    'unioned',
    ['source_name', 'account_id', 'campaign_id'],
    ['campaign_name', 'status', 'platform_type', 'campaign_type', 'is_retargeting', 'daily_budget'],
    ['objective', 'currency', 'start_date', 'end_date'],
) }}

select
    source_name as platform,
    source_name,
    account_id,
    campaign_id,
    version_number,
    campaign_name,
    platform_type,
    campaign_type,
    objective,
    status,
    daily_budget,
    currency,
    is_retargeting,
    is_latest,
    start_date,
    end_date,
    seen_from_date,
    gone_date,
    valid_from_date,
    valid_to_date
from versions
