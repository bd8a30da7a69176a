-- Grain: source x client x day of the property, with its consent as the day ended.
{{ union_of('web_events', 'client_days', {
    'client_key': 'varchar', 'geo_country': 'varchar', 'analytics_state': 'varchar', 'ads_state': 'varchar',
    'first_event_at': 'timestamp with time zone', 'last_event_at': 'timestamp with time zone', 'event_date': 'date',
    'source_system': 'varchar',
}) }}
