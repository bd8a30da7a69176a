-- Grain: platform x date x entity x conversion action x attribution, as each platform reports it. Never added up but over headline
-- rows.
{{ union_of('ad_platforms', 'ad_conversions', {
    'row_id': 'varchar', 'source_system': 'varchar', 'date_day': 'date', 'date_basis': 'varchar',
    'level': 'varchar', 'account_id': 'varchar', 'campaign_id': 'varchar', 'ad_group_id': 'varchar',
    'ad_id': 'varchar', 'conversion_action_id': 'varchar', 'conversion_action_name': 'varchar',
    'conversion_category': 'varchar', 'is_primary': 'boolean', 'attribution_setting': 'varchar',
    'attribution_kind': 'varchar', 'is_headline': 'boolean', 'conversions': 'decimal(18, 6)',
    'conversion_value': 'decimal(18, 6)', 'currency': 'varchar',
}) }}
