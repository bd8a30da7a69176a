"""What Mailchimp's answers hold, as SQL over mail.contacts, mail.mails and mail.events (ingestion/sandbox/server/mails.py)."""

from __future__ import annotations

from typing import Any

LIST_ID = "a1b2c3d4e5"
ACCOUNT: dict[str, Any] = {
    "account_id": "8d3a3db4d97663a9074efcc16", "login_id": "205162", "account_name": "Nordlys Kontor",
    "email": "post@nordlyskontor.example",
    "role": "owner", "member_since": "2024-03-01T08:00:00+00:00", "pricing_plan_type": "monthly", "account_timezone": "Europe/Oslo",
    "pro_enabled": False, "last_login": "2026-11-01T08:00:00+00:00", "_links": [],
}  # fmt: skip


def _at(expression: str) -> str:
    """A moment as the vendor writes it."""
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S+00:00')"


def _n(condition: str, what: str = "*") -> str:
    return f"(select count({what}) from mail.events where mail_id = mails.mail_id and {condition})::bigint"


LIST = f"""'{LIST_ID}' as id, 512345 as web_id, 'Nordlys Kontor' as name, '2024-03-01T08:00:00+00:00' as date_created, 3 as list_rating,
    false as email_type_option, 'pub' as visibility, true as double_optin, false as has_welcome, true as marketing_permissions,
    (select {{
        'member_count': count(*) filter (status = 'subscribed'), 'unsubscribe_count': count(*) filter (status = 'unsubscribed'),
        'cleaned_count': count(*) filter (status = 'cleaned'), 'total_contacts': count(*) filter (status <> 'archived'),
        'campaign_count': (select count(*) from mail.mails),
        'campaign_last_sent': (select {_at("max(last_sent_at)")} from mail.mails where flow is null)
    }} from mail.contacts) as stats"""

MEMBER = f"""email_id as id, email as email_address, left(contact_id, 10) as unique_email_id, contact_id,
    first_name || ' ' || last_name as full_name, 'html' as email_type, status,
    case when status = 'unsubscribed' then 'N/A (Unsubscribed by the contact)' end as unsubscribe_reason,
    {{'FNAME': first_name, 'LNAME': last_name, 'PHONE': coalesce(phone, '')}} as merge_fields,
    {{'avg_open_rate': 0::double, 'avg_click_rate': 0::double}} as stats,
    case when source = 'Website' then '203.0.113.7' else '' end as ip_signup,
    case when source = 'Website' then {_at("opted_at - interval 5 minute")} end as timestamp_signup,
    case when source = 'Website' then '203.0.113.7' else '' end as ip_opt, {_at("opted_at")} as timestamp_opt, 2 as member_rating,
    {_at("changed_at")} as last_changed, 'no' as language, false as vip, '' as email_client,
    [{{'marketing_permission_id': 'f3a1', 'text': 'E-post', 'enabled': status = 'subscribed'}}] as marketing_permissions,
    source, 0 as tags_count, '{LIST_ID}' as list_id"""

GROWTH = f"""'{LIST_ID}' as list_id, month,
    (select count(*) from mail.contacts where status = 'subscribed' and strftime(opted_at, '%Y-%m') <= month)::bigint as subscribed,
    (select count(*) from mail.contacts where status = 'unsubscribed' and strftime(changed_at, '%Y-%m') <= month)::bigint as unsubscribed,
    (select count(*) from mail.contacts where status = 'cleaned' and strftime(changed_at, '%Y-%m') <= month)::bigint as cleaned,
    0 as pending, 0 as reconfirm, 0 as deleted,
    (select count(*) from mail.contacts where status = 'transactional' and strftime(first_at, '%Y-%m') <= month)::bigint as transactional"""


def _last(event: str) -> str:
    return f"coalesce((select {_at('max(happened_at)')} from mail.events where mail_id = mails.mail_id and event = '{event}'), '')"


_SETTINGS = """{'subject_line': subject, 'preview_text': '', 'title': title, 'from_name': 'Nordlys Kontor',
    'reply_to': 'post@nordlyskontor.example', 'use_conversation': false} as settings"""
_RECIPIENTS = f"{{'list_id': '{LIST_ID}', 'list_is_active': true, 'list_name': 'Nordlys Kontor'}} as recipients"
_TRACKING = "{'opens': true, 'html_clicks': true, 'text_clicks': false, 'google_analytics': 'nyhetsbrev'} as tracking"

CAMPAIGN = f"""code as id, 7000000 as web_id, 'regular' as type, {_at("first_sent_at - interval 1 day")} as create_time, 'sent' as status,
    {_n("event = 'sent'")} as emails_sent, {_at("first_sent_at")} as send_time, 'template' as content_type,
    {_RECIPIENTS}, {_SETTINGS}, {_TRACKING}"""

AUTOMATION = f"""left(md5('flow|' || flow), 10) as id, {_at("first_sent_at - interval 1 day")} as create_time,
    {_at("first_sent_at - interval 1 day")} as start_time, 'sending' as status,
    (select count(*) from mail.events join mail.mails using (mail_id)
     where mails.flow = flows.flow and event = 'sent')::bigint as emails_sent,
    {_RECIPIENTS}, {{'title': case flow when 'welcome' then 'Velkomst' when 'review' then 'Omtale' else 'Oppfølging' end,
    'from_name': 'Nordlys Kontor', 'reply_to': 'post@nordlyskontor.example'}} as settings"""

AUTOMATION_EMAIL = f"""code as id, 7100000 as web_id, left(md5('flow|' || flow), 10) as workflow_id, position,
    {{'amount': case mail_kind when 'welcome' then 1 when 'nurture_1' then 3 when 'nurture_2' then 7 else 12 end, 'type': 'day',
    'direction': 'after', 'action': 'previous_campaign_sent'}} as delay,
    {_at("first_sent_at - interval 1 day")} as create_time, {_at("first_sent_at - interval 1 day")} as start_time, 'sending' as status,
    {_n("event = 'sent'")} as emails_sent, {_at("first_sent_at")} as send_time, 'template' as content_type,
    {_RECIPIENTS}, {_SETTINGS}, {_TRACKING}"""

REPORT = f"""code as id, title as campaign_title, case when flow is null then 'regular' else 'automation-email' end as type,
    '{LIST_ID}' as list_id, true as list_is_active, 'Nordlys Kontor' as list_name, subject as subject_line, '' as preview_text,
    {_n("event = 'sent'")} as emails_sent, {_n("event = 'complained'")} as abuse_reports, {_n("event = 'unsubscribed'")} as unsubscribed,
    {_at("first_sent_at")} as send_time,
    {{'hard_bounces': {_n("bounce = 'hard'")}, 'soft_bounces': {_n("bounce = 'soft'")}, 'syntax_errors': 0}} as bounces,
    {{'forwards_count': 0, 'forwards_opens': 0}} as forwards,
    {{'opens_total': {_n("event = 'opened'")}, 'proxy_excluded_opens': {_n("event = 'opened' and not is_proxy")},
      'unique_opens': {_n("event = 'opened'", "distinct owner")},
      'proxy_excluded_unique_opens': {_n("event = 'opened' and not is_proxy", "distinct owner")},
      'open_rate': 0::double, 'proxy_excluded_open_rate': 0::double,
      'last_open': {_last("opened")}}} as opens,
    {{'clicks_total': {_n("event = 'clicked'")}, 'unique_clicks': {_n("event = 'clicked'", "distinct (owner, url)")},
      'unique_subscriber_clicks': {_n("event = 'clicked'", "distinct owner")}, 'click_rate': 0::double,
      'last_click': {_last("clicked")}}} as clicks,
    {{'enabled': true, 'status': 'delivered'}} as delivery_status"""

_OF = "from mail.events join mail.mails using (mail_id)"
_WHO = f"""code as campaign_id, '{LIST_ID}' as list_id, true as list_is_active, md5(lower(email)) as email_id, email as email_address,
    false as vip"""
_WHEN = f"'timestamp': {_at('happened_at')}"
_URL = "url || '&mc_cid=' || code || '&mc_eid=' || left(md5('contact|' || owner), 10)"

# path -> (name of the rows, what they hold, where from, order, whether `since` is known)
PER_RECIPIENT: dict[str, tuple[str, str, str, str, bool]] = {
    "sent-to": (
        "sent_to",
        f"""{_WHO}, case when bounce is null then 'sent' else bounce end as status, open_count::bigint as open_count, gmt_offset""",
        f"""from (select code, owner, arg_min(email, happened_at) filter (event = 'sent') as email, max(bounce) as bounce,
                count(*) filter (event = 'opened') as open_count, 1 as gmt_offset
            {_OF} where code = $id group by code, owner) as recipients""",
        "owner",
        False,
    ),
    "email-activity": (
        "emails",
        f"""{_WHO}, activity""",
        f"""from (select code, owner, arg_min(email, happened_at) filter (event = 'sent') as email,
                coalesce(list(case
                    when event = 'bounced' then {{'action': 'bounce', 'type': bounce, {_WHEN}, 'url': null, 'ip': null}}
                    when event = 'opened' then {{'action': 'open', 'type': null, {_WHEN}, 'url': null, 'ip': '203.0.113.7'}}
                    else {{'action': 'click', 'type': null, {_WHEN}, 'url': {_URL}, 'ip': '203.0.113.7'}} end
                    order by happened_at, event_id)
                    filter (event in ('bounced', 'opened', 'clicked') and happened_at > $since), []) as activity
            {_OF} where code = $id group by code, owner) as recipients where len(activity) > 0 or $since < '1971-01-01'""",
        "owner",
        True,
    ),
    "open-details": (
        "members",
        f"""{_WHO}, 'subscribed' as contact_status, len(opens)::bigint as opens_count,
            len(list_filter(opens, lambda o: not o.is_proxy_open))::bigint as proxy_excluded_opens_count, opens""",
        f"""from (select code, owner, arg_min(email, happened_at) as email,
                list({{'timestamp': {_at("happened_at")}, 'is_proxy_open': is_proxy}} order by happened_at, event_id) as opens
            {_OF} where code = $id and event = 'opened' and happened_at > $since group by code, owner) as recipients""",
        "owner",
        True,
    ),
    "unsubscribed": (
        "unsubscribes",
        f"""{_WHO}, {_at("happened_at")} as timestamp, 'N/A (Unsubscribed by the contact)' as reason""",
        f"{_OF} where code = $id and event = 'unsubscribed'",
        "owner",
        False,
    ),
    "abuse-reports": (
        "abuse_reports",
        f"""(hash(event_id) % 1000000000)::bigint as id, {_WHO}, {_at("happened_at")} as date""",
        f"{_OF} where code = $id and event = 'complained'",
        "owner",
        False,
    ),
}  # fmt: skip
