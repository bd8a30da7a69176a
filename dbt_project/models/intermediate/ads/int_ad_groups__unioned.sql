-- Grain: platform x account x ad group x version as a night saw it. Nothing to add up.
{{ union_of('ad_platforms', 'ad_groups', {
    'account_id': 'varchar', 'campaign_id': 'varchar', 'ad_group_id': 'varchar', 'valid_from': 'timestamp',
    'valid_to': 'timestamp', 'ad_group_name': 'varchar', 'status': 'varchar', 'attribution_setting': 'varchar',
    'daily_budget': 'decimal(18, 6)',
}) }}
