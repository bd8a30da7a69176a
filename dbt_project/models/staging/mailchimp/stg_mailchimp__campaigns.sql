-- Grain: campaign, or e-mail of a classic automation. As they are tonight. Subjects hold merge tags, not what they stand for.
with campaigns as (
    select * from {{ source('mailchimp', 'campaigns') }}
),

automations as (
    select * from {{ source('mailchimp', 'automations') }}
),

automation_emails as (
    select * from {{ source('mailchimp', 'automation_emails') }}
),

renamed as (
    select
        account_id,
        campaign_id,
        list_id,
        'newsletter' as campaign_kind,
        cast(null as {{ dbt.type_string() }}) as flow_id,
        cast(null as {{ dbt.type_string() }}) as flow_name,
        cast(null as bigint) as step_position,
        title,
        subject_line,
        status,
        google_analytics,
        create_time,
        send_time
    from campaigns
    union all
    -- Left join 1:1: automations are unique on account and workflow.
    select
        automation_emails.account_id,
        automation_emails.campaign_id,
        automation_emails.list_id,
        'automation' as campaign_kind,
        automation_emails.workflow_id as flow_id,
        automations.title as flow_name,
        automation_emails.position as step_position,
        automation_emails.title,
        automation_emails.subject_line,
        automation_emails.status,
        automation_emails.google_analytics,
        automation_emails.create_time,
        automation_emails.send_time
    from automation_emails
    left join automations
        on automation_emails.account_id = automations.account_id
        and automation_emails.workflow_id = automations.workflow_id
)

select
    'mailchimp' as source_system,
    account_id,
    campaign_id,
    list_id,
    campaign_kind,
    flow_id,
    {{ scrub_emails(clean_text('flow_name')) }} as flow_name,
    step_position,
    {{ scrub_emails(clean_text('title')) }} as campaign_name,
    {{ scrub_emails(clean_text('subject_line')) }} as subject,
    status,
    {{ clean_text('google_analytics') }} as utm_campaign,
    create_time as created_at,
    -- an automation's e-mail is sent one by one
    case when campaign_kind = 'newsletter' then send_time end as sent_at
from renamed
