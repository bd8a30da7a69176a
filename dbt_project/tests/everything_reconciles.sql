-- From the file to the mart nothing is lost or gained without an explanation, to the last decimal.
select
    source_name,
    entity,
    source_system,
    measure,
    currency,
    difference_to_raw,
    difference_to_mart
from {{ ref('rpt_reconciliation') }}
where not is_reconciled
