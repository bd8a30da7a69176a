"""Klaviyo's raw tables, in the vendor's names. Addresses stand in `profiles` alone; events name people by `profile_id`."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.arrow import Wire
from ingestion.email import DELETED
from ingestion.spec import Column, Table

_ACCOUNT = Column("account_id", "text", "the Klaviyo account")
_PROFILE = Column(
    "profile_id", "text", "the vendor's id of the person, which a new address does not change", personal=True
)
_CREATED = Column("created", "timestamp", "when it was made")
_UPDATED = Column("updated", "timestamp", "when it was changed last")


@dataclass(frozen=True)
class Asked:
    """A table and how it is asked for: the type of the resource, and where each column lies in one."""

    table: Table
    type: str
    wire: dict[str, str | Wire]
    required: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The sparse fieldset: nothing more than is kept is asked for."""
        paths = [w.path if isinstance(w, Wire) else w for w in self.wire.values()]
        names = dict.fromkeys(p.split(".")[1] for p in paths if p.startswith("attributes."))
        return {f"fields[{self.type}]": ",".join(n for n in names if n != "subscriptions")}


def _attributes(*names: str) -> dict[str, str | Wire]:
    return {n: f"attributes.{n}" for n in names}


LISTS = Asked(
    Table(
        "lists",
        (
            _ACCOUNT,
            Column("list_id", "text", "the list"),
            Column("name", "text", "its name"),
            Column("opt_in_process", "text", "double_opt_in, single_opt_in"),
            _CREATED,
            _UPDATED,
            DELETED,
        ),
        row_key=("account_id", "list_id"),
        merge_key=("account_id",),
        description="Lists as they are tonight.",
    ),
    "list",
    {"list_id": "id", **_attributes("name", "opt_in_process", "created", "updated")},
    ("list_id",),
)
_MARKETING = "attributes.subscriptions.email.marketing"
PROFILES = Asked(
    Table(
        "profiles",
        (
            _ACCOUNT,
            _PROFILE,
            Column("email", "text", "the address now; null: none", personal=True),
            Column("phone_number", "text", "E.164; null: none", personal=True),
            Column("first_name", "text", "first name", personal=True),
            Column("last_name", "text", "last name", personal=True),
            Column("locale", "text", "language and country, as nb-NO"),
            _CREATED,
            _UPDATED,
            Column("consent", "text", "to e-mail marketing: SUBSCRIBED, UNSUBSCRIBED, NEVER_SUBSCRIBED"),
            Column("can_receive_email_marketing", "bool", "not suppressed; consent aside"),
            Column("consent_timestamp", "timestamp", "when the consent was given or changed; null: never"),
            Column("consent_last_updated", "timestamp", "when anything of it changed last"),
            Column("method", "text", "how they subscribed: FORM, LIST_IMPORT, PREFERENCE_PAGE, ..."),
            Column("method_detail", "text", "more of it: the form, the page", personal=True),
            Column("double_optin", "bool", "confirmed by e-mail"),
            Column(
                "suppression_reason",
                "text",
                "HARD_BOUNCE, INVALID_EMAIL, SPAM_COMPLAINT, UNSUBSCRIBE, USER_SUPPRESSED; null: not",
            ),
            Column("suppression_timestamp", "timestamp", "since when; null: not suppressed"),
            DELETED,
        ),
        row_key=("account_id", "profile_id"),
        merge_key=("account_id", "profile_id"),
        description="Profiles as they are; gone when the vendor has deleted them or merged them into another.",
    ),
    "profile",
    {
        "profile_id": "id",
        **_attributes("email", "phone_number", "first_name", "last_name", "locale", "created", "updated"),
        "consent": f"{_MARKETING}.consent",
        "can_receive_email_marketing": Wire(f"{_MARKETING}.can_receive_email_marketing", "bool"),
        "consent_timestamp": f"{_MARKETING}.consent_timestamp",
        "consent_last_updated": f"{_MARKETING}.last_updated",
        "method": f"{_MARKETING}.method",
        "method_detail": f"{_MARKETING}.method_detail",
        "double_optin": Wire(f"{_MARKETING}.double_optin", "bool"),
        "suppression_reason": "suppression.reason",
        "suppression_timestamp": "suppression.timestamp",
    },
    ("profile_id", "updated"),
)
LIST_PROFILES = Asked(
    Table(
        "list_profiles",
        (
            _ACCOUNT,
            Column("list_id", "text", "the list"),
            _PROFILE,
            Column("joined_group_at", "timestamp", "when they came onto the list"),
            DELETED,
        ),
        row_key=("account_id", "list_id", "profile_id"),
        merge_key=("account_id", "list_id"),
        description="Who is on which list tonight.",
    ),
    "profile",
    {"profile_id": "id", **_attributes("joined_group_at")},
    ("profile_id",),
)
FLOWS = Asked(
    Table(
        "flows",
        (
            _ACCOUNT,
            Column("flow_id", "text", "the flow"),
            Column("name", "text", "its name"),
            Column("status", "text", "draft, manual, live"),
            Column("archived", "bool", "put away"),
            Column("trigger_type", "text", "Added to List, Metric, Date Based, ..."),
            _CREATED,
            _UPDATED,
            DELETED,
        ),
        row_key=("account_id", "flow_id"),
        merge_key=("account_id",),
        description="Flows (automations) as they are tonight.",
    ),
    "flow",
    {
        "flow_id": "id",
        **_attributes("name", "status", "trigger_type", "created", "updated"),
        "archived": Wire("attributes.archived", "bool"),
    },
    ("flow_id", "updated"),
)
FLOW_MESSAGES = Asked(
    Table(
        "flow_messages",
        (
            _ACCOUNT,
            Column("flow_id", "text", "the flow"),
            Column("action_id", "text", "the flow's action that sends it"),
            Column("message_id", "text", "the message; events name it"),
            Column("position", "bigint", "place among the flow's e-mail actions as the vendor lists them, from 1"),
            Column("name", "text", "its name"),
            Column("subject", "text", "the subject, with tags unfilled"),
            _CREATED,
            _UPDATED,
            DELETED,
        ),
        row_key=("account_id", "flow_id", "message_id"),
        merge_key=("account_id", "flow_id"),
        description="E-mails of flows; pulled when their flow has changed.",
    ),
    "flow-message",
    {
        "action_id": "action_id",
        "position": Wire("position", "int"),
        "message_id": "id",
        **_attributes("name", "created", "updated"),
        "subject": "attributes.content.subject",
    },
    ("message_id", "name"),
)
CAMPAIGNS = Asked(
    Table(
        "campaigns",
        (
            _ACCOUNT,
            Column("campaign_id", "text", "the campaign"),
            Column("message_id", "text", "its message; events name it. A campaign with variants has several rows"),
            Column("name", "text", "the campaign's name"),
            Column("status", "text", "Draft, Scheduled, Sending, Sent, Cancelled, ..."),
            Column("subject", "text", "the subject, with tags unfilled"),
            Column("created_at", "timestamp", "when it was made"),
            Column("send_time", "timestamp", "when it was or will be sent; null: not planned"),
            DELETED,
        ),
        row_key=("account_id", "campaign_id", "message_id"),
        merge_key=("account_id",),
        description="E-mail campaigns as they are tonight, archived ones left out, with their messages.",
    ),
    "campaign",
    {
        "campaign_id": "id",
        "message_id": "message_id",
        **_attributes("name", "status", "created_at", "send_time"),
        "subject": "subject",
    },
    ("campaign_id", "message_id", "name"),
)
METRICS = Asked(
    Table(
        "metrics",
        (
            _ACCOUNT,
            Column("metric_id", "text", "the metric"),
            Column("name", "text", "its name, as Opened Email"),
            Column("integration_name", "text", "the system behind it"),
            DELETED,
        ),
        row_key=("account_id", "metric_id"),
        merge_key=("account_id",),
        description="Kinds of events the account knows.",
    ),
    "metric",
    {"metric_id": "id", "name": "attributes.name", "integration_name": "attributes.integration.name"},
    ("metric_id", "name"),
)
_PROPERTIES = "attributes.event_properties"
EVENTS = Asked(
    Table(
        "events",
        (
            _ACCOUNT,
            Column("date_day", "date", "day of datetime, UTC"),
            Column("event_id", "text", "the event"),
            Column("metric_id", "text", "what happened"),
            _PROFILE,
            Column("datetime", "timestamp", "when"),
            Column("message_id", "text", "$message: the campaign's or flow's message; null: none"),
            Column("flow_id", "text", "$flow; null: no flow's"),
            Column("url", "text", "the link of a click, with its tags; carries an id of the person", personal=True),
            Column("bounce_type", "text", "Hard (permanent) or Soft (temporary)"),
            Column("apple_privacy_open", "bool", "loaded by Apple's privacy proxy, read or not; null: not told"),
            Column("machine_open", "bool", "opened by a machine; null: not told"),
            Column("bot_click", "bool", "clicked by a machine; null: not told"),
            Column("order_id", "text", "OrderId of Placed Order"),
            Column("value", "decimal", "$value, in the currency of the shop; null: none"),
            DELETED,
        ),
        row_key=("account_id", "event_id"),
        merge_key=("account_id", "date_day"),
        description="Events of the metrics of e-mail and of Placed Order, one row each.",
        date_column="date_day",
        provides="email_systems",
    ),
    "event",
    {
        "event_id": "id",
        "date_day": "attributes.datetime",
        "metric_id": "relationships.metric.data.id",
        "profile_id": "relationships.profile.data.id",
        "datetime": "attributes.datetime",
        "message_id": f"{_PROPERTIES}.$message",
        "flow_id": f"{_PROPERTIES}.$flow",
        "url": f"{_PROPERTIES}.URL",
        "bounce_type": f"{_PROPERTIES}.Bounce Type",
        "apple_privacy_open": Wire(f"{_PROPERTIES}.Apple Privacy Open", "bool"),
        "machine_open": Wire(f"{_PROPERTIES}.machine_open", "bool"),
        "bot_click": Wire(f"{_PROPERTIES}.Bot Click", "bool"),
        "order_id": f"{_PROPERTIES}.OrderId",
        "value": Wire(f"{_PROPERTIES}.$value", "double"),
    },
    ("event_id", "metric_id", "datetime"),
)
ALL = (LISTS, PROFILES, LIST_PROFILES, FLOWS, FLOW_MESSAGES, CAMPAIGNS, METRICS, EVENTS)
