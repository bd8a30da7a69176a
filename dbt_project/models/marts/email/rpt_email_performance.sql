-- Grain: mail (campaign or step of an automation) of an e-mail system, over all its days. Counts add up over mails; recipients do not:
-- one person gets many mails. Rates are of recipients, per delivered. Human opens are a floor: opens through a proxy are unknown.
with events as (
    select * from {{ ref('fct_email_event') }}
    where email_campaign_key is not null
),

status as (
    select * from {{ ref('rpt_source_status') }}
),

-- An open is as human as the recipient's most human one: someone who opened by a proxy and later without was there.
recipients as (
    select
        email_campaign_key,
        source_name,
        source_system,
        recipient_key,
        max(case when event_type = 'sent' then 1 else 0 end) as sent,
        max(case when event_type = 'delivered' then 1 else 0 end) as delivered,
        max(case when event_type = 'bounced' and bounce_kind = 'hard' then 1 else 0 end) as bounced_hard,
        max(case when event_type = 'bounced' and bounce_kind is distinct from 'hard' then 1 else 0 end) as bounced_soft,
        max(case when open_kind = 'human' then 3 when open_kind = 'unknown' then 2 when open_kind = 'machine' then 1 else 0 end)
            as open_rank,
        max(case when event_type = 'clicked' and not is_scanner_click then 1 else 0 end) as clicked,
        sum(case when is_scanner_click then 1 else 0 end) as n_scanner_clicks,
        max(case when event_type = 'unsubscribed' then 1 else 0 end) as unsubscribed,
        max(case when event_type = 'complained' then 1 else 0 end) as complained,
        min(case when event_type in ('sent', 'delivered') then event_date end) as first_date,
        max(event_date) as last_date
    from events
    group by email_campaign_key, source_name, source_system, recipient_key
),

mails as (
    select
        email_campaign_key,
        source_name,
        source_system,
        sum(sent) as n_sent,
        sum(delivered) as n_delivered,
        sum(bounced_hard) as n_bounced_hard,
        sum(bounced_soft) as n_bounced_soft,
        sum(case when open_rank = 3 then 1 else 0 end) as n_opened_human,
        sum(case when open_rank = 1 then 1 else 0 end) as n_opened_machine,
        sum(case when open_rank = 2 then 1 else 0 end) as n_opened_unknown,
        sum(clicked) as n_clicked,
        sum(n_scanner_clicks) as n_scanner_clicks,
        sum(unsubscribed) as n_unsubscribed,
        sum(complained) as n_complained,
        min(first_date) as first_sent_date,
        max(last_date) as last_event_date
    from recipients
    group by email_campaign_key, source_name, source_system
),

names as (
    select distinct
        email_campaign_key,
        campaign_id,
        campaign_kind,
        campaign_name,
        flow_name,
        step_position,
        subject
    from events
)

-- Joins 1:1: names and mails are unique on the key, status on the source.
select
    mails.email_campaign_key,
    names.campaign_id,
    names.campaign_kind,
    names.campaign_name,
    names.flow_name,
    names.step_position,
    names.subject,
    cast(mails.n_sent as bigint) as n_sent,
    cast(mails.n_delivered as bigint) as n_delivered,
    cast(mails.n_bounced_hard as bigint) as n_bounced_hard,
    cast(mails.n_bounced_soft as bigint) as n_bounced_soft,
    cast(mails.n_opened_human as bigint) as n_opened_human,
    cast(mails.n_opened_machine as bigint) as n_opened_machine,
    cast(mails.n_opened_unknown as bigint) as n_opened_unknown,
    cast(mails.n_clicked as bigint) as n_clicked,
    cast(mails.n_scanner_clicks as bigint) as n_scanner_clicks,
    cast(mails.n_unsubscribed as bigint) as n_unsubscribed,
    cast(mails.n_complained as bigint) as n_complained,
    {{ ratio('mails.n_delivered', 'mails.n_sent') }} as delivery_rate,
    {{ ratio('mails.n_opened_human', 'mails.n_delivered') }} as human_open_rate_floor,
    {{ ratio('mails.n_opened_human + mails.n_opened_unknown', 'mails.n_delivered') }} as open_rate_ceiling,
    {{ ratio('mails.n_clicked', 'mails.n_delivered') }} as click_rate,
    {{ ratio('mails.n_unsubscribed', 'mails.n_delivered') }} as unsubscribe_rate,
    {{ ratio('mails.n_complained', 'mails.n_delivered') }} as complaint_rate,
    case
        when names.campaign_kind = 'automation' then 'running'
        when mails.first_sent_date is null then 'unknown'
        when {{ days_between('mails.first_sent_date', as_of()) }} <= {{ var('email_maturity_days') }} then 'maturing'
        else 'mature'
    end as maturity,
    coalesce(status.is_stale, false) as has_stale_source,
    mails.first_sent_date,
    mails.last_event_date,
    {{ as_of() }} as as_of_date,
    mails.source_name,
    mails.source_system
from mails
inner join names
    on mails.email_campaign_key = names.email_campaign_key
left join status
    on mails.source_name = status.source_name
