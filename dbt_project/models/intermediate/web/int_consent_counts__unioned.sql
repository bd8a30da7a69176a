-- Grain: source x dataset x row: answers to the consent banner on a day, for a purpose. Counts add up over days, not over purposes.
{{ union_of('consent_counts', 'consent_counts', {
    'row_id': 'varchar', 'source_system': 'varchar', 'dataset': 'varchar', 'date_day': 'date', 'purpose': 'varchar',
    'shown': 'bigint', 'accepted': 'bigint', 'denied': 'bigint',
}) }}
