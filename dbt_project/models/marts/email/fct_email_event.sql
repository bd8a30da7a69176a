-- Grain: event of a mail: sent, delivered, bounced, opened, clicked, unsubscribed, complained. Counts add up; recipients do not add
-- up over mails. Human opens and clicks are a floor: opens through a proxy are unknown. The last 3 days are restated.
with events as (
    select * from {{ ref('int_email_events__unioned') }}
),

campaigns as (
    select * from {{ ref('int_email_campaigns__unioned') }}
)

-- Left join 1:1: campaigns are unique on source, account and campaign.
select
    {{ surrogate_key(['events.source_name', 'events.row_id']) }} as email_event_key,
    {{ optional_key('events.campaign_id', ['events.source_name', 'events.account_id', 'events.campaign_id']) }}
        as email_campaign_key,
    events.recipient_key,
    events.list_id,
    events.campaign_id,
    campaigns.campaign_kind,
    campaigns.campaign_name,
    campaigns.flow_name,
    campaigns.step_position,
    campaigns.subject,
    events.event_type,
    events.open_kind,
    events.bounce_kind,
    events.link_url as clicked_link,
    events.utm_source,
    events.utm_medium,
    events.utm_campaign,
    case when events.event_type = 'opened' then events.open_kind = 'human' end as is_human_open,
    events.is_scanner_click,
    events.is_derived,
    events.person_hash is not null as has_known_address,
    events.event_at,
    {{ reporting_date('events.event_at') }} as event_date,
    events.source_name,
    events.source_system
from events
left join campaigns
    on events.source_name = campaigns.source_name
    and events.account_id = campaigns.account_id
    and events.campaign_id = campaigns.campaign_id
