-- Grain: source x platform x ad account x what. How far an ad account's figures may be trusted: days delivered, gaps, time zone,
-- currency, rates, spend no campaign or ad explains. Nothing to add up: each row has its own unit. Written anew each night.
{% set unit_of = {
    'first_day': 'date', 'last_day': 'date', 'missing_days': 'days', 'time_zone': 'hours', 'currency': 'text',
    'days_without_rate': 'days', 'days_with_rate_carried_forward': 'days', 'days_without_account_total': 'days',
    'cost': 'amount', 'cost_without_campaign_entity': 'amount', 'unallocated_cost_share': 'share',
    'negative_residual_cost': 'amount',
} %}
with ads as (
    select * from {{ ref('fct_ad_performance_daily') }}
    where date_day <= {{ as_of() }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

accounts as (
    select
        *,
        source_name as platform
    from {{ ref('int_ad_accounts__unioned') }}
),

source_status as (
    select * from {{ ref('rpt_source_status') }}
),

-- Left join 1:1: campaigns are unique on campaign_key.
delivered as (
    select
        ads.source_name,
        ads.platform,
        ads.account_id,
        min(ads.date_day) as first_day,
        max(ads.date_day) as last_day,
        count(distinct ads.date_day) as n_days,
        max(ads.currency) as currency,
        count(distinct ads.currency) as n_currencies,
        max(case when ads.allocation_level <> 'as_given' then 1 else 0 end) = 1 as has_levels,
        {{ money_sum('ads.cost') }} as cost,
        {{ money_sum("case when ads.allocation_level like 'unallocated%' then ads.cost else 0 end") }} as unallocated_cost,
        {{ money_sum('case when ads.is_negative_residual then ads.cost else 0 end') }} as negative_residual_cost,
        {{ money_sum('case when ads.campaign_id is not null and not campaigns.has_entity then ads.cost else 0 end') }}
            as cost_without_entity,
        count(distinct case when ads.cost <> 0 and ads.cost_reporting is null then ads.date_day end) as n_days_without_rate,
        count(distinct case when ads.cost <> 0 and ads.is_rate_carried_forward then ads.date_day end) as n_days_carried,
        count(distinct case when not ads.has_account_total then ads.date_day end) as n_days_without_total
    from ads
    left join campaigns
        on ads.campaign_key = campaigns.campaign_key
    group by ads.source_name, ads.platform, ads.account_id
),

-- Full join 1:1: both are unique on source and account; null-safe, since files may name no account.
joined as (
    select
        coalesce(delivered.source_name, accounts.source_name) as source_name,
        coalesce(delivered.platform, accounts.platform) as platform,
        coalesce(delivered.account_id, accounts.account_id) as account_id,
        accounts.account_name,
        accounts.time_zone,
        coalesce(accounts.currency, delivered.currency) as currency,
        coalesce(delivered.n_currencies, 1) as n_currencies,
        delivered.first_day,
        delivered.last_day,
        {{ days_between('delivered.first_day', 'delivered.last_day') }} + 1 - delivered.n_days as n_missing_days,
        delivered.has_levels,
        delivered.cost,
        delivered.negative_residual_cost,
        delivered.cost_without_entity,
        {{ ratio('delivered.unallocated_cost', 'delivered.cost') }} as unallocated_share,
        delivered.n_days_without_rate,
        delivered.n_days_carried,
        delivered.n_days_without_total
    from delivered
    full outer join accounts
        on delivered.source_name = accounts.source_name
        and delivered.account_id is not distinct from accounts.account_id
),

-- Left join 1:1: source_status is unique on source_name.
known as (
    select
        joined.*,
        {{ zone_difference_hours('joined.time_zone', as_of()) }} as hours_from_reporting_zone,
        case when joined.last_day is not null then {{ days_between('joined.last_day', as_of()) }} end as days_behind,
        source_status.stale_after_days,
        coalesce(source_status.is_stale, false) as has_stale_source
    from joined
    left join source_status
        on joined.source_name = source_status.source_name
),

-- what: number, text, day, whether it is as it should be, and whether this source can tell it at all
measured as (
    {%- for what, number, text, day, ok, told in [
        ('first_day', none, none, 'first_day', 'true', 'first_day is not null'),
        ('last_day', 'days_behind', none, 'last_day', 'days_behind <= stale_after_days', 'last_day is not null'),
        ('missing_days', 'n_missing_days', none, none, 'n_missing_days = 0', 'first_day is not null'),
        ('time_zone', 'hours_from_reporting_zone', 'time_zone', none, 'hours_from_reporting_zone = 0', 'time_zone is not null'),
        ('currency', 'n_currencies', 'currency', none, 'n_currencies = 1', 'currency is not null'),
        ('days_without_rate', 'n_days_without_rate', none, none, 'n_days_without_rate = 0', 'first_day is not null'),
        ('days_with_rate_carried_forward', 'n_days_carried', none, none, 'true', 'first_day is not null'),
        ('days_without_account_total', 'n_days_without_total', none, none, 'n_days_without_total = 0', 'has_levels'),
        ('cost', 'cost', 'currency', none, 'true', 'cost is not null'),
        ('cost_without_campaign_entity', 'cost_without_entity', 'currency', none, 'cost_without_entity = 0', 'has_levels'),
        ('unallocated_cost_share', 'unallocated_share', none, none, 'unallocated_share >= 0', 'has_levels and cost <> 0'),
        ('negative_residual_cost', 'negative_residual_cost', 'currency', none, 'negative_residual_cost >= 0', 'has_levels'),
    ] %}
    select
        source_name,
        platform,
        account_id,
        account_name,
        '{{ what }}' as what,
        '{{ unit_of[what] }}' as unit,
        {{ told }} as is_told,
        cast({{ number or 'null' }} as decimal(24, 6)) as value,
        cast({{ text or 'null' }} as varchar) as value_text,
        cast({{ day or 'null' }} as date) as value_date,
        {{ ok }} as is_as_wanted,
        has_levels,
        first_day,
        has_stale_source
    from known
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key(['source_name', 'platform', 'account_id', 'what']) }} as coverage_key,
    platform,
    account_id,
    account_name,
    what,
    unit,
    case when is_told then value end as value,
    case when is_told then value_text end as value_text,
    case when is_told then value_date end as value_date,
    case
        when not coalesce(is_told, false) then 'unknown'
        when value = 0 then 'zero'
        else 'known'
    end as state,
    case
        when coalesce(is_told, false) then null
        when first_day is null then 'nothing delivered yet'
        when not has_levels then 'the source tells no levels and no accounts'
        else 'the platform does not tell it'
    end as unknown_reason,
    case when is_told then is_as_wanted end as is_as_wanted,
    case when coalesce(is_told, false) then cast(1 as decimal(24, 6)) else cast(0 as decimal(24, 6)) end as coverage,
    has_stale_source,
    {{ as_of() }} as as_of_date,
    source_name
from measured
