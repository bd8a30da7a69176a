-- Grain: source x host x page x day of the property. Views add up, sessions and clients do not.
{{ union_of('web_events', 'page_days', {
    'event_date': 'date', 'page_host': 'varchar', 'page': 'varchar', 'page_title': 'varchar', 'n_views': 'bigint',
    'n_views_without_consent': 'bigint', 'engagement_time_msec': 'bigint', 'n_sessions': 'bigint', 'n_clients': 'bigint',
    'source_system': 'varchar',
}) }}
