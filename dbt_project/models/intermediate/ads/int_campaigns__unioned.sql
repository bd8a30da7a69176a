-- Grain: platform x account x campaign x version as a night saw it. Nothing to add up.
{{ union_of('ad_platforms', 'campaigns', {
    'account_id': 'varchar', 'campaign_id': 'varchar', 'valid_from': 'timestamp', 'valid_to': 'timestamp',
    'campaign_name': 'varchar', 'status': 'varchar', 'platform_type': 'varchar', 'campaign_type': 'varchar',
    'is_retargeting': 'boolean', 'objective': 'varchar', 'daily_budget': 'decimal(18, 6)', 'currency': 'varchar',
    'start_date': 'date', 'end_date': 'date',
}) }}
