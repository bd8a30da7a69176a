-- Grain: campaign x version by day (name, type, status, budget). Nothing to add up. Dates are the nights that saw a change; the
-- first version reaches back to before we looked, so that a fact of any day finds one. A vanished campaign ends its last version.
with versions as (
    select * from {{ ref('int_campaigns__versions') }}
),

accounts as (
    select * from {{ ref('int_ad_accounts__unioned') }}
),

compared as (
    select
        *,
        lag(campaign_name) over version_order as previous_name,
        lag(status) over version_order as previous_status,
        lag(daily_budget) over version_order as previous_budget
    from versions
    window version_order as (partition by source_name, account_id, campaign_id order by version_number)
)

-- Left join 1:1: accounts are unique on source and account.
select
    {{ surrogate_key([
        'compared.platform', 'compared.account_id', 'compared.campaign_id', 'compared.version_number',
    ]) }} as campaign_version_key,
    {{ surrogate_key(['compared.platform', 'compared.account_id', 'compared.campaign_id']) }} as campaign_key,
    compared.platform,
    compared.account_id,
    compared.campaign_id,
    compared.version_number,
    compared.campaign_name,
    compared.platform_type,
    compared.status,
    compared.daily_budget,
    coalesce(compared.currency, accounts.currency) as currency,
    compared.version_number > 1 and (compared.campaign_name is distinct from compared.previous_name) as is_renamed,
    compared.version_number > 1 and (compared.status is distinct from compared.previous_status) as is_status_changed,
    compared.version_number > 1 and (compared.daily_budget is distinct from compared.previous_budget) as is_budget_changed,
    compared.version_number = 1 as is_first_version,
    compared.valid_to_date is null as is_current,
    compared.seen_from_date,
    compared.valid_from_date,
    compared.valid_to_date,
    compared.source_name
from compared
left join accounts
    on compared.source_name = accounts.source_name
    and compared.account_id = accounts.account_id
