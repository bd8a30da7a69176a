-- Grain: source x day of the property x event name x consent to analytics x what leaves it out. Events add up.
{{ union_of('web_events', 'event_counts', {
    'event_date': 'date', 'event_name': 'varchar', 'consent': 'varchar', 'exclusion': 'varchar', 'n_events': 'bigint',
    'source_system': 'varchar',
}) }}
