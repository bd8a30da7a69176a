-- Grain: source x report (level) x site x search type x day x query, page, country and device as far as the report tells them.
-- Additive within a level and site only.
{{ union_of('organic_search', 'organic_search', {
    'row_id': 'varchar', 'source_system': 'varchar', 'level': 'varchar', 'site_url': 'varchar', 'search_type': 'varchar',
    'search_query': 'varchar', 'page_url': 'varchar', 'country_code': 'varchar', 'device': 'varchar', 'clicks': 'bigint',
    'impressions': 'bigint', 'position_sum': 'decimal(24, 6)', 'date_day': 'date',
}) }}
