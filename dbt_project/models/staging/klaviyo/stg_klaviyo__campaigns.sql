-- Grain: message of a campaign, or of a flow. As they are tonight. Subjects hold tags, not what they stand for.
with campaigns as (
    select * from {{ source('klaviyo', 'campaigns') }}
),

flows as (
    select * from {{ source('klaviyo', 'flows') }}
),

flow_messages as (
    select * from {{ source('klaviyo', 'flow_messages') }}
),

renamed as (
    select
        account_id,
        message_id,
        'newsletter' as campaign_kind,
        cast(null as {{ dbt.type_string() }}) as flow_id,
        cast(null as {{ dbt.type_string() }}) as flow_name,
        cast(null as bigint) as step_position,
        name,
        subject,
        status,
        created_at,
        send_time
    from campaigns
    union all
    -- Left join 1:1: flows are unique on account and id.
    select
        flow_messages.account_id,
        flow_messages.message_id,
        'automation' as campaign_kind,
        flow_messages.flow_id,
        flows.name as flow_name,
        flow_messages.position as step_position,
        flow_messages.name,
        flow_messages.subject,
        flows.status,
        flow_messages.created as created_at,
        null as send_time
    from flow_messages
    left join flows
        on flow_messages.account_id = flows.account_id
        and flow_messages.flow_id = flows.flow_id
)

select
    'klaviyo' as source_system,
    account_id,
    message_id as campaign_id,
    cast(null as {{ dbt.type_string() }}) as list_id,
    campaign_kind,
    flow_id,
    {{ scrub_emails(clean_text('flow_name')) }} as flow_name,
    step_position,
    {{ scrub_emails(clean_text('name')) }} as campaign_name,
    {{ scrub_emails(clean_text('subject')) }} as subject,
    status,
    cast(null as {{ dbt.type_string() }}) as utm_campaign,
    created_at,
    send_time as sent_at
from renamed
