"""Mailchimp: lists and members, campaigns, classic automations, what each recipient did. Marketing API 3.0.

Recipients and their actions are told by campaign. Every night asks the reports of all campaigns for their counters, and then those
campaigns whose counters or last action moved. Opens and clicks are dated in UTC and pulled again for the last days.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from ingestion.ads import Pull, secret, setting, setting_list
from ingestion.arrow import Reject, from_rows
from ingestion.email import ADDRESS_CHANGES, Contacts, EmailReports
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.sources.mailchimp.tables import (
    ABUSE_REPORTS,
    ACTIVITY,
    ALL,
    AUTOMATION_EMAILS,
    AUTOMATIONS,
    CAMPAIGNS,
    GROWTH,
    LISTS,
    MEMBERS,
    OPENS,
    REPORTS,
    SENT_TO,
    UNSUBSCRIBES,
    Asked,
)
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

PAGE_SIZE = 1000
BOUNCING_DAYS = 10  # mail servers try for days: so long after sending a campaign may bounce without a click or an open
# what each report by campaign moves with
COUNTERS = {
    "sent_to": ("emails_sent", "hard_bounces", "soft_bounces"),
    "unsubscribes": ("unsubscribed",),
    "abuse_reports": ("abuse_reports",),
}
NEXT_STEPS = {
    "API Key Invalid": "make a key under Account, Extras, API keys, and set SOURCES__MAILCHIMP__API_KEY",
    "Too Many Requests": "another program reads the account too; the next night goes on",
    "Forbidden": "the key's user may not read this; take a key of an admin",
    "Compliance Related": "Mailchimp has paused the account; see its notices there",
    "User Disabled": "the key's user is disabled; take a key of another user",
}


def configured(settings: Settings) -> Configuration:
    key, token = secret("mailchimp", "api_key"), secret("mailchimp", "access_token")
    if not key and not token:
        return Configuration(False, "no key; set SOURCES__MAILCHIMP__API_KEY")
    if not _address(key):
        return Configuration(
            False, "no data centre; set SOURCES__MAILCHIMP__SERVER (us21, as in the address of the app)"
        )
    lists = setting_list("mailchimp", "lists")
    return Configuration(True, f"lists {', '.join(lists)}" if lists else "all lists of the account")


def _address(key: str) -> str:
    """The API's base address: its host is named by the data centre, which a key carries at its end."""
    server = setting("mailchimp", "server") or (key.rpartition("-")[2] if "-" in key else "")
    usual = f"https://{server}.api.mailchimp.com/3.0/" if server else ""
    return str(setting("mailchimp", "base_url", usual))


def envelope(body: Any) -> tuple[str, str] | None:
    """Problem details (RFC 7807): title and detail."""
    if not isinstance(body, dict) or not isinstance(body.get("status"), int) or body["status"] < 400:
        return None
    return str(body.get("title", body["status"])), str(body.get("detail", ""))


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the account or its lists cannot be read."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, HttpBasicAuth
    from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

    name = SPEC.name
    key, token = secret(name, "api_key"), secret(name, "access_token")
    client = VendorClient(
        name,
        _address(key),
        auth=HttpBasicAuth("warehouse", key) if key else BearerTokenAuth(token),
        envelope=envelope,
        next_steps=NEXT_STEPS,
    )
    size = int(setting(name, "page_size", PAGE_SIZE))

    def pages(path: str, asked: Asked, **params: Any) -> Iterator[list[Any]]:
        paginator = OffsetPaginator(size, offset_param="offset", limit_param="count", total_path="total_items")
        return client.pages(
            path, params={"fields": asked.fields, **params}, paginator=paginator, data_selector=asked.rows
        )

    def read(asked: Asked, rows: list[Any], reject: Reject, **same: Any) -> pa.Table:
        return _read(asked, rows, reject, account_id=account, **same)

    def whole(asked: Asked, path: str, **params: Any) -> Callable[[str, Reject], Iterator[pa.Table]]:
        def fetch(account: str, reject: Reject) -> Iterator[pa.Table]:
            for rows in pages(path, asked, **params):
                yield read(asked, rows, reject)

        return fetch

    account = str(client.get("", {"fields": "account_id"})["account_id"])
    known = [str(row["id"]) for rows in pages("lists", LISTS) for row in rows]
    lists = setting_list(name, "lists") or known
    if missing := sorted(set(lists) - set(known)):
        raise SourceError(
            name, f"list {missing[0]} is not among the account's ({', '.join(known)}); check SOURCES__MAILCHIMP__LISTS"
        )
    reports = EmailReports(SPEC, context)
    reports.account_id = account

    # --- people ---------------------------------------------------------------------------------------------------
    def changed(list_id: str, since: date | None, reject: Reject) -> Iterator[pa.Table]:
        when = {"since_last_changed": _utc(since)} if since else {}
        for status in ({}, {"status": "archived"}):  # archived ones come only when they are asked for
            for rows in pages(f"lists/{list_id}/members", MEMBERS, **when, **status):
                for row in rows:
                    row["marketing_permissions"] = orjson.dumps(row.get("marketing_permissions") or []).decode()
                yield read(MEMBERS, rows, reject, list_id=list_id)

    def count(list_id: str) -> int:
        asked = {"fields": "total_items", "count": 1}
        found = (
            client.get(f"lists/{list_id}/members", {**asked, **s})["total_items"] for s in ({}, {"status": "archived"})
        )
        return sum(int(n) for n in found)

    def ids(list_id: str) -> set[str]:
        path, fields = f"lists/{list_id}/members", {"fields": "members.contact_id,total_items"}
        return {
            str(row["contact_id"])
            for status in ({}, {"status": "archived"})
            for rows in pages(path, MEMBERS, **fields, **status)
            for row in rows
        }

    contacts = Contacts(MEMBERS.table, "list_id", "contact_id", "email_address", changed, count, ids)

    def growth(account: str, reject: Reject) -> Iterator[pa.Table]:
        for list_id in lists:
            for rows in pages(f"lists/{list_id}/growth-history", GROWTH):
                yield read(GROWTH, rows, reject)

    # --- mails ----------------------------------------------------------------------------------------------------
    def steps() -> list[Any]:
        flows = [row["id"] for rows in pages("automations", AUTOMATIONS) for row in rows]
        return [e for flow in flows for e in client.get(f"automations/{flow}/emails")["emails"]]

    def automation_emails(account: str, reject: Reject) -> Iterator[pa.Table]:
        yield read(AUTOMATION_EMAILS, steps_once(), reject)

    def all_reports() -> list[Any]:
        """Of campaigns, and of the automations' e-mails, which the list of reports need not hold."""
        found = {row["id"]: row for rows in pages("reports", REPORTS) for row in rows}
        one = ",".join(f.removeprefix("reports.") for f in REPORTS.fields.split(",")[:-1])
        for step in steps_once():
            if step["id"] not in found and step.get("emails_sent"):
                found[step["id"]] = client.get(f"reports/{step['id']}", {"fields": one})
        return [row for row in found.values() if row.get("list_id") in lists]

    steps_once, reports_once = _Once(steps), _Once(all_reports)

    def campaign_reports(account: str, reject: Reject) -> Iterator[pa.Table]:
        yield read(REPORTS, reports_once(), reject)

    def marks(table: str) -> Callable[[], Mapping[str, str]]:
        def of_all() -> dict[str, str]:
            found = {}
            for row in reports_once():
                counters = {**row, **(row.get("bounces") or {})}
                said = [counters.get(c) for c in COUNTERS[table]]
                if table == "sent_to" or any(said):
                    fresh = _day(row.get("send_time")) >= context.as_of - timedelta(days=SPEC.restatement_days)
                    found[str(row["id"])] = f"{said} {context.as_of if fresh else ''}"
            return found

        return of_all

    def by_campaign(asked: Asked, what: str) -> Callable[[str, Reject], Iterator[pa.Table]]:
        def fetch(campaign: str, reject: Reject) -> Iterator[pa.Table]:
            path = f"reports/{campaign}/{what}"
            unpaged = asked is ABUSE_REPORTS
            for rows in [client.get(path)[asked.rows]] if unpaged else pages(path, asked):
                yield read(asked, rows, reject, campaign_id=campaign)

        return fetch

    def actions(
        asked: Asked, what: str, inner: str, last: tuple[str, ...]
    ) -> Callable[[Pull, Reject], Iterator[pa.Table]]:
        """Actions of a window, from the campaigns in which something happened since it began."""

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            bouncing = pull.start - timedelta(days=BOUNCING_DAYS)
            for report in reports_once():
                moments = [(report.get(part) or {}).get(leaf) for part, leaf in (path.split(".") for path in last)]
                is_quiet = _day(report.get("send_time")) < bouncing and max(map(_day, moments)) < pull.start
                # an automation's e-mail is sent every day, and may bounce on any
                if is_quiet and report.get("type") not in ("automation-email", "automation"):
                    continue
                fields = f"{asked.rows}.email_id,{asked.rows}.{inner},total_items"
                same = {"campaign_id": str(report["id"]), "list_id": str(report["list_id"])}
                # the day before, since the vendor tells what is after a moment
                since = _utc(pull.start - timedelta(days=1))
                for people in pages(f"reports/{report['id']}/{what}", asked, fields=fields, since=since):
                    rows = [
                        {**act, "email_id": who["email_id"], "place": n}
                        for who in people
                        for n, act in enumerate(who[inner])
                        if _within(act.get("timestamp"), pull) and act.get("action") != "open"
                    ]
                    if rows:
                        yield read(asked, rows, reject, **same)

        return fetch

    one_slice = 100_000  # days: a window is asked for at once, since every campaign tells all since a moment
    return reports.source(
        [
            reports.entities(LISTS.table, [account], whole(LISTS, "lists")),
            *reports.contacts(contacts, lists),
            reports.entities(GROWTH.table, [account], growth),
            reports.entities(CAMPAIGNS.table, [account], whole(CAMPAIGNS, "campaigns")),
            reports.entities(AUTOMATIONS.table, [account], whole(AUTOMATIONS, "automations")),
            reports.entities(AUTOMATION_EMAILS.table, [account], automation_emails),
            reports.entities(REPORTS.table, [account], campaign_reports),
            reports.parts(SENT_TO.table, account, "campaign_id", marks("sent_to"), by_campaign(SENT_TO, "sent-to")),
            reports.parts(
                UNSUBSCRIBES.table,
                account,
                "campaign_id",
                marks("unsubscribes"),
                by_campaign(UNSUBSCRIBES, "unsubscribed"),
            ),
            reports.parts(
                ABUSE_REPORTS.table,
                account,
                "campaign_id",
                marks("abuse_reports"),
                by_campaign(ABUSE_REPORTS, "abuse-reports"),
            ),
            reports.daily(
                ACTIVITY.table,
                [account],
                actions(ACTIVITY, "email-activity", "activity", ("clicks.last_click",)),
                max_days=one_slice,
            ),
            reports.daily(
                OPENS.table,
                [account],
                actions(OPENS, "open-details", "opens", ("opens.last_open",)),
                max_days=one_slice,
            ),
        ]
    )


class _Once:
    """An answer that several tables need, asked for once; a failure is everyone's."""

    def __init__(self, ask: Callable[[], list[Any]]) -> None:
        self._ask, self._lock = ask, threading.Lock()
        self._found: list[Any] | None = None
        self._error: SourceError | None = None

    def __call__(self) -> list[Any]:
        with self._lock:
            if self._error:
                raise self._error
            if self._found is None:
                try:
                    self._found = self._ask()
                except SourceError as e:
                    self._error = e
                    raise
            return self._found


def _utc(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"


def _day(moment: Any) -> date:
    """The UTC day of a moment as the vendor writes it; the first of all for none."""
    if not moment:
        return date.min
    try:
        return datetime.fromisoformat(str(moment)).date()
    except ValueError:
        return date.max  # unreadable: asked for, and told where it is read


def _within(moment: Any, pull: Pull) -> bool:
    day = _day(moment)
    return pull.start <= day <= pull.end or day in (date.min, date.max)


def _read(asked: Asked, rows: list[Any], reject: Reject, **same: Any) -> pa.Table:
    """A page as Arrow. Raises SourceError when no row has a column that must be there: the answer's shape has changed."""
    for column in asked.required if rows else ():
        wire = asked.wire[column]
        *parents, leaf = (wire if isinstance(wire, str) else wire.path).split(".")
        if not any(leaf in (row.get(parents[0]) or {} if parents else row) for row in rows):
            raise SourceError(SPEC.name, f"no row of {asked.rows} has {leaf}; did the API change?")
    wires = {c: w for c, w in asked.wire.items() if c not in same}
    return from_rows(asked.table, wires, rows, constants=same, required=asked.required, reject=reject)


SPEC = SourceSpec(
    name="mailchimp",
    kind="email",
    description="Mailchimp, Marketing API 3.0",
    owner="marketing",
    tables=(*(a.table for a in ALL), ADDRESS_CHANGES, REJECTS),
    provides=frozenset({"email_systems"}),
    configured=configured,
    build=build,
    restatement_days=3,
    expected_lag_days=7,
    stale_after_days=14,
)
