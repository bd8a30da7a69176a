-- Among headline rows each conversion stands once: one row a key, one level an account, one date basis an action and setting.
with headline as (
    select * from {{ ref('fct_ad_conversion_daily') }}
    where is_headline
)

select
    'two rows of one key' as fault,
    platform,
    account_id
from headline
group by
    platform, account_id, campaign_id, ad_group_id, ad_id, conversion_action_id, attribution_setting, attribution_kind, date_day
having count(*) > 1
union all
select
    'two levels' as fault,
    platform,
    account_id
from headline
group by platform, account_id
having count(distinct level) > 1
union all
select
    'two date bases' as fault,
    platform,
    account_id
from headline
group by platform, account_id, campaign_id, ad_group_id, ad_id, conversion_action_id, attribution_setting
having count(distinct date_basis) > 1
