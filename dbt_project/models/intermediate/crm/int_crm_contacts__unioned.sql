-- Grain: CRM x contact, over all CRMs, the recycle bin's too.
{{ union_of('crm_systems', 'contacts', [
    'source_system', 'contact_id', 'person_key', 'email_hash', 'phone_hash', 'mobile_phone_hash', 'is_role_email',
    'email_domain', 'click_hash', 'legal_basis', 'is_email_opted_out', 'company_id', 'owner_key',
    'lifecycle_stage', 'lead_status', 'buying_role', 'segment', 'country', 'crm_source', 'crm_source_detail', 'origin',
    'landing_page', 'made_by', 'attributes', 'created_at', 'created_date', 'modified_at', 'archived_at', 'is_imported',
    'is_offline_source', 'is_archived',
]) }}
