"""The company's mails as an e-mail system knows them: contacts, mails and events, the same behind every vendor that shows them.

All of it follows from the simulated mail events. What they do not tell is derived from hashes of their ids: kinds of bounces, links,
clicks of link scanners at some companies, complaints. `mail.changes` is empty unless a test writes what happened to a contact.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ingestion.sandbox.ad_setup import SITE

if TYPE_CHECKING:
    from ingestion.sandbox.server.vendor import Desk

N_LINKS = 3  # of each mail
_lock = threading.Lock()

# What became of a contact, by the address the company first knew: address (its new one), name, status, deleted.
_CHANGES = "create table if not exists mail.changes (email text, happened_at timestamptz, what text, value text)"

# One row a mail: a newsletter, or a step of an automation. `code` is ten hex digits, `flow` null for newsletters.
_MAILS = """create or replace table mail.mails as
    select mail_id, mail_kind, left(md5('mail|' || mail_id), 10) as code,
        case mail_kind when 'newsletter' then null when 'welcome' then 'welcome' when 'review_reminder' then 'review'
            else 'nurture' end as flow,
        case mail_kind when 'nurture_2' then 2 else 1 end as position,
        case mail_kind when 'newsletter' then 'Nyhetsbrev ' || right(mail_id, 10) when 'welcome' then 'Velkommen'
            when 'review_reminder' then 'Påminnelse om omtale' else 'Oppfølging ' || right(mail_id, 1) end as title,
        case mail_kind when 'newsletter' then 'Ukens nytt 🪑 fra Nordlys' when 'welcome' then 'Velkommen, *|FNAME|*'
            when 'review_reminder' then 'Hva synes du om kjøpet?' else 'Har du spørsmål om tilbudet?' end as subject,
        min(sent_at) as first_sent_at, max(sent_at) as last_sent_at
    from now.mail_events where event in ('delivered', 'bounced') group by mail_id, mail_kind"""

# One row an event: sent, delivered, bounced, opened, clicked, unsubscribed, complained; `owner` is the contact's first address.
_EVENTS = f"""create or replace table mail.events as
    with told as (
        select event_id, mail_id, email as owner, event, happened_at, is_proxy_open as is_proxy, sent_at,
            hash(event_id) as luck
        from now.mail_events
        -- a list holds an address once: two people who share one get each mail once, and leave once
        qualify event in ('opened', 'clicked') or row_number() over (
            partition by mail_id, email, event = 'unsubscribed', event in ('opened', 'clicked') order by happened_at, event_id) = 1
    ),
    links as (select unnest(range({N_LINKS})) as link),
    all_of_it as (
        select event_id, mail_id, owner, event, happened_at, is_proxy, sent_at,
            case when event = 'bounced' then case when luck % 4 = 0 then 'hard' else 'soft' end end as bounce,
            case when event = 'clicked' then luck % {N_LINKS} end as link
        from told
        union all
        select 'sent' || event_id, mail_id, owner, 'sent', sent_at, false, sent_at, null, null
        from told where event in ('delivered', 'bounced')
        union all
        select 'complained' || event_id, mail_id, owner, 'complained', happened_at, false, sent_at, null, null
        from told where event = 'unsubscribed' and luck % 3 = 0
        union all  -- some companies' mail filters try every link as soon as the mail arrives
        select 'scanned' || link || event_id, mail_id, owner, 'clicked', happened_at + to_seconds(2 + link), false, sent_at, null, link
        from told cross join links
        where event = 'delivered' and regexp_matches(owner, '@firma') and hash(split_part(owner, '@', 2)) % 4 = 0
    )
    select all_of_it.* exclude (link),
        coalesce(
            (select max_by(value, changes.happened_at) from mail.changes
             where changes.email = owner and what = 'address' and changes.happened_at <= all_of_it.happened_at), owner) as email,
        case when event = 'clicked' then '{SITE}/' || ['kontorstoler', 'hevsenkebord', 'salg'][link::bigint + 1]
            || '?utm_source=newsletter&utm_medium=email&utm_campaign=nyhetsbrev' end as url
    from all_of_it where happened_at < $now and owner not in
        (select email from mail.changes where what = 'deleted' and happened_at < $now)"""

# One row a contact; `owner` is the address the company first knew, `contact_id` the vendor's own id, 32 hex digits.
_CONTACTS = """create or replace table mail.contacts as
    with known as (
        select owner, min(sent_at) as first_at,
            min(sent_at) filter (mail_id = 'welcome') as welcomed_at,
            min(sent_at) filter (mail_id = 'welcome' or mail_id like 'newsletter%') as listed_at,
            min(sent_at) filter (mail_id = 'review_reminder') as bought_at,
            max(happened_at) filter (event = 'unsubscribed') as left_at,
            max(sent_at) filter (bounce = 'hard') as bounced_at,
            max(sent_at) as last_sent_at,
            arg_max(bounce, happened_at) filter (event in ('delivered', 'bounced')) as last_bounce
        from mail.events group by owner
    ),
    changed as (
        select email, max(happened_at) as changed_at, max_by(value, happened_at) filter (what = 'address') as address,
            max_by(value, happened_at) filter (what = 'status') as status, max_by(value, happened_at) filter (what = 'name') as first_name
        from mail.changes where happened_at < $now group by email
    ),
    phones as (
        select email, arg_max(phone, ordered_at) as phone, max(ordered_at) as ordered_at
        from world.orders where ordered_at < $now group by email
    ),
    named as (
        select owner, coalesce(address, owner) as email, md5('contact|' || owner) as contact_id,
            coalesce(first_name, upper(left(owner, 1)) || regexp_extract(owner, '^.([a-z]*)', 1)
                || case when hash(owner) % 50 = 0 then ' 🌟' else '' end) as first_name,
            ['Hansen', 'Østby', 'Ås', 'Lund', 'Solberg'][(hash(owner) % 5)::bigint + 1] as last_name, phone,
            coalesce(status, case when left_at is not null then 'unsubscribed' when last_bounce = 'hard' then 'cleaned'
                when listed_at is not null then 'subscribed' else 'transactional' end) as status,
            left_at,
            case when welcomed_at is not null then welcomed_at - interval 1 day
                when listed_at is not null then timestamptz '2026-01-01 09:00:00+00' end as opted_at,
            case when welcomed_at is not null then 'Website' when listed_at is not null then 'Import'
                when bought_at is not null then 'Order' else 'CRM' end as source,
            first_at,
            -- the last of all that shows in the contact; what bounced hard and is mailed again is back on the list
            greatest(first_at, welcomed_at, listed_at, bought_at, left_at, case when bounced_at is not null then last_sent_at end,
                changed_at, ordered_at) as changed_at
        from known left join changed on known.owner = changed.email left join phones on known.owner = phones.email
    )
    select *, md5(lower(email)) as email_id from named"""


def ready(desk: Desk) -> None:
    """Make mail.contacts, mail.mails and mail.events as they stand at the desk's clock, once a turn of it."""
    with _lock:
        con = desk._con.cursor()
        con.execute("create schema if not exists mail")
        con.execute(_CHANGES)
        con.execute("create table if not exists mail.turn (turn bigint)")
        if con.execute("select turn from mail.turn").fetchone() == (desk.turn,):
            return
        con.execute(_MAILS)
        for sql in (_EVENTS, _CONTACTS):
            con.execute(sql.replace("$now", f"timestamptz '{desk.clock.isoformat()} 00:00:00+00'"))
        con.execute("delete from mail.turn")
        con.execute("insert into mail.turn values (?)", [desk.turn])
