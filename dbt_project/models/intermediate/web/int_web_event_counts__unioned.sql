-- Grain: source x day of the property x event x consent to analytics x exclusion. Events add up over all.
{{ union_of('web_events', 'event_counts', {
    'event_date': 'date', 'event_name': 'varchar', 'consent': 'varchar', 'exclusion': 'varchar', 'n_events': 'bigint',
    'source_system': 'varchar',
}) }}
