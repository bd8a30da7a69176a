-- Grain: platform x entity x window. People reached: never added up.
{{ union_of('ad_reach', 'ad_reach', {
    'row_id': 'varchar', 'source_system': 'varchar', 'account_id': 'varchar', 'campaign_id': 'varchar',
    'ad_group_id': 'varchar', 'ad_id': 'varchar', 'level': 'varchar', 'window_start': 'date', 'window_end': 'date',
    'reach': 'bigint', 'frequency': 'decimal(18, 6)', 'impressions': 'bigint',
}) }}
