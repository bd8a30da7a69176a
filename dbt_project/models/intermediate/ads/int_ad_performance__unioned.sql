-- Grain: level x its ids x network x device x date, each level from its own report: never add levels up. Rows without a level
-- are those of sources that tell no levels (files).
{% set types = {
    'source_system': 'varchar', 'dataset': 'varchar', 'row_id': 'varchar', 'date_day': 'date', 'platform': 'varchar',
    'account_id': 'varchar', 'campaign_id': 'varchar', 'campaign_name': 'varchar', 'campaign_type': 'varchar',
    'ad_group_id': 'varchar', 'ad_id': 'varchar', 'impressions': 'bigint', 'clicks': 'bigint', 'cost': 'decimal(18, 6)',
    'platform_conversions': 'decimal(18, 6)', 'platform_conversion_value': 'decimal(18, 6)', 'currency': 'varchar',
} %}
{% set columns = (['source_name'] + types | list) | join(', ') %}
with platforms as (
    {{ union_of('ad_platforms', 'ad_performance', dict(
        types, level='varchar', network='varchar', device='varchar',
    )) }}
),

others as (
    {{ union_of(
        'ad_performance', 'ad_performance', types, but_not='ad_platforms',
    ) }}
)

select
    {{ columns }},
    level,
    network,
    device
from platforms
union all
select
    {{ columns }},
    cast(null as varchar) as level,
    cast(null as varchar) as network,
    cast(null as varchar) as device
from others
