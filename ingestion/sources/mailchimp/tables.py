"""Mailchimp's raw tables, in the vendor's names. Addresses stand in `members` alone; reports name people by `email_id`."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.arrow import Wire
from ingestion.email import DELETED
from ingestion.spec import Column, Table

_ACCOUNT = Column("account_id", "text", "the Mailchimp account")
_LIST = Column("list_id", "text", "the list (audience)")
_CAMPAIGN = Column("campaign_id", "text", "the campaign, or the automation's e-mail")
_EMAIL_ID = Column("email_id", "text", "MD5 of the lower-case address at that time", personal=True)
_DAY = Column("date_day", "date", "day of timestamp, UTC")


@dataclass(frozen=True)
class Asked:
    """A table and how it is asked for: the answer's member that holds the rows, and where each column lies in one."""

    table: Table
    rows: str
    wire: dict[str, str | Wire]
    required: tuple[str, ...]
    also: tuple[str, ...] = field(default=())  # fields of the answer that are read beside the columns

    @property
    def fields(self) -> str:
        """The parameter `fields`: nothing more than is kept is asked for, no address but the members' own."""
        paths = [w.path if isinstance(w, Wire) else w for w in self.wire.values()]
        return ",".join([f"{self.rows}.{p}" for p in (*paths, *self.also)] + ["total_items"])


def _count(name: str, description: str) -> Column:
    return Column(name, "bigint", description)


LISTS = Asked(
    Table(
        "lists",
        (
            _ACCOUNT,
            _LIST,
            Column("name", "text", "the list's name"),
            Column("date_created", "timestamp", "when it was made"),
            Column("double_optin", "bool", "sign-ups are confirmed by e-mail"),
            Column("marketing_permissions", "bool", "members tell what they agree to (GDPR fields)"),
            _count("member_count", "subscribed now"),
            _count("unsubscribe_count", "unsubscribed now"),
            _count("cleaned_count", "cleaned now: their addresses bounce permanently (hard)"),
            DELETED,
        ),
        row_key=("account_id", "list_id"),
        merge_key=("account_id",),
        description="Lists (audiences) as they are tonight.",
    ),
    "lists",
    {
        "list_id": "id",
        "name": "name",
        "date_created": "date_created",
        "double_optin": Wire("double_optin", "bool"),
        "marketing_permissions": Wire("marketing_permissions", "bool"),
        "member_count": Wire("stats.member_count", "int"),
        "unsubscribe_count": Wire("stats.unsubscribe_count", "int"),
        "cleaned_count": Wire("stats.cleaned_count", "int"),
    },
    ("list_id",),
)
MEMBERS = Asked(
    Table(
        "members",
        (
            _ACCOUNT,
            _LIST,
            Column(
                "contact_id",
                "text",
                "the vendor's id of the contact in the list, which a new address does not change",
                personal=True,
            ),
            _EMAIL_ID,
            Column("email_address", "text", "the address now", personal=True),
            Column("first_name", "text", "merge field FNAME", personal=True),
            Column("last_name", "text", "merge field LNAME", personal=True),
            Column("phone", "text", "merge field PHONE", personal=True),
            Column("status", "text", "subscribed, unsubscribed, cleaned, pending, transactional, archived"),
            Column(
                "unsubscribe_reason", "text", "as the vendor tells it; free text of the contact among it", personal=True
            ),
            Column("source", "text", "where the contact came from, as the vendor or an integration wrote it"),
            Column("timestamp_signup", "timestamp", "when they signed up; null: not by a form"),
            Column("timestamp_opt", "timestamp", "when they confirmed or were added as agreeing; null: never"),
            Column("last_changed", "timestamp", "when anything of the contact changed last"),
            Column("language", "text", "the contact's language"),
            Column("marketing_permissions", "json", "what they agreed to: [{marketing_permission_id, text, enabled}]"),
            DELETED,
        ),
        row_key=("account_id", "list_id", "contact_id"),
        merge_key=("account_id", "list_id", "contact_id"),
        description="Contacts of a list as they are, archived ones too; gone when the vendor has deleted them for good.",
    ),
    "members",
    {
        "contact_id": "contact_id",
        "email_id": "id",
        "email_address": "email_address",
        "first_name": "merge_fields.FNAME",
        "last_name": "merge_fields.LNAME",
        "phone": "merge_fields.PHONE",
        "status": "status",
        "unsubscribe_reason": "unsubscribe_reason",
        "source": "source",
        "timestamp_signup": "timestamp_signup",
        "timestamp_opt": "timestamp_opt",
        "last_changed": "last_changed",
        "language": "language",
        "marketing_permissions": "marketing_permissions",
    },
    ("contact_id", "email_id", "email_address", "status", "last_changed"),
)
_MAIL = (
    Column("title", "text", "the title in Mailchimp"),
    Column("subject_line", "text", "the subject, with merge tags unfilled"),
    Column("create_time", "timestamp", "when it was made"),
    Column(
        "send_time", "timestamp", "when it was sent; of an automation's e-mail as the vendor tells it. Null: not yet"
    ),
    Column("status", "text", "save, paused, schedule, sending, sent, canceled, ..."),
    _count("emails_sent", "sent so far"),
    Column(
        "google_analytics", "text", "the campaign's name in its links for web analytics; null: links are not tagged"
    ),
)
_MAIL_WIRE: dict[str, str | Wire] = {
    "list_id": "recipients.list_id",
    "title": "settings.title",
    "subject_line": "settings.subject_line",
    "create_time": "create_time",
    "send_time": "send_time",
    "status": "status",
    "emails_sent": Wire("emails_sent", "int"),
    "google_analytics": "tracking.google_analytics",
}
CAMPAIGNS = Asked(
    Table(
        "campaigns",
        (
            _ACCOUNT,
            _CAMPAIGN,
            _LIST,
            Column("type", "text", "regular, plaintext, absplit, rss, variate"),
            *_MAIL,
            DELETED,
        ),
        row_key=("account_id", "campaign_id"),
        merge_key=("account_id",),
        description="Campaigns as they are tonight, without automations.",
    ),
    "campaigns",
    {"campaign_id": "id", "type": "type", **_MAIL_WIRE},
    ("campaign_id", "type"),
)
AUTOMATIONS = Asked(
    Table(
        "automations",
        (
            _ACCOUNT,
            Column("workflow_id", "text", "the classic automation"),
            _LIST,
            Column("title", "text", "its title"),
            Column("status", "text", "save, paused, sending"),
            Column("create_time", "timestamp", "when it was made"),
            Column("start_time", "timestamp", "when it was started; null: not yet"),
            _count("emails_sent", "sent so far, over all its e-mails"),
            DELETED,
        ),
        row_key=("account_id", "workflow_id"),
        merge_key=("account_id",),
        description="Classic automations as they are tonight.",
    ),
    "automations",
    {
        "workflow_id": "id",
        "list_id": "recipients.list_id",
        "title": "settings.title",
        "status": "status",
        "create_time": "create_time",
        "start_time": "start_time",
        "emails_sent": Wire("emails_sent", "int"),
    },
    ("workflow_id",),
)
AUTOMATION_EMAILS = Asked(
    Table(
        "automation_emails",
        (
            _ACCOUNT,
            Column("workflow_id", "text", "the classic automation"),
            _CAMPAIGN,
            _LIST,
            _count("position", "place among the automation's e-mails, from 1"),
            *_MAIL,
            DELETED,
        ),
        row_key=("account_id", "campaign_id"),
        merge_key=("account_id",),
        description="The e-mails of classic automations; reports know each by its id like a campaign.",
    ),
    "emails",
    {"workflow_id": "workflow_id", "campaign_id": "id", "position": Wire("position", "int"), **_MAIL_WIRE},
    ("workflow_id", "campaign_id", "position"),
)
REPORTS = Asked(
    Table(
        "campaign_reports",
        (
            _ACCOUNT,
            _CAMPAIGN,
            _LIST,
            Column("type", "text", "as in campaigns; automation-email for an automation's"),
            Column("send_time", "timestamp", "when it was sent"),
            _count("emails_sent", "sent"),
            _count("abuse_reports", "reported as spam"),
            _count("unsubscribed", "unsubscribed by a link in it"),
            _count("hard_bounces", "bounced, permanent"),
            _count("soft_bounces", "bounced, temporary"),
            _count("opens_total", "opens, machines' too"),
            _count("unique_opens", "recipients with an open"),
            _count("proxy_excluded_opens", "opens without those by mail programs that load images through a proxy"),
            _count("proxy_excluded_unique_opens", "recipients with such an open"),
            _count("clicks_total", "clicks, scanners' too"),
            _count("unique_subscriber_clicks", "recipients who clicked"),
            Column("last_open", "timestamp", "the last open; null: none"),
            Column("last_click", "timestamp", "the last click; null: none"),
            DELETED,
        ),
        row_key=("account_id", "campaign_id"),
        merge_key=("account_id",),
        description="The vendor's own figures of each campaign and automation's e-mail that was sent.",
    ),
    "reports",
    {
        "campaign_id": "id",
        "list_id": "list_id",
        "type": "type",
        "send_time": "send_time",
        "emails_sent": Wire("emails_sent", "int"),
        "abuse_reports": Wire("abuse_reports", "int"),
        "unsubscribed": Wire("unsubscribed", "int"),
        "hard_bounces": Wire("bounces.hard_bounces", "int"),
        "soft_bounces": Wire("bounces.soft_bounces", "int"),
        "opens_total": Wire("opens.opens_total", "int"),
        "unique_opens": Wire("opens.unique_opens", "int"),
        "proxy_excluded_opens": Wire("opens.proxy_excluded_opens", "int"),
        "proxy_excluded_unique_opens": Wire("opens.proxy_excluded_unique_opens", "int"),
        "last_open": "opens.last_open",
        "clicks_total": Wire("clicks.clicks_total", "int"),
        "unique_subscriber_clicks": Wire("clicks.unique_subscriber_clicks", "int"),
        "last_click": "clicks.last_click",
    },
    ("campaign_id", "emails_sent"),
)
GROWTH = Asked(
    Table(
        "growth_history",
        (
            _ACCOUNT,
            _LIST,
            Column("month", "text", "YYYY-MM"),
            *(
                _count(n, f"{n} at the month's end")
                for n in ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
            ),
            DELETED,
        ),
        row_key=("account_id", "list_id", "month"),
        merge_key=("account_id",),
        description="How many members of each status a list had, month by month, as the vendor tells.",
    ),
    "history",
    {"list_id": "list_id", "month": "month"}
    | {n: Wire(n, "int") for n in ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")},
    ("list_id", "month"),
)

_BY_CAMPAIGN = (_ACCOUNT, _CAMPAIGN, _LIST, _EMAIL_ID)
SENT_TO = Asked(
    Table(
        "sent_to",
        (*_BY_CAMPAIGN, Column("status", "text", "sent; hard or soft: it bounced"), DELETED),
        row_key=("account_id", "campaign_id", "email_id"),
        merge_key=("account_id", "campaign_id"),
        description="Who got which mail. When is told of campaigns alone: one moment for all; of an automation's e-mail it is not.",
    ),
    "sent_to",
    {"list_id": "list_id", "email_id": "email_id", "status": "status"},
    ("email_id", "status"),
)
UNSUBSCRIBES = Asked(
    Table(
        "unsubscribes",
        (
            *_BY_CAMPAIGN,
            Column("timestamp", "timestamp", "when"),
            Column(
                "unsubscribe_reason", "text", "as the vendor tells it; free text of the contact among it", personal=True
            ),
            DELETED,
        ),
        row_key=("account_id", "campaign_id", "email_id"),
        merge_key=("account_id", "campaign_id"),
        description="Who unsubscribed by which mail.",
    ),
    "unsubscribes",
    {"list_id": "list_id", "email_id": "email_id", "timestamp": "timestamp", "unsubscribe_reason": "reason"},
    ("email_id", "timestamp"),
)
ABUSE_REPORTS = Asked(
    Table(
        "abuse_reports",
        (
            *_BY_CAMPAIGN,
            Column("report_id", "bigint", "id of the report"),
            Column("date", "timestamp", "when"),
            DELETED,
        ),
        row_key=("account_id", "campaign_id", "report_id"),
        merge_key=("account_id", "campaign_id"),
        description="Who reported which mail as spam.",
    ),
    "abuse_reports",
    {"list_id": "list_id", "email_id": "email_id", "report_id": Wire("id", "int"), "date": "date"},
    ("report_id", "date"),
)

_BY_DAY = (*_BY_CAMPAIGN, _count("place", "place among the recipient's activities that came with it, from 0"), _DAY)
_MOMENT = Column("timestamp", "timestamp", "when")
ACTIVITY = Asked(
    Table(
        "email_activity",
        (
            *_BY_DAY,
            Column("action", "text", "click or bounce; opens are in open_details, which tells more of them"),
            Column("type", "text", "of a bounce: hard or soft"),
            _MOMENT,
            Column("url", "text", "the link of a click, with its tags; carries an id of the contact", personal=True),
            DELETED,
        ),
        row_key=("account_id", "campaign_id", "email_id", "date_day", "place"),
        merge_key=("account_id", "date_day"),
        description="Clicks and bounces, one row each.",
        date_column="date_day",
        provides="email_systems",
    ),
    "emails",
    {"email_id": "email_id", "place": Wire("place", "int"), "date_day": "timestamp", "action": "action", "type": "type",
     "timestamp": "timestamp", "url": "url"},
    ("email_id", "action", "timestamp"),
)  # fmt: skip
OPENS = Asked(
    Table(
        "open_details",
        (*_BY_DAY, _MOMENT, Column("is_proxy_open", "bool", "through a mail program's proxy, read or not; null: not told"), DELETED),
        row_key=("account_id", "campaign_id", "email_id", "date_day", "place"),
        merge_key=("account_id", "date_day"),
        description="Opens, one row each.",
        date_column="date_day",
        provides="email_systems",
    ),
    "members",
    {"email_id": "email_id", "place": Wire("place", "int"), "date_day": "timestamp", "timestamp": "timestamp",
     "is_proxy_open": Wire("is_proxy_open", "bool")},
    ("email_id", "timestamp"),
)  # fmt: skip
ALL = (
    LISTS, MEMBERS, CAMPAIGNS, AUTOMATIONS, AUTOMATION_EMAILS, REPORTS, GROWTH, SENT_TO, UNSUBSCRIBES, ABUSE_REPORTS, ACTIVITY, OPENS,
)  # fmt: skip
