-- Grain: account, as it is now, over all platforms. Nothing to add up.
{{ union_of('ad_platforms', 'ad_accounts', {
    'account_id': 'varchar', 'account_name': 'varchar', 'currency': 'varchar', 'time_zone': 'varchar',
    'source_system': 'varchar',
}) }}
