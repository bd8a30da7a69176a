-- Grain: stage of a deal pipeline. Ids are unique among all pipelines.
with source as (
    select * from {{ source('hubspot', 'pipeline_stages') }}
)

select
    'hubspot' as source_system,
    stage_id,
    pipeline_id,
    {{ scrub_emails(clean_text('pipeline_name')) }} as pipeline_name,
    {{ scrub_emails(clean_text('stage_name')) }} as stage_name,
    display_order as stage_order,
    probability,
    is_closed,
    is_closed and probability = 1 as is_won
from source
