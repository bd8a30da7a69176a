-- Grain: source x day of the property. Days of web events that are known; a day without a row is missing. Events add up.
{{ union_of('web_events', 'event_days', {
    'event_date': 'date', 'kind': 'varchar', 'message': 'varchar', 'n_events': 'bigint', 'n_rejected': 'bigint',
    'is_intraday': 'boolean', 'is_loaded': 'boolean', 'is_refused': 'boolean', 'loaded_as_of': 'date', 'day_version': 'varchar',
}) }}
