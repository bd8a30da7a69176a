"""What Klaviyo's resources hold, as SQL over mail.contacts, mail.mails and mail.events (ingestion/sandbox/server/mails.py)."""

from __future__ import annotations

from dataclasses import dataclass, field

LIST_ID = "Y6nRLr"
METRICS = {  # id -> name, and the mail's event behind it
    "RmCvd1": ("Received Email", "delivered"),
    "BmNcd2": ("Bounced Email", "bounced"),
    "OpNed3": ("Opened Email", "opened"),
    "ClKed4": ("Clicked Email", "clicked"),
    "UnSub5": ("Unsubscribed from Email Marketing", "unsubscribed"),
    "SpAmd6": ("Marked Email as Spam", "complained"),
    "SuBed7": ("Subscribed to List", ""),
    "PlOrd8": ("Placed Order", ""),
}


def _at(expression: str) -> str:
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S+00:00')"


def _ulid(expression: str) -> str:
    return f"('01' || upper(left(md5({expression}), 24)))"


PROFILE_ID = _ulid("'profile|' || owner")
_OWN_ID = "left(md5('step|' || mail_id), 6)"
MESSAGE_ID = f"""case when flow is null then {_ulid("'message|' || mail_id")} else {_OWN_ID} end"""
CAMPAIGN_ID = _ulid("'campaign|' || mail_id")
FLOW_ID = "left(md5('flow|' || flow), 6)"
_WHEN = {
    "created": _at("first_sent_at - interval 1 day"),
    "updated": _at("first_sent_at"),
}


@dataclass(frozen=True)
class Resource:
    """A collection: `attributes` by SQL over `source`, which gives `id` and whatever filters and orders name."""

    type: str
    source: str
    attributes: dict[str, str]
    relationships: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> (type, SQL of the id)
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)  # field -> operators
    sorts: tuple[str, ...] = ()
    sizes: tuple[int, int] = (20, 100)  # default, most; (0, 0): the vendor takes no page size
    additional: tuple[str, ...] = ()
    required_filter: str = ""
    order: str = "id"


_SINCE = ("greater-than", "less-than")
_RANGE = ("greater-or-equal", "greater-than", "less-or-equal", "less-than")
_SUBSCRIPTIONS = f"""{{'email': {{'marketing': {{
    'can_receive_email_marketing': status in ('subscribed', 'transactional', 'pending'),
    'consent': case when status in ('subscribed', 'cleaned') then 'SUBSCRIBED'
        when status in ('unsubscribed', 'archived') then 'UNSUBSCRIBED' else 'NEVER_SUBSCRIBED' end,
    'consent_timestamp': {_at("opted_at")}, 'last_updated': {_at("changed_at")},
    'method': case source when 'Website' then 'FORM' when 'Import' then 'LIST_IMPORT' end, 'method_detail': source,
    'custom_method_detail': null::varchar, 'double_optin': source = 'Website',
    'suppression': case status when 'cleaned' then [{{'reason': 'HARD_BOUNCE', 'timestamp': {_at("changed_at")}}}]
        when 'unsubscribed' then [{{'reason': 'UNSUBSCRIBE', 'timestamp': {_at("coalesce(left_at, changed_at)")}}}] else [] end,
    'list_suppressions': []::struct(list_id varchar, reason varchar, timestamp varchar)[]
}}}}}}"""
_PROFILE = {
    "email": "email", "phone_number": "phone", "external_id": "null::varchar", "first_name": "first_name",
    "last_name": "last_name", "organization": "null::varchar", "locale": "'nb-NO'", "title": "null::varchar", "image": "null::varchar",
    "created": _at("first_at"), "updated": _at("changed_at"), "last_event_date": _at("changed_at"), "subscriptions": _SUBSCRIPTIONS,
}  # fmt: skip
_MESSAGE_EVENT = """struct_pack(
    "$message" := message_id, "$flow" := flow_id, "Campaign Name" := title, "Subject" := subject, "Recipient Email Address" := email,
    "URL" := url, "Bounce Type" := case bounce when 'hard' then 'Hard' when 'soft' then 'Soft' end,
    "Apple Privacy Open" := case when metric_id = 'OpNed3' then is_proxy end,
    "machine_open" := case when metric_id = 'OpNed3' then is_proxy end,
    "Bot Click" := case when metric_id = 'ClKed4' then is_scanner end,
    "List" := case when metric_id = 'SuBed7' then 'Nordlys Kontor' end, "OrderId" := order_id, "$value" := value)"""
_EVENT_SOURCE = f"""(
    select upper(left(md5(event_id), 11)) as id, md5(event_id) as uuid,
        case event {" ".join(f"when '{e}' then '{m}'" for m, (_, e) in METRICS.items() if e)} end as metric_id,
        {PROFILE_ID} as profile_id, date_trunc('second', happened_at) as datetime, {MESSAGE_ID} as message_id,
        case when flow is not null then {FLOW_ID} end as flow_id, title, subject, email,
        url || case when url is not null then '&_kx=' || left(md5('kx|' || owner), 12) else '' end as url, bounce, is_proxy,
        event_id like 'scanned%' as is_scanner, null::varchar as order_id, null::double as value
    from mail.events join mail.mails using (mail_id) where event <> 'sent'
    union all
    select upper(left(md5('order|' || order_id), 11)), md5('order|' || order_id), 'PlOrd8', {PROFILE_ID}, date_trunc('second', ordered_at),
        null, null, null, null, contacts.email, null, null, null, null, order_id, amount_ore / 100
    from world.orders join mail.contacts on orders.email = contacts.owner where ordered_at >= first_at and ordered_at < $now
    union all
    select upper(left(md5('subscribed|' || owner), 11)), md5('subscribed|' || owner), 'SuBed7', {PROFILE_ID},
        date_trunc('second', opted_at), null, null, null, null, email, null, null, null, null, null, null
    from mail.contacts where source = 'Website'
)"""

RESOURCES = {
    "accounts": Resource(
        "account",
        "(select 'Xy7Ab3' as id)",
        {
            "test_account": "false",
            "contact_information": """{'default_sender_name': 'Nordlys Kontor', 'default_sender_email': 'post@nordlyskontor.example',
                'website_url': 'https://www.nordlyskontor.example', 'organization_name': 'Nordlys Kontor',
                'street_address': {'address1': 'Storgata 1', 'address2': '', 'city': 'Oslo', 'region': 'Oslo', 'country': 'Norway',
                    'zip': '0155'}}""",
            "industry": "'Furniture'", "timezone": "'Europe/Oslo'", "preferred_currency": "'NOK'", "public_api_key": "'Xy7Ab3'",
            "locale": "'nb-NO'",
        },
        sizes=(0, 0),
    ),
    "metrics": Resource(
        "metric",
        "(values " + ", ".join(f"('{i}', '{n}')" for i, (n, _) in METRICS.items()) + ") as m(id, name)",
        {"name": "name", "created": "'2024-03-01T08:00:00+00:00'", "updated": "'2024-03-01T08:00:00+00:00'",
         "integration": "{'object': 'integration', 'id': '0eMvjm', 'name': case name when 'Placed Order' then 'API' else 'Klaviyo' end}"},
        filters={"integration.name": ("equals",), "integration.category": ("equals",)},
        sizes=(0, 0),
    ),
    "lists": Resource(
        "list",
        f"(select '{LIST_ID}' as id, timestamptz '2024-03-01 08:00:00+00' as created, timestamptz '2024-03-01 08:00:00+00' as updated)",
        {"name": "'Nordlys Kontor'", "created": _at("created"), "updated": _at("updated"), "opt_in_process": "'double_opt_in'"},
        filters={"created": ("greater-than",), "updated": ("greater-than",)},
        sorts=("created", "id", "name", "updated"),
        sizes=(10, 10),
    ),
    "profiles": Resource(
        "profile",
        f"(select *, {PROFILE_ID} as id, first_at as created, changed_at as updated from mail.contacts)",
        _PROFILE,
        filters={"email": ("equals",), "created": _SINCE, "updated": _SINCE},
        sorts=("created", "email", "id", "updated"),
        additional=("subscriptions", "predictive_analytics"),
    ),
    "list-profiles": Resource(
        "profile",
        f"""(select *, {PROFILE_ID} as id, opted_at as joined_group_at from mail.contacts
            where opted_at is not null and status <> 'archived')""",
        {**_PROFILE, "joined_group_at": _at("joined_group_at")},
        filters={"email": ("equals",), "joined_group_at": _RANGE},
        sorts=("joined_group_at",),
        additional=("subscriptions", "predictive_analytics"),
    ),
    "flows": Resource(
        "flow",
        f"""(select {FLOW_ID} as id, flow, min(first_sent_at) as first_sent_at, max(first_sent_at) as changed_at
            from mail.mails where flow is not null group by all)""",
        {"name": "case flow when 'welcome' then 'Velkomst' when 'review' then 'Omtale' else 'Oppfølging' end", "status": "'live'",
         "archived": "false", "trigger_type": "case flow when 'welcome' then 'Added to List' else 'Metric' end",
         "created": _WHEN["created"], "updated": _at("changed_at")},
        filters={"updated": _RANGE, "status": ("equals",), "archived": ("equals",)},
        sorts=("created", "id", "name", "updated"),
        sizes=(50, 50),
    ),
    "flow-actions": Resource(
        "flow-action",
        f"""(select *, left(md5('action|' || mail_id), 8) as id, {FLOW_ID} as flow_id, 'SEND_EMAIL' as action_type
            from mail.mails where flow is not null)""",
        {"action_type": "'SEND_EMAIL'", "status": "'live'", "created": _WHEN["created"], "updated": _WHEN["updated"]},
        filters={"action_type": ("equals",), "status": ("equals",)},
        sorts=("action_type", "created", "id"),
        sizes=(50, 50),
        order="position, id",
    ),
    "flow-messages": Resource(
        "flow-message",
        f"(select *, {MESSAGE_ID} as id, left(md5('action|' || mail_id), 8) as action_id from mail.mails where flow is not null)",
        {"name": "title", "channel": "'email'", "content": "{'subject': subject, 'from_label': 'Nordlys Kontor'}",
         "created": _WHEN["created"], "updated": _WHEN["updated"]},
        sorts=("created", "id", "name"),
        sizes=(50, 50),
    ),
    "campaigns": Resource(
        "campaign",
        f"(select *, {CAMPAIGN_ID} as id, {MESSAGE_ID} as message_id from mail.mails where flow is null)",
        {"name": "title", "status": "'Sent'", "archived": "false", "audiences": f"{{'included': ['{LIST_ID}'], 'excluded': []}}",
         "send_options": "{'use_smart_sending': true}", "tracking_options": "{'is_tracking_opens': true, 'is_tracking_clicks': true}",
         "send_strategy": "{'method': 'immediate'}", "created_at": _WHEN["created"], "scheduled_at": _WHEN["created"],
         "updated_at": _WHEN["updated"], "send_time": _at("first_sent_at")},
        relationships={"campaign-messages": ("campaign-message", "message_id")},
        filters={"messages.channel": ("equals",), "archived": ("equals",), "status": ("equals",)},
        sorts=("created_at", "id", "name", "scheduled_at", "updated_at"),
        sizes=(100, 100),
        required_filter="messages.channel",
    ),
    "campaign-messages": Resource(
        "campaign-message",
        f"(select *, {MESSAGE_ID} as id from mail.mails where flow is null)",
        {"definition": "{'channel': 'email', 'label': title, 'content': {'subject': subject, 'preview_text': ''}}",
         "send_times": f"[{{'datetime': {_at('first_sent_at')}, 'is_local': false}}]", "created_at": _WHEN["created"],
         "updated_at": _WHEN["updated"]},
    ),
    "events": Resource(
        "event",
        _EVENT_SOURCE,
        {"timestamp": "epoch(datetime)::bigint", "event_properties": _MESSAGE_EVENT, "datetime": _at("datetime"), "uuid": "uuid"},
        relationships={"profile": ("profile", "profile_id"), "metric": ("metric", "metric_id")},
        filters={"metric_id": ("equals",), "profile_id": ("equals",), "datetime": _RANGE, "timestamp": _RANGE},
        sorts=("datetime", "timestamp"),
        sizes=(200, 1000),
        order="datetime, id",
    ),
}  # fmt: skip
