-- Grain: platform x account x ad x version as a night saw it. Nothing to add up.
{{ union_of('ad_platforms', 'ads', {
    'account_id': 'varchar', 'campaign_id': 'varchar', 'ad_group_id': 'varchar', 'ad_id': 'varchar',
    'valid_from': 'timestamp', 'valid_to': 'timestamp', 'ad_name': 'varchar', 'ad_format': 'varchar',
    'status': 'varchar', 'final_url': 'varchar', 'headline': 'varchar', 'created_date': 'date',
}) }}
