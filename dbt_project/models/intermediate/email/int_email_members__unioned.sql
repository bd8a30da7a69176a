-- Grain: list x contact of each e-mail system, as it is tonight.
{{ union_of('email_systems', 'members', {
    'row_id': 'varchar', 'source_system': 'varchar', 'account_id': 'varchar', 'list_id': 'varchar',
    'contact_key': 'varchar', 'recipient_key': 'varchar', 'person_hash': 'varchar', 'is_role_email': 'boolean', 'phone_hash': 'varchar',
    'status': 'varchar', 'signup_source': 'varchar', 'language': 'varchar', 'signed_up_at': 'timestamptz',
    'consented_at': 'timestamptz', 'left_at': 'timestamptz', 'changed_at': 'timestamptz',
}) }}
