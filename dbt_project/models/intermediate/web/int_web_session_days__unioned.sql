-- Grain: source x session x day of the property, with consent alone. Counts add up over a session's days.
{{ union_of('web_events', 'session_days', {
    'session_key': 'varchar', 'client_key': 'varchar', 'user_key': 'varchar', 'gclid_hash': 'varchar', 'gbraid_hash': 'varchar',
    'wbraid_hash': 'varchar', 'dclid_hash': 'varchar', 'fbclid_hash': 'varchar', 'msclkid_hash': 'varchar',
    'ttclid_hash': 'varchar', 'li_fat_id_hash': 'varchar', 'landing_host': 'varchar', 'landing_page': 'varchar',
    'landing_location': 'varchar', 'landing_title': 'varchar', 'exit_page': 'varchar', 'referrer_host': 'varchar',
    'source': 'varchar', 'medium': 'varchar', 'campaign': 'varchar', 'campaign_id': 'varchar', 'term': 'varchar',
    'content': 'varchar', 'gad_source': 'varchar', 'gad_campaign_id': 'varchar', 'ga4_source': 'varchar',
    'ga4_medium': 'varchar', 'ga4_campaign': 'varchar', 'ga4_channel_group': 'varchar',
    'ga4_google_ads_campaign_id': 'varchar', 'ga4_google_ads_campaign_name': 'varchar', 'stream_id': 'varchar',
    'platform': 'varchar', 'device_category': 'varchar', 'device_operating_system': 'varchar', 'device_browser': 'varchar',
    'device_language': 'varchar', 'geo_country': 'varchar', 'geo_region': 'varchar', 'analytics_storage': 'varchar',
    'ads_storage': 'varchar', 'exclusion': 'varchar', 'session_number': 'bigint', 'n_events': 'bigint',
    'n_page_views': 'bigint', 'n_payment_referrals': 'bigint', 'engagement_time_msec': 'bigint',
    'is_engaged_told': 'boolean', 'is_google_ads_click': 'boolean', 'has_referrer': 'boolean', 'has_first_visit': 'boolean',
    'landing_order': 'bigint', 'exit_order': 'bigint', 'traffic_order': 'bigint', 'click_order': 'bigint',
    'first_event_at': 'timestamp with time zone', 'last_event_at': 'timestamp with time zone', 'event_date': 'date',
    'source_system': 'varchar',
}) }}
