-- Grain: line of a file that could not be read, with its first bad column. The value stays in raw.
with source as (
    select * from {{ source('files', '_rejects') }}
)

select
    _file_key as file_key,
    _row as file_row,
    line,
    dataset,
    entity,
    path,
    "column" as column_name,
    reason,
    is_refused_file
from source
