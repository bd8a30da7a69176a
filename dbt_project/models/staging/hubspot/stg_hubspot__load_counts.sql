-- Grain: entity x measure (rows, amount) x currency. What raw holds, for reconciliation once marts are fed from CRMs.
{{ counted_rows('crm_contacts', ref('stg_hubspot__contacts')) }}
union all
{{ counted_rows('crm_deals', ref('stg_hubspot__deals')) }}
union all
{{ counted_amounts('crm_deals', ref('stg_hubspot__deals')) }}
