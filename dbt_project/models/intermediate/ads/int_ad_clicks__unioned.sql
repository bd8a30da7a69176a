-- Grain: ad click that a platform tells with its click id, as a keyed hash (click_key).
{{ union_of('ad_clicks', 'clicks', {
    'click_key': 'varchar', 'source_system': 'varchar', 'account_id': 'varchar', 'campaign_id': 'varchar',
    'network': 'varchar', 'date_day': 'date',
}) }}
