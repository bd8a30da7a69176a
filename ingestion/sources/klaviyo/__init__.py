"""Klaviyo: profiles with consent, lists, flows, campaigns, metrics and events. Revision 2026-07-15.

Events are asked for by metric and day, and the last days again, since they may come late. The vendor neither tells deleted profiles nor
counts them: the ids of all are compared every night. A profile merged into another looks deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, secret, setting, setting_list
from ingestion.arrow import Reject, from_rows
from ingestion.email import ADDRESS_CHANGES, Contacts, EmailReports
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.sources.klaviyo.tables import (
    ALL,
    CAMPAIGNS,
    EVENTS,
    FLOW_MESSAGES,
    FLOWS,
    LIST_PROFILES,
    LISTS,
    METRICS,
    PROFILES,
    Asked,
)
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

BASE_URL = "https://a.klaviyo.com/api/"
REVISION = "2026-07-15"
PAGE_SIZE = 100  # of profiles; lists and flows have smaller pages of their own
EVENTS_PAGE_SIZE = 1000
MAX_DAYS = 31
# The metrics that are pulled, by their names in Klaviyo; a shop's own name for its orders is a setting
EMAIL_METRICS = (
    "Received Email", "Bounced Email", "Dropped Email", "Opened Email", "Clicked Email", "Unsubscribed from Email Marketing",
    "Unsubscribed from List", "Marked Email as Spam", "Subscribed to List", "Subscribed to Email Marketing",
)  # fmt: skip
NEXT_STEPS = {
    "authentication_failed": "make a private key with read access under Settings, API keys, and set SOURCES__KLAVIYO__API_KEY",
    "not_authenticated": "set SOURCES__KLAVIYO__API_KEY",
    "permission_denied": "give the key read access to accounts, campaigns, events, flows, lists, metrics, profiles and subscriptions",
    "throttled": "the vendor's limit is reached; the next night goes on",
    "invalid": "the vendor does not know a parameter; did the API change?",
}


def configured(settings: Settings) -> Configuration:
    if not secret("klaviyo", "api_key") and not secret("klaviyo", "access_token"):
        return Configuration(False, "no key; set SOURCES__KLAVIYO__API_KEY")
    return Configuration(True, "the key's account")


def envelope(body: Any) -> tuple[str, str] | None:
    """The first error of JSON:API."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not errors or not isinstance(errors[0], dict):
        return None
    return str(errors[0].get("code", errors[0].get("status"))), str(
        errors[0].get("detail") or errors[0].get("title", "")
    )


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the account or its metrics cannot be read."""
    from dlt.sources.helpers.rest_client.auth import APIKeyAuth, BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    name = SPEC.name
    key = secret(name, "api_key")
    client = VendorClient(
        name,
        str(setting(name, "base_url", BASE_URL)),
        auth=APIKeyAuth("Authorization", f"Klaviyo-API-Key {key}", "header")
        if key
        else BearerTokenAuth(secret(name, "access_token")),
        headers={"revision": REVISION, "Accept": "application/vnd.api+json"},
        envelope=envelope,
        next_steps=NEXT_STEPS,
        attempts=8,  # limits are by second and minute, and many small answers are asked for
    )

    def pages(path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        return client.pages(path, params=dict(params), paginator=JSONLinkPaginator("links.next"), data_selector="data")

    def whole(asked: Asked, path: str) -> Callable[[str, Reject], Iterator[pa.Table]]:
        def fetch(account: str, reject: Reject) -> Iterator[pa.Table]:
            for rows in pages(path, asked.fields):
                yield _read(asked, rows, reject, account_id=account)

        return fetch

    account = str(client.get("accounts", {"fields[account]": "timezone"})["data"][0]["id"])
    size = int(setting(name, "page_size", PAGE_SIZE))
    lists = setting_list(name, "lists")
    wanted = {*EMAIL_METRICS, *(setting_list(name, "order_metrics") or ["Placed Order"])}
    metrics = {
        str(m["id"]): m["attributes"]["name"]
        for page in pages("metrics", METRICS.fields)
        for m in page
        if m["attributes"]["name"] in wanted
    }
    if not metrics:
        raise SourceError(
            name,
            f"the account has no metric named {', '.join(sorted(EMAIL_METRICS)[:3])} or the like; did the API change?",
        )

    # --- people ---------------------------------------------------------------------------------------------------
    def changed(account: str, since: date | None, reject: Reject) -> Iterator[pa.Table]:
        asked: dict[str, Any] = {
            **PROFILES.fields,
            "additional-fields[profile]": "subscriptions",
            "page[size]": size,
            "sort": "updated",
        }
        if since:
            asked["filter"] = f"greater-than(updated,{since.isoformat()}T00:00:00Z)"
        for rows in pages("profiles", asked):
            for row in rows:
                marketing = (((row["attributes"].get("subscriptions") or {}).get("email") or {}).get("marketing")) or {}
                row["suppression"] = next(iter(marketing.get("suppression") or ()), None)
            yield _read(PROFILES, rows, reject, account_id=account)

    def ids(account: str) -> set[str]:
        asked = {"fields[profile]": "updated", "page[size]": size, "sort": "id"}
        return {str(row["id"]) for rows in pages("profiles", asked) for row in rows}

    contacts = Contacts(PROFILES.table, "account_id", "profile_id", "email", changed, lambda account: None, ids)

    def list_marks() -> dict[str, str]:
        found = [str(row["id"]) for rows in pages("lists", LISTS.fields) for row in rows]
        if missing := sorted(set(lists) - set(found)):
            raise SourceError(name, f"list {missing[0]} is not among the account's; check SOURCES__KLAVIYO__LISTS")
        return {list_id: context.as_of.isoformat() for list_id in lists or found}

    def list_profiles(list_id: str, reject: Reject) -> Iterator[pa.Table]:
        asked = {**LIST_PROFILES.fields, "page[size]": size, "sort": "joined_group_at"}
        for rows in pages(f"lists/{list_id}/profiles", asked):
            yield _read(LIST_PROFILES, rows, reject, account_id=account, list_id=list_id)

    # --- mails ----------------------------------------------------------------------------------------------------
    def campaigns(account: str, reject: Reject) -> Iterator[pa.Table]:
        asked: dict[str, Any] = {
            "filter": "equals(messages.channel,'email')",
            "include": "campaign-messages",
            "fields[campaign]": "name,status,created_at,send_time",
            "fields[campaign-message]": "definition",
        }
        path = "campaigns"
        while path:  # by hand: messages come beside the campaigns
            body = client.get(path, asked or None)
            messages = {m["id"]: m["attributes"] for m in body.get("included") or ()}
            rows = []
            for row in body["data"]:
                for message in row["relationships"]["campaign-messages"]["data"]:
                    content = ((messages.get(message["id"]) or {}).get("definition") or {}).get("content") or {}
                    rows.append({**row, "message_id": message["id"], "subject": content.get("subject")})
            yield _read(CAMPAIGNS, rows, reject, account_id=account)
            path, asked = (body.get("links") or {}).get("next") or "", {}

    def flow_marks() -> dict[str, str]:
        return {
            str(row["id"]): str(row["attributes"]["updated"]) for rows in pages("flows", FLOWS.fields) for row in rows
        }

    def flow_messages(flow: str, reject: Reject) -> Iterator[pa.Table]:
        asked = {"fields[flow-action]": "action_type", "filter": "equals(action_type,'SEND_EMAIL')"}
        actions = [row["id"] for rows in pages(f"flows/{flow}/flow-actions", asked) for row in rows]
        for position, action in enumerate(actions, 1):
            for rows in pages(f"flow-actions/{action}/flow-messages", FLOW_MESSAGES.fields):
                rows = [{**row, "action_id": action, "position": position} for row in rows]
                yield _read(FLOW_MESSAGES, rows, reject, account_id=account, flow_id=flow)

    # --- events ---------------------------------------------------------------------------------------------------
    def events(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
        until = pull.end + timedelta(days=1)
        days = f"greater-or-equal(datetime,{pull.start}T00:00:00Z),less-than(datetime,{until}T00:00:00Z)"
        for metric in metrics:
            asked = {
                "filter": f'equals(metric_id,"{metric}"),{days}',
                "sort": "datetime",
                "fields[event]": "datetime,event_properties",
                "page[size]": int(setting(name, "events_page_size", EVENTS_PAGE_SIZE)),
            }
            for rows in pages("events", asked):
                yield _read(EVENTS, rows, reject, account_id=pull.account_id)

    reports = EmailReports(SPEC, context)
    return reports.source(
        [
            reports.entities(LISTS.table, [account], whole(LISTS, "lists")),
            *reports.contacts(contacts, [account]),
            reports.parts(LIST_PROFILES.table, account, "list_id", list_marks, list_profiles),
            reports.entities(FLOWS.table, [account], whole(FLOWS, "flows")),
            reports.parts(FLOW_MESSAGES.table, account, "flow_id", flow_marks, flow_messages),
            reports.entities(CAMPAIGNS.table, [account], campaigns),
            reports.entities(METRICS.table, [account], whole(METRICS, "metrics")),
            reports.daily(EVENTS.table, [account], events, max_days=MAX_DAYS),
        ]
    )


def _read(asked: Asked, rows: list[Any], reject: Reject, **same: Any) -> pa.Table:
    """A page as Arrow. Raises SourceError when no row has a member that must be there: the answer's shape has changed."""
    for column in asked.required if rows else ():
        wire = asked.wire[column]
        parent, _, leaf = (wire if isinstance(wire, str) else wire.path).partition(".")
        if not any(parent in row and (not leaf or leaf.split(".")[0] in (row[parent] or {})) for row in rows):
            raise SourceError(SPEC.name, f"no row of the {asked.type}s has {wire}; did the API change?")
    return from_rows(asked.table, asked.wire, rows, constants=same, required=asked.required, reject=reject)


SPEC = SourceSpec(
    name="klaviyo",
    kind="email",
    description=f"Klaviyo, revision {REVISION}",
    owner="marketing",
    tables=(*(a.table for a in ALL), ADDRESS_CHANGES, REJECTS),
    provides=frozenset({"email_systems"}),
    configured=configured,
    build=build,
    restatement_days=3,
    expected_lag_days=7,
    stale_after_days=14,
)
