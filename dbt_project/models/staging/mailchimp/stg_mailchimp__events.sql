-- Grain: event of a mail: sent, delivered, bounced, opened, clicked, unsubscribed, complained. The last 3 days are restated.
-- Delivery is not told by recipient: who got the mail and did not bounce counts as delivered (is_derived). When an automation's
-- e-mail was sent to a person is not told either: event_at is null there. Opens through a proxy say nothing of the reader: unknown.
with sent_to as (
    select * from {{ source('mailchimp', 'sent_to') }}
),

activity as (
    select * from {{ source('mailchimp', 'email_activity') }}
),

opens as (
    select * from {{ source('mailchimp', 'open_details') }}
),

unsubscribes as (
    select * from {{ source('mailchimp', 'unsubscribes') }}
),

abuse_reports as (
    select * from {{ source('mailchimp', 'abuse_reports') }}
),

campaigns as (
    select * from {{ ref('stg_mailchimp__campaigns') }}
),

all_of_them as (
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        'sent' as event_type,
        cast(null as {{ dbt.type_string() }}) as part,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as open_kind,
        cast(null as {{ dbt.type_string() }}) as bounce_kind,
        false as is_derived,
        cast(null as {{ dbt.type_timestamp() }}) as told_at
    from sent_to
    union all
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        'delivered' as event_type,
        null as part,
        null as url,
        null as open_kind,
        null as bounce_kind,
        true as is_derived,
        null as told_at
    from sent_to
    where status = 'sent'
    union all
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        case action when 'click' then 'clicked' else 'bounced' end as event_type,
        cast(date_day as {{ dbt.type_string() }}) || '|' || cast(place as {{ dbt.type_string() }}) as part,
        url,
        null as open_kind,
        case when action = 'bounce' then type end as bounce_kind,
        false as is_derived,
        timestamp as told_at
    from activity
    where action in ('click', 'bounce')
    union all
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        'opened' as event_type,
        cast(date_day as {{ dbt.type_string() }}) || '|' || cast(place as {{ dbt.type_string() }}) as part,
        null as url,
        case when is_proxy_open is false then 'human' else 'unknown' end as open_kind,
        null as bounce_kind,
        false as is_derived,
        timestamp as told_at
    from opens
    union all
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        'unsubscribed' as event_type,
        null as part,
        null as url,
        null as open_kind,
        null as bounce_kind,
        false as is_derived,
        timestamp as told_at
    from unsubscribes
    union all
    select
        account_id,
        campaign_id,
        list_id,
        email_id,
        'complained' as event_type,
        cast(report_id as {{ dbt.type_string() }}) as part,
        null as url,
        null as open_kind,
        null as bounce_kind,
        false as is_derived,
        date as told_at
    from abuse_reports
),

recipients as (
    select distinct email_id from all_of_them
),

-- One address an id: an id is a hash of the address.
addresses as (
    select
        email_id,
        min(email) as email
    from (
        select
            email_id,
            lower(email_address) as email
        from {{ source('mailchimp', 'members') }}
        union all
        select
            md5(lower(old_email)) as email_id,
            lower(old_email) as email
        from {{ source('mailchimp', 'address_changes') }}
    ) as known
    group by email_id
),

-- Hashed once a recipient, not once an event. Left join 1:1; a contact deleted at the vendor has no address any more.
people as (
    select
        recipients.email_id,
        {{ keyed_hash("'mailchimp|' || recipients.email_id") }} as recipient_key,
        {{ email_hash('addresses.email') }} as person_hash
    from recipients
    left join addresses
        on recipients.email_id = addresses.email_id
)

-- Left joins 1:1: people are unique on the id, campaigns on account and campaign.
select
    {{ surrogate_key([
        'all_of_them.account_id', 'all_of_them.campaign_id', 'people.recipient_key', 'all_of_them.event_type', 'all_of_them.part'
    ]) }} as row_id,
    'mailchimp' as source_system,
    all_of_them.account_id,
    all_of_them.campaign_id,
    all_of_them.list_id,
    people.recipient_key,
    people.person_hash,
    all_of_them.event_type,
    {{ bare_link('all_of_them.url') }} as link_url,
    {{ url_parameter('all_of_them.url', 'utm_source') }} as utm_source,
    {{ url_parameter('all_of_them.url', 'utm_medium') }} as utm_medium,
    {{ scrub_emails(url_parameter('all_of_them.url', 'utm_campaign')) }} as utm_campaign,
    all_of_them.open_kind,
    all_of_them.bounce_kind,
    all_of_them.is_derived,
    cast(null as boolean) as is_told_machine_click,
    case
        when all_of_them.event_type in ('sent', 'delivered') then campaigns.sent_at else all_of_them.told_at
    end as event_at
from all_of_them
left join people
    on all_of_them.email_id = people.email_id
left join campaigns
    on all_of_them.account_id = campaigns.account_id
    and all_of_them.campaign_id = campaigns.campaign_id
