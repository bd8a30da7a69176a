-- Grain: stage of a pipeline. No stage is an end: won and lost are a deal's status.
with source as (
    select * from {{ source('pipedrive', 'stages') }}
)

select
    'pipedrive' as source_system,
    stage_id,
    pipeline_id,
    {{ scrub_emails(clean_text('pipeline_name')) }} as pipeline_name,
    {{ scrub_emails(clean_text('stage_name')) }} as stage_name,
    display_order as stage_order,
    cast(probability_pct / 100 as decimal(9, 6)) as probability,
    false as is_closed,
    false as is_won
from source
