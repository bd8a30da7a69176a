-- Grain: event of a mail: sent, delivered, bounced, opened, clicked, unsubscribed, complained. The last 3 days are restated.
-- Sending is not told: what was delivered or bounced was sent (is_derived). Opens that Apple's proxy loaded say nothing of the
-- reader: unknown. Persons are profiles: after a merge or a new address, their events of before go with them.
with events as (
    select * from {{ source('klaviyo', 'events') }}
),

metrics as (
    select * from {{ source('klaviyo', 'metrics') }}
),

campaigns as (
    select
        account_id,
        campaign_id,
        min(message_id) as message_id
    from {{ source('klaviyo', 'campaigns') }}
    group by account_id, campaign_id
),

-- Inner join 1:1: metrics are unique on account and id. Left join 1:1: an event may name its campaign instead of the message.
told as (
    select
        events.account_id,
        events.event_id,
        events.profile_id,
        coalesce(campaigns.message_id, events.message_id) as message_id,
        events.url,
        events.bounce_type,
        events.apple_privacy_open,
        events.machine_open,
        events.bot_click,
        events.datetime,
        case metrics.name
            when 'Received Email' then 'delivered'
            when 'Bounced Email' then 'bounced'
            when 'Opened Email' then 'opened'
            when 'Clicked Email' then 'clicked'
            when 'Unsubscribed from Email Marketing' then 'unsubscribed'
            when 'Marked Email as Spam' then 'complained'
        end as event_type
    from events
    inner join metrics
        on events.account_id = metrics.account_id
        and events.metric_id = metrics.metric_id
    left join campaigns
        on events.account_id = campaigns.account_id
        and events.message_id = campaigns.campaign_id
),

all_of_them as (
    select
        *,
        false as is_derived
    from told
    where event_type is not null
    union all
    select
        * replace ('sent' as event_type, cast(null as {{ dbt.type_string() }}) as bounce_type),
        true as is_derived
    from told
    where event_type in ('delivered', 'bounced')
),

recipients as (
    select distinct
        account_id,
        profile_id
    from all_of_them
),

-- Hashed once a recipient, not once an event. Left join 1:1; a profile deleted at the vendor has no address any more.
people as (
    select
        recipients.account_id,
        recipients.profile_id,
        {{ keyed_hash("'klaviyo|' || recipients.profile_id") }} as recipient_key,
        {{ email_hash('profiles.email') }} as person_hash
    from recipients
    left join {{ source('klaviyo', 'profiles') }} as profiles
        on recipients.account_id = profiles.account_id
        and recipients.profile_id = profiles.profile_id
)

-- Inner join 1:1: people are unique on account and profile; an event of no profile is of no person and is left out.
select
    {{ surrogate_key(['all_of_them.account_id', 'all_of_them.event_id', 'all_of_them.event_type']) }} as row_id,
    'klaviyo' as source_system,
    all_of_them.account_id,
    all_of_them.message_id as campaign_id,
    cast(null as {{ dbt.type_string() }}) as list_id,
    people.recipient_key,
    people.person_hash,
    all_of_them.event_type,
    {{ bare_link('all_of_them.url') }} as link_url,
    {{ url_parameter('all_of_them.url', 'utm_source') }} as utm_source,
    {{ url_parameter('all_of_them.url', 'utm_medium') }} as utm_medium,
    {{ scrub_emails(url_parameter('all_of_them.url', 'utm_campaign')) }} as utm_campaign,
    case
        when all_of_them.event_type <> 'opened' then null
        when all_of_them.apple_privacy_open then 'unknown'
        when all_of_them.machine_open then 'machine'
        when all_of_them.apple_privacy_open is false or all_of_them.machine_open is false then 'human'
        else 'unknown'
    end as open_kind,
    lower(all_of_them.bounce_type) as bounce_kind,
    all_of_them.is_derived,
    -- told false says little: the vendor knows some bots, not all
    case when all_of_them.bot_click then true end as is_told_machine_click,
    all_of_them.datetime as event_at
from all_of_them
inner join people
    on all_of_them.account_id = people.account_id
    and all_of_them.profile_id = people.profile_id
