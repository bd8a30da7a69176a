-- Grain: platform x date x keyword x search term, as each platform reports it. A part of the keywords' figures: rare terms are
-- hidden by the platforms.
{{ union_of('search_terms', 'search_terms', {
    'row_id': 'varchar', 'source_system': 'varchar', 'date_day': 'date', 'account_id': 'varchar',
    'campaign_id': 'varchar', 'ad_group_id': 'varchar', 'keyword_id': 'varchar', 'keyword_text': 'varchar',
    'match_type': 'varchar', 'search_term': 'varchar', 'impressions': 'bigint', 'clicks': 'bigint',
    'cost': 'decimal(18, 6)', 'conversions': 'decimal(18, 6)', 'conversion_value': 'decimal(18, 6)',
    'currency': 'varchar',
}) }}
