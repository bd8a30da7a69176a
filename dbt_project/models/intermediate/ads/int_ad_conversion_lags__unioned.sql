-- Grain: platform x campaign x day of the click x days until the conversion. Additive. Restated as conversions come.
{{ union_of('ad_conversion_lags', 'ad_conversion_lags', {
    'row_id': 'varchar', 'source_system': 'varchar', 'date_day': 'date', 'account_id': 'varchar',
    'campaign_id': 'varchar', 'lag_from_days': 'bigint', 'lag_to_days': 'bigint', 'conversions': 'decimal(18, 6)',
}) }}
