-- Grain: registered source x union it feeds. The newest day its rows speak of.
with source as (
    select * from {{ source('ops', 'coverage') }}
)

select
    source as source_name,
    provides,
    through_date
from source
