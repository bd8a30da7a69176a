-- Grain: version of the plan. Written once, never changed.
select
    version,
    seen_as_of as seen_date,
    seen_at,
    file_name,
    sha256,
    n_rows,
    n_changes
from {{ source('plan', 'plan_versions') }}
