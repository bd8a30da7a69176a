-- Grain: source x event that may count as a conversion, by its key within its day.
{{ union_of('web_events', 'key_events', {
    'event_key': 'bigint', 'event_date': 'date', 'event_at': 'timestamp with time zone', 'event_name': 'varchar',
    'session_key': 'varchar', 'client_key': 'varchar', 'user_key': 'varchar', 'transaction_id': 'varchar',
    'currency': 'varchar', 'value': 'decimal(18, 6)', 'purchase_revenue': 'decimal(18, 6)', 'refund_value': 'decimal(18, 6)',
    'quantity': 'bigint', 'n_unique_items': 'bigint', 'page': 'varchar', 'geo_country': 'varchar', 'exclusion': 'varchar',
    'has_consent': 'boolean', 'source_system': 'varchar',
}) }}
