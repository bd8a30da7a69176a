-- Grain: source x property x period x breakdown x its dimensions: aggregates as web analytics itself reports them. Never added up
-- over breakdowns; users never over days.
{{ union_of('web_aggregates', 'web_aggregates', {
    'row_id': 'varchar', 'source_system': 'varchar', 'breakdown': 'varchar', 'period': 'varchar', 'property_id': 'varchar',
    'session_source': 'varchar', 'session_medium': 'varchar', 'session_campaign': 'varchar',
    'default_channel_group': 'varchar', 'landing_page': 'varchar', 'event_name': 'varchar', 'sessions': 'bigint',
    'engaged_sessions': 'bigint', 'total_users': 'bigint', 'new_users': 'bigint', 'transactions': 'bigint',
    'event_count': 'bigint', 'key_events': 'decimal(18, 6)', 'purchase_revenue': 'decimal(18, 6)', 'currency': 'varchar',
    'time_zone': 'varchar', 'is_other_row': 'boolean', 'has_data_loss': 'boolean', 'is_thresholded': 'boolean',
    'is_sampled': 'boolean', 'sample_share': 'decimal(24, 6)', 'date_day': 'date',
}) }}
