-- Grain: CRM x contact or company x lifecycle stage it came to x moment, over all CRMs.
{{ union_of('crm_systems', 'lifecycle_changes', [
    'source_system', 'row_id', 'object_type', 'record_id', 'lifecycle_stage', 'changed_at', 'changed_date', 'changed_by',
]) }}
