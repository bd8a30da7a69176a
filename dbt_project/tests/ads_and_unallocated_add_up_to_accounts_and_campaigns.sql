-- Ads + unallocated rows = the account's own report, by day, and = the campaign's own report, by day, to the last decimal.
with facts as (
    select * from {{ ref('int_ads__daily') }}
    where allocation_level <> 'as_given'
),

reports as (
    select * from {{ ref('int_ad_performance__unioned') }}
    where level in ('account', 'campaign')
),

compared as (
    {%- for level, ids, condition in [
        ('account', ['source_name', 'account_id', 'date_day'], 'has_account_total'),
        ('campaign', ['source_name', 'account_id', 'campaign_id', 'date_day'], 'campaign_id is not null'),
    ] %}
    select
        '{{ level }}' as level,
        {{ ids | join(', ') }},
        {% if level == 'account' %}null as campaign_id,{% endif %}
        sum(case when side = 'report' then impressions else -impressions end) as impressions,
        sum(case when side = 'report' then clicks else -clicks end) as clicks,
        sum(case when side = 'report' then cost else -cost end) as cost
    from (
        select 'report' as side, {{ ids | join(', ') }}, impressions, clicks, cost from reports where level = '{{ level }}'
        union all
        select 'facts' as side, {{ ids | join(', ') }}, impressions, clicks, cost from facts where {{ condition }}
    ) as sides
    group by {{ ids | join(', ') }}
    having max(case when side = 'report' then 1 else 0 end) = 1 or '{{ level }}' = 'account'
    {%- if not loop.last %}
    union all by name
    {%- endif %}
    {%- endfor %}
)

select *
from compared
where impressions <> 0 or clicks <> 0 or cost <> 0
