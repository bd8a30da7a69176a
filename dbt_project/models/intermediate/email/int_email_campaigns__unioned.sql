-- Grain: campaign, or step of an automation, of each e-mail system, as it is tonight.
{{ union_of('email_systems', 'campaigns', {
    'source_system': 'varchar', 'account_id': 'varchar', 'campaign_id': 'varchar', 'list_id': 'varchar',
    'campaign_kind': 'varchar', 'flow_id': 'varchar', 'flow_name': 'varchar', 'step_position': 'bigint',
    'campaign_name': 'varchar', 'subject': 'varchar', 'status': 'varchar', 'utm_campaign': 'varchar',
    'created_at': 'timestamptz', 'sent_at': 'timestamptz',
}) }}
