-- Grain: file (dataset and path). Row counts add up; every file ever seen stays, also one that is gone.
with source as (
    select * from {{ source('files', '_files') }}
)

select
    _file_key as file_key,
    dataset,
    entity,
    path,
    content_hash,
    size_bytes,
    modified_at,
    definition_hash,
    status,
    message,
    n_rows,
    n_loaded,
    n_rejected,
    n_null_skipped,
    max_date,
    loaded_as_of
from source
