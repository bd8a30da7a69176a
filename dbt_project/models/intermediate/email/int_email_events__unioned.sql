-- Grain: event of a mail, with each click judged: by a person, or by a scanner that tries the links of a mail as it arrives.
-- Scanner clicks are counted and flagged, never taken out here. Times may be unknown (stg_mailchimp__events says which).
with events as (
    {{ union_of('email_systems', 'events', {
        'row_id': 'varchar', 'source_system': 'varchar', 'account_id': 'varchar', 'campaign_id': 'varchar',
        'list_id': 'varchar', 'recipient_key': 'varchar', 'person_hash': 'varchar', 'event_type': 'varchar',
        'link_url': 'varchar', 'utm_source': 'varchar', 'utm_medium': 'varchar', 'utm_campaign': 'varchar',
        'open_kind': 'varchar', 'bounce_kind': 'varchar', 'is_derived': 'boolean', 'is_told_machine_click': 'boolean',
        'event_at': 'timestamptz',
    }) | indent(4) }}
),

deliveries as (
    select
        source_name,
        account_id,
        campaign_id,
        recipient_key,
        min(event_at) as delivered_at
    from events
    where event_type in ('sent', 'delivered')
    group by source_name, account_id, campaign_id, recipient_key
),

links as (
    select
        source_name,
        account_id,
        campaign_id,
        count(distinct link_url) as n_links
    from events
    where event_type = 'clicked'
    group by source_name, account_id, campaign_id
),

gaps as (
    select
        *,
        coalesce(
            {{ dbt.datediff(
                'lag(event_at) over (partition by source_name, account_id, campaign_id, recipient_key order by event_at, row_id)',
                'event_at', 'second'
            ) }} > {{ var('email_burst_gap_seconds') }},
            true
        ) as is_first_of_burst
    from events
    where event_type = 'clicked'
),

bursts as (
    select
        *,
        sum(case when is_first_of_burst then 1 else 0 end) over (
            partition by source_name, account_id, campaign_id, recipient_key
            order by event_at, row_id
            rows between unbounded preceding and current row
        ) as burst_number
    from gaps
),

burst_facts as (
    select
        source_name,
        account_id,
        campaign_id,
        recipient_key,
        burst_number,
        count(distinct link_url) as n_links_of_burst,
        min(event_at) as burst_at
    from bursts
    group by source_name, account_id, campaign_id, recipient_key, burst_number
),

-- Joins 1:1: facts are unique on the burst, links on the mail, deliveries on mail and recipient.
clicks as (
    select
        bursts.row_id,
        bursts.source_name,
        coalesce(
            bursts.is_told_machine_click,
            (
                burst_facts.n_links_of_burst >= {{ var('email_scanner_min_links') }}
                and coalesce(
                    abs({{ dbt.datediff('deliveries.delivered_at', 'burst_facts.burst_at', 'second') }})
                    <= {{ var('email_scanner_seconds') }},
                    false
                )
            )
            -- a system may tell one moment for all recipients of a mail that took minutes to send, or none
            or (
                burst_facts.n_links_of_burst >= {{ var('email_scanner_all_links') }}
                and burst_facts.n_links_of_burst >= coalesce(links.n_links, 0)
            )
        ) as is_scanner_click
    from bursts
    inner join burst_facts
        on bursts.source_name = burst_facts.source_name
        and bursts.account_id = burst_facts.account_id
        and bursts.campaign_id is not distinct from burst_facts.campaign_id
        and bursts.recipient_key = burst_facts.recipient_key
        and bursts.burst_number = burst_facts.burst_number
    left join links
        on bursts.source_name = links.source_name
        and bursts.account_id = links.account_id
        and bursts.campaign_id = links.campaign_id
    left join deliveries
        on bursts.source_name = deliveries.source_name
        and bursts.account_id = deliveries.account_id
        and bursts.campaign_id = deliveries.campaign_id
        and bursts.recipient_key = deliveries.recipient_key
)

-- Left join 1:1: a click is judged once.
select
    events.*,
    clicks.is_scanner_click
from events
left join clicks
    on events.source_name = clicks.source_name
    and events.row_id = clicks.row_id
