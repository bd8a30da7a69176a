-- Grain: change of a contact's address, or merge of two contacts, as a night first saw it.
{{ union_of('email_systems', 'merges', {
    'row_id': 'varchar', 'source_system': 'varchar', 'account_id': 'varchar', 'list_id': 'varchar',
    'contact_key': 'varchar', 'old_person_hash': 'varchar', 'new_person_hash': 'varchar', 'seen_date': 'date',
}) }}
