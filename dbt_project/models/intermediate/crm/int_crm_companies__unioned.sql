-- Grain: CRM x company, over all CRMs, the recycle bin's too.
{{ union_of('crm_systems', 'companies', [
    'source_system', 'company_id', 'company_name', 'company_domain', 'segment', 'country', 'owner_key', 'lifecycle_stage', 'made_by',
    'attributes', 'n_employees', 'annual_revenue', 'created_at', 'created_date', 'modified_at', 'archived_at', 'is_imported',
    'is_archived',
]) }}
