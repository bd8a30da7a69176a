"""Mailchimp Marketing API 3.0: lists and members, campaigns, classic automations, reports by campaign and by recipient.

Paths and parameters follow the vendor's Python client 3.0.80, shapes of answers its reference. Errors are problem details (RFC 7807).
A report tells no delivery by recipient, and of an automation's e-mail not when each recipient got it.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.mails import ready
from ingestion.sandbox.server.vendor import Desk, Vendor
from ingestion.sandbox.server.vendors.mailchimp.fields import (
    ACCOUNT,
    AUTOMATION,
    AUTOMATION_EMAIL,
    CAMPAIGN,
    GROWTH,
    LIST,
    LIST_ID,
    MEMBER,
    PER_RECIPIENT,
    REPORT,
)

API_KEY = "0123456789abcdef0123456789abcdef-us21"
DOCS = "https://mailchimp.com/developer/marketing/docs/errors/"
MOST_CALLS = 10  # of one key at a time
COUNT = {"default": 10, "max": 1000}
ERRORS = {
    "rate_limit": (429, "Too Many Requests", f"You have exceeded the limit of {MOST_CALLS} simultaneous connections."),
    "server_error": (500, "Internal Server Error", "An unexpected internal error has occurred."),
    "expired_token": (
        401,
        "API Key Invalid",
        "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    ),
}
_PAGE = ("fields", "exclude_fields", "count", "offset")
_ONE = ("fields", "exclude_fields")


class Refused(Exception):
    """The vendor says no; args are (status, title, detail)."""


def problem(status: int, title: str, detail: str) -> Response:
    body = {"type": DOCS, "title": title, "status": status, "detail": detail, "instance": str(uuid4())}
    return Response(orjson.dumps(body), status, media_type="application/problem+json; charset=utf-8")


def error(kind: str) -> Response:
    return problem(*ERRORS[kind])


def spoil(kind: str, body: bytes) -> bytes:
    """In the first row a moment that is none (or an id that is no text), or in every row the row's id under another name."""
    found = orjson.loads(body)
    rows = next(
        (v for v in found.values() if isinstance(v, list) and v and isinstance(v[0], dict) and v[0].keys() - {"rel"}),
        [],
    )
    for row in rows[:1] if kind == "malformed_row" else rows:
        inner = next((v for k, v in row.items() if k in ("activity", "opens") and v), None)
        if kind == "malformed_row":
            for part in inner[:1] if inner else [row]:
                moment = next(
                    (k for k in part if k in ("timestamp", "last_changed", "date", "create_time", "send_time")), None
                )
                wrong: dict[str, Any] = (
                    {moment: "yesterday"} if moment else {"status": {"value": 1}, "month": {"value": 1}}
                )
                part.update(wrong)
        else:
            for part in inner or [row]:
                for key in [k for k in part if k in ("id", "contact_id", "email_id", "timestamp", "month")]:
                    part[f"{key}_v2"] = part.pop(key)
    return orjson.dumps(found)


def _environment(url: str) -> dict[str, str]:
    return {"SOURCES__MAILCHIMP__BASE_URL": f"{url}/mailchimp/3.0/", "SOURCES__MAILCHIMP__API_KEY": API_KEY}


Handler = Callable[[Desk, Mapping[str, str], dict[str, str]], Any]


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    handlers: dict[str, Handler] = {
        "/": _account,
        "/ping": lambda desk, path, asked: {"health_status": "Everything's Chimpy!"},
        "/lists": _lists,
        "/lists/{list_id}": _list,
        "/lists/{list_id}/members": _members,
        "/lists/{list_id}/members/{email_id}": _member,
        "/lists/{list_id}/growth-history": _growth,
        "/campaigns": _campaigns,
        "/campaigns/{campaign_id}": _campaign,
        "/automations": _automations,
        "/automations/{workflow_id}": _automation,
        "/automations/{workflow_id}/emails": _automation_emails,
        "/reports": _reports,
        "/reports/{campaign_id}": _report,
    }
    handlers |= {f"/reports/{{campaign_id}}/{what}": _by_recipient(what) for what in PER_RECIPIENT}
    calls = threading.BoundedSemaphore(MOST_CALLS)

    def route(path: str, handler: Handler) -> Route:
        def serve(request: Request) -> Response:
            if not calls.acquire(blocking=False):
                return error("rate_limit")
            try:
                if not _permitted(request.headers.get("Authorization", "")):
                    return error("expired_token")
                ready(desk)
                asked = dict(request.query_params)
                answer = handler(desk, request.path_params, asked)
                body = _narrowed(answer, asked.get("fields", ""), asked.get("exclude_fields", ""))
                return Response(orjson.dumps(body), media_type="application/json; charset=utf-8")
            except Refused as e:
                return problem(*e.args)
            finally:
                calls.release()

        return Route(f"/3.0{path}", serve)

    return [route(path, handler) for path, handler in handlers.items()]


def _permitted(header: str) -> bool:
    """Basic with any user and the key, or Bearer."""
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value == API_KEY
    try:
        return kind.lower() == "basic" and base64.b64decode(value).decode().partition(":")[2] == API_KEY
    except ValueError:
        return False


def _narrowed(body: Any, fields: str, excluded: str) -> Any:
    """The parts of an answer that `fields` names ("members.id,total_items"), or all but the excluded ones."""

    def part(value: Any, tree: Mapping[str, Any], keep: bool) -> Any:
        if isinstance(value, list):
            return [part(v, tree, keep) for v in value]
        if not isinstance(value, dict):
            return value
        if keep:
            return {k: part(v, tree[k], True) if tree[k] else v for k, v in value.items() if k in tree}
        return {k: part(v, tree[k], False) if k in tree else v for k, v in value.items() if tree.get(k, True) != {}}

    for names, keep in ((fields, True), (excluded, False)):
        tree: dict[str, Any] = {}
        for name in filter(None, names.split(",")):
            node = tree
            for step in name.split("."):
                node = node.setdefault(step, {})
        if tree:
            body = part(body, tree, keep)
    return body


def _known(asked: Mapping[str, str], *names: str) -> None:
    if unknown := sorted(set(asked) - set(names)):
        raise Refused(400, "Invalid Resource", f"{unknown[0]}: this parameter is not recognized.")


def _moment(asked: Mapping[str, str], name: str) -> datetime | None:
    if name not in asked:
        return None
    try:
        found = datetime.fromisoformat(asked[name].replace(" ", "+"))
    except ValueError:
        raise Refused(400, "Invalid Resource", f"{name}: not a date in ISO 8601.") from None
    if found.tzinfo is None:
        raise Refused(400, "Invalid Resource", f"{name}: the zone is missing.")
    return found


def _page(
    desk: Desk,
    asked: Mapping[str, str],
    name: str,
    select: str,
    source: str,
    order: str,
    values: Mapping[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """One page of `select` over `source` (from .. where ..), in the vendor's envelope."""
    try:
        count, offset = int(asked.get("count", COUNT["default"])), int(asked.get("offset", 0))
    except ValueError:
        raise Refused(400, "Invalid Resource", "count, offset: must be integers.") from None
    if not 0 <= count <= COUNT["max"] or offset < 0:
        raise Refused(400, "Invalid Resource", f"count: must be between 0 and {COUNT['max']}.")
    used = {k: v for k, v in values.items() if f"${k}" in source or f"${k}" in select}
    total = desk.rows(
        f"select count(*) as n from (select 1 {source})", {k: v for k, v in used.items() if f"${k}" in source}
    )
    rows = desk.rows(f"select {select} {source} order by {order} limit {count} offset {offset}", used)
    return {name: [_plain(r) for r in rows], **more, "total_items": total[0]["n"], "_links": []}


_MOMENT = re.compile(r"(_time|_opt|_signup|_changed|_sent|last_open|last_click)$")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Empty texts where the vendor has them: a moment that has not come is "", not null."""
    return {k: "" if v is None and _MOMENT.search(k) else v for k, v in row.items()}


def _one(found: dict[str, Any], name: str) -> Any:
    if not found[name]:
        raise Refused(404, "Resource Not Found", "The requested resource could not be found.")
    return found[name][0]


def _account(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE)
    return ACCOUNT | {
        "total_subscribers": desk.rows("select count(*) as n from mail.contacts where status = 'subscribed'")[0]["n"]
    }


def _lists(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(
        asked, *_PAGE, "since_date_created", "before_date_created", "include_total_contacts", "sort_field", "sort_dir"
    )
    return _page(desk, asked, "lists", LIST, "from (select 1 as one)", "one", {})


def _list(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE, "include_total_contacts")
    _of_list(path)
    return _one(_page(desk, {}, "lists", LIST, "from (select 1 as one)", "one", {}), "lists")


def _of_list(path: Mapping[str, str]) -> None:
    if path["list_id"] != LIST_ID:
        raise Refused(404, "Resource Not Found", "The requested resource could not be found.")


def _members(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(
        asked,
        *_PAGE,
        "status",
        "since_last_changed",
        "before_last_changed",
        "since_timestamp_opt",
        "sort_field",
        "sort_dir",
    )
    _of_list(path)
    status = asked.get("status")
    statuses = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
    if status is not None and status not in statuses:
        raise Refused(400, "Invalid Resource", f"status: must be one of {', '.join(statuses)}.")
    if asked.get("sort_field", "last_changed") not in ("last_changed", "timestamp_opt", "timestamp_signup"):
        raise Refused(400, "Invalid Resource", "sort_field: must be timestamp_opt, timestamp_signup or last_changed.")
    where = "status = $status" if status else "status <> 'archived'"
    values: dict[str, Any] = {"status": status} if status else {}
    for name, sign, column in (
        ("since_last_changed", ">", "changed_at"), ("before_last_changed", "<", "changed_at"), ("since_timestamp_opt", ">", "opted_at"),
    ):  # fmt: skip
        if moment := _moment(asked, name):
            where += f" and {column} {sign} ${name}"
            values[name] = moment
    return _page(
        desk,
        asked,
        "members",
        MEMBER,
        f"from mail.contacts where {where}",
        "changed_at, owner",
        values,
        list_id=LIST_ID,
    )


def _member(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE)
    _of_list(path)
    source = "from mail.contacts where $id in (email_id, contact_id, lower(email))"
    return _one(_page(desk, {}, "members", MEMBER, source, "owner", {"id": path["email_id"].lower()}), "members")


def _growth(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_PAGE, "sort_field", "sort_dir")
    _of_list(path)
    source = """from (
        select strftime(unnest(generate_series(date_trunc('month', min(opted_at)), max(changed_at), interval 1 month)), '%Y-%m') as month
        from mail.contacts where opted_at is not null) as months"""
    return _page(desk, asked, "history", GROWTH, source, "month desc", {}, list_id=LIST_ID)


def _campaigns(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_PAGE, "type", "status", "since_send_time", "before_send_time", "list_id", "sort_field", "sort_dir")
    where, values = _sent(asked)
    if (
        asked.get("type", "regular") != "regular"
        or asked.get("status", "sent") != "sent"
        or asked.get("list_id", LIST_ID) != LIST_ID
    ):
        where += " and false"
    return _page(
        desk,
        asked,
        "campaigns",
        CAMPAIGN,
        f"from mail.mails where flow is null{where}",
        "first_sent_at, mail_id",
        values,
    )


def _sent(asked: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    where, values = "", {}
    for name, sign in (("since_send_time", ">"), ("before_send_time", "<")):
        if moment := _moment(asked, name):
            where += f" and first_sent_at {sign} ${name}"
            values[name] = moment
    return where, values


def _campaign(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE)
    source = "from mail.mails where flow is null and code = $id"
    return _one(_page(desk, {}, "campaigns", CAMPAIGN, source, "code", {"id": path["campaign_id"]}), "campaigns")


_WORKFLOWS = "from (select flow, min(first_sent_at) as first_sent_at from mail.mails where flow is not null group by flow) as flows"


def _automations(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_PAGE, "status", "since_create_time", "before_create_time", "since_start_time", "before_start_time")
    return _page(desk, asked, "automations", AUTOMATION, _WORKFLOWS, "flow", {})


def _automation(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE)
    source = f"{_WORKFLOWS} where left(md5('flow|' || flow), 10) = $id"
    return _one(_page(desk, {}, "automations", AUTOMATION, source, "flow", {"id": path["workflow_id"]}), "automations")


def _automation_emails(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    """The vendor pages this not: it gives all e-mails of the workflow."""
    _known(asked)
    _automation(desk, path, {})
    source = "from mail.mails where left(md5('flow|' || flow), 10) = $id"
    return _page(desk, {"count": "1000"}, "emails", AUTOMATION_EMAIL, source, "position", {"id": path["workflow_id"]})


def _reports(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_PAGE, "type", "since_send_time", "before_send_time")
    where, values = _sent(asked)
    return _page(
        desk, asked, "reports", REPORT, f"from mail.mails where flow is null{where}", "first_sent_at, mail_id", values
    )


def _report(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
    _known(asked, *_ONE)
    return _one(
        _page(desk, {}, "reports", REPORT, "from mail.mails where code = $id", "code", {"id": path["campaign_id"]}),
        "reports",
    )


def _by_recipient(what: str) -> Handler:
    name, select, source, order, takes_since = PER_RECIPIENT[what]

    def serve(desk: Desk, path: Mapping[str, str], asked: dict[str, str]) -> Any:
        _known(asked, *(_ONE if what == "abuse-reports" else _PAGE), *(("since",) if takes_since else ()))
        _report(desk, path, {})
        if what == "abuse-reports":  # the vendor does not page it
            asked = {**asked, "count": str(COUNT["max"])}
        values: dict[str, Any] = {"id": path["campaign_id"]}
        if takes_since:
            values["since"] = _moment(asked, "since") or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return _page(desk, asked, name, select, source, order, values, campaign_id=path["campaign_id"])

    return serve


VENDOR = Vendor("mailchimp", _routes, error, spoil, _environment)
