"""Klaviyo: profiles, lists, flows, campaigns, metrics and events, JSON:API as of revision 2026-07-15.

Paths, parameters and limits follow the vendor's OpenAPI files. The client of revision 2026-10-15 is served where the shapes are the
same; campaigns and flow actions have others there and are refused. Pages are told by an opaque cursor in `links.next`.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.mails import ready
from ingestion.sandbox.server.vendor import Desk, Vendor
from ingestion.sandbox.server.vendors.klaviyo.resources import LIST_ID, RESOURCES, Resource

API_KEY = "pk_0123456789abcdef0123456789abcdef01"
REVISIONS = ("2026-07-15", "2026-10-15")
OTHER_SHAPES = ("campaigns", "flow-actions")  # in the newest revision
# calls a second by the first part of the path: the vendor's burst limits
BURST = {"events": 350, "profiles": 75, "lists": 75, "metrics": 10, "campaigns": 10, "flows": 3, "flow-actions": 3}
ERRORS = {
    "rate_limit": (429, "throttled", "Request was throttled. Expected available in 1 second."),
    "server_error": (500, "error", "A server error occurred."),
    "expired_token": (401, "authentication_failed", "Incorrect authentication credentials."),
}
_SIGNS = {"equals": "=", "greater-than": ">", "greater-or-equal": ">=", "less-than": "<", "less-or-equal": "<="}
_TERM = re.compile(r"""([a-z-]+)\(([A-Za-z_.]+),("[^"]*"|'[^']*'|[^()"']*)\)""")


class Refused(Exception):
    """The vendor says no; args are (status, code, detail, parameter)."""


def problem(status: int, code: str, detail: str, parameter: str = "") -> Response:
    where = {"parameter": parameter} if parameter else {"pointer": "/data/"}
    one = {
        "id": str(uuid4()),
        "status": status,
        "code": code,
        "title": detail.split(".")[0] + ".",
        "detail": detail,
        "source": where,
    }
    headers = {"Retry-After": "1"} if status == 429 else {}
    return Response(orjson.dumps({"errors": [one]}), status, headers, "application/vnd.api+json")


def error(kind: str) -> Response:
    return problem(*ERRORS[kind])


def spoil(kind: str, body: bytes) -> bytes:
    """In the first row a moment that is none, or in every row `id` under another name."""
    found = orjson.loads(body)
    rows = found.get("data") or []
    for row in rows[:1] if kind == "malformed_row" else rows:
        if kind == "malformed_row":
            moment = next(
                (k for k in ("datetime", "updated", "created", "updated_at") if k in row.get("attributes", {})), None
            )
            row["attributes"] |= {moment: "yesterday"} if moment else {}
        else:
            row["key"] = row.pop("id", None)
    return orjson.dumps(found)


def _environment(url: str) -> dict[str, str]:
    """No key: a company sends its mails by one system, and the demo's is Mailchimp. Both show the same mails."""
    return {"SOURCES__KLAVIYO__BASE_URL": f"{url}/klaviyo/api/"}


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    calls: dict[str, deque[float]] = defaultdict(deque)
    lock = threading.Lock()

    def throttled(family: str) -> bool:
        now = time.monotonic()
        with lock:
            recent = calls[family]
            while recent and now - recent[0] > 1:
                recent.popleft()
            recent.append(now)
            return len(recent) > BURST.get(family, 75)

    def route(path: str, answer: Callable[[Request], Any]) -> Route:
        family = path.split("/")[1]

        def serve(request: Request) -> Response:
            try:
                if request.headers.get("Authorization") not in (f"Klaviyo-API-Key {API_KEY}", f"Bearer {API_KEY}"):
                    return error("expired_token")
                if request.headers.get("revision") not in REVISIONS:
                    raise Refused(
                        400, "invalid", f"Send the header revision, one of {', '.join(REVISIONS)}.", "revision"
                    )
                if family in OTHER_SHAPES and request.headers["revision"] != REVISIONS[0]:
                    raise Refused(
                        400, "invalid", f"The sandbox serves {family} as of {REVISIONS[0]} alone.", "revision"
                    )
                if throttled(family):
                    return error("rate_limit")
                ready(desk)
                return Response(orjson.dumps(answer(request)), media_type="application/vnd.api+json")
            except Refused as e:
                return problem(*e.args)

        return Route(f"/api{path}", serve)

    def collection(name: str, where: str = "", parameter: str = "") -> Callable[[Request], Any]:
        def answer(request: Request) -> Any:
            return _collection(desk, name, request, where, {"of": request.path_params[parameter]} if parameter else {})

        return answer

    def list_profiles(request: Request) -> Any:
        if request.path_params["id"] != LIST_ID:
            raise Refused(404, "not_found", "Not found. A list with this id does not exist.")
        return _collection(desk, "list-profiles", request, "", {})

    handlers = {
        "/accounts": collection("accounts"),
        "/metrics": collection("metrics"),
        "/events": collection("events"),
        "/profiles": collection("profiles"),
        "/lists": collection("lists"),
        "/lists/{id}/profiles": list_profiles,
        "/flows": collection("flows"),
        "/flows/{id}/flow-actions": collection("flow-actions", "flow_id = $of", "id"),
        "/flow-actions/{id}/flow-messages": collection("flow-messages", "action_id = $of", "id"),
        "/campaigns": collection("campaigns"),
    }
    # the vendor's client writes a path with or without a slash at its end
    return [route(path + slash, answer) for path, answer in handlers.items() for slash in ("", "/")]


def _collection(desk: Desk, name: str, request: Request, where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a resource. Raises Refused for what the vendor does not know."""
    resource, asked = RESOURCES[name], dict(request.query_params)
    known = {"filter", "sort", "include", "page[cursor]", *(("page[size]",) if resource.sizes[1] else ())}
    known |= {f"fields[{r.type}]" for r in RESOURCES.values()}
    known |= {f"additional-fields[{resource.type}]"} if resource.additional else set()
    if unknown := sorted(set(asked) - known):
        raise Refused(400, "invalid", f"'{unknown[0]}' is not a valid query parameter.", unknown[0])
    fields = _fields(resource, asked)
    condition, used = _filtered(resource, asked.get("filter", ""))
    conditions = [c for c in (where, condition) if c]
    order = _sorted(resource, asked.get("sort", ""))
    size, first = _size(resource, asked.get("page[size]")), _first(asked.get("page[cursor]", ""))
    attributes = ", ".join(f'"{f}" := {resource.attributes[f]}' for f in fields)
    related = "".join(f', {sql} as "r_{n}"' for n, (_, sql) in resource.relationships.items())
    source = resource.source.replace("$now", f"timestamptz '{desk.clock.isoformat()} 00:00:00+00'")
    sql = f"""select id, {f"struct_pack({attributes})" if attributes else "null"} as attributes{related} from {source}
        {"where " + " and ".join(conditions) if conditions else ""} order by {order} limit {size + 1} offset {first}"""
    rows = desk.rows(sql, {**values, **used})
    base = str(request.url).split("?")[0]

    def link(start: int) -> str:
        cursor = base64.urlsafe_b64encode(f"at::{start:06d}".encode()).decode().rstrip("=")
        return f"{base}?{urlencode({**asked, 'page[cursor]': cursor})}"

    data = [_resource(resource, row, base) for row in rows[:size]]
    body: dict[str, Any] = {"data": data}
    if asked.get("include"):
        body["included"] = _included(desk, asked, resource, data, base)
    body["links"] = {"self": str(request.url), "next": link(first + size) if len(rows) > size else None, "prev": None}
    return body


def _resource(resource: Resource, row: Mapping[str, Any], base: str) -> dict[str, Any]:
    itself = f"{base.split('/api/')[0]}/api/{resource.type}s/{row['id']}/"
    found: dict[str, Any] = {"type": resource.type, "id": row["id"], "attributes": row["attributes"] or {}}
    if found["attributes"].get("event_properties"):  # the vendor leaves out what an event does not have
        kept = {k: v for k, v in found["attributes"]["event_properties"].items() if v is not None}
        found["attributes"] = {**found["attributes"], "event_properties": kept}
    relationships = {}
    for name, (kind, _) in resource.relationships.items():
        one: Any = {"type": kind, "id": row[f"r_{name}"]}
        links = {"self": f"{itself}relationships/{name}/", "related": f"{itself}{name}/"}
        relationships[name] = {"data": [one] if name.endswith("s") else one, "links": links}
    return found | ({"relationships": relationships} if relationships else {}) | {"links": {"self": itself}}


def _included(desk: Desk, asked: Mapping[str, str], resource: Resource, data: list[Any], base: str) -> list[Any]:
    found = []
    for name in asked["include"].split(","):
        if name not in resource.relationships:
            raise Refused(400, "invalid", f"'{name}' is not a valid relationship.", "include")
        kind = resource.relationships[name][0]
        other = next(r for r in RESOURCES.values() if r.type == kind)
        linked = [d["relationships"][name]["data"] for d in data]
        ids = {r["id"] for one in linked for r in (one if isinstance(one, list) else [one])}
        attributes = ", ".join(f'"{f}" := {other.attributes[f]}' for f in _fields(other, asked))
        sql = f"select id, struct_pack({attributes}) as attributes from {other.source} where list_contains($ids, id) order by id"
        found += [_resource(other, {**row, **dict.fromkeys(f"r_{n}" for n in other.relationships)}, base) | {"relationships": {}}
                  for row in desk.rows(sql, {"ids": sorted(ids)})]  # fmt: skip
    return found


def _fields(resource: Resource, asked: Mapping[str, str]) -> list[str]:
    """The attributes wanted: those of fields[..] (subscriptions.email and the like mean the whole), else all but the additional ones."""
    usual = [a for a in resource.attributes if a not in resource.additional]
    wanted = [f.split(".")[0] for f in asked.get(f"fields[{resource.type}]", "").split(",") if f]
    if unknown := [f for f in wanted if f not in resource.attributes and f not in resource.additional]:
        raise Refused(
            400,
            "invalid",
            f"'{unknown[0]}' is not a valid field for the resource '{resource.type}'.",
            f"fields[{resource.type}]",
        )
    more = [f for f in asked.get(f"additional-fields[{resource.type}]", "").split(",") if f in resource.attributes]
    return list(dict.fromkeys([*(wanted or usual), *more]))


def _filtered(resource: Resource, text: str) -> tuple[str, dict[str, Any]]:
    """`equals(metric_id,"X"),greater-than(updated,2026-11-01T00:00:00Z)`, with or without and(..) around -> SQL, values."""
    inner = re.sub(r"^and\((.*)\)$", r"\1", text.strip())
    terms = _TERM.findall(inner)
    if ",".join(f"{o}({f},{v})" for o, f, v in terms) != inner.replace("),  ", "),").replace("), ", "),"):
        raise Refused(400, "invalid", f"Invalid filter provided. '{text}' cannot be read.", "filter")
    conditions, values = [], {}
    for n, (operator, name, value) in enumerate(terms):
        if operator not in resource.filters.get(name, ()):
            raise Refused(
                400, "invalid", f"Invalid filter provided. '{operator}' cannot be used on '{name}'.", "filter"
            )
        plain = value.strip("\"'")
        if name in ("messages.channel", "archived", "status") or name.startswith("integration."):
            held = {
                "messages.channel": "email",
                "archived": "false",
                "status": resource.attributes.get("status", "").strip("'"),
            }
            conditions.append("true" if held.get(name) == plain else "false")
            continue
        if operator == "equals":
            values[f"v{n}"] = plain
        else:
            try:
                values[f"v{n}"] = datetime.fromisoformat(plain.replace(" ", "+"))
            except ValueError:
                raise Refused(
                    400, "invalid", f"Invalid filter provided. '{value}' is no date and time.", "filter"
                ) from None
        conditions.append(f"{'datetime' if name == 'timestamp' else name} {_SIGNS[operator]} $v{n}")
    if resource.required_filter and resource.required_filter not in [name for _, name, _ in terms]:
        raise Refused(400, "invalid", f"A filter on '{resource.required_filter}' is required.", "filter")
    return " and ".join(conditions), values


def _sorted(resource: Resource, text: str) -> str:
    if not text:
        return resource.order
    name = text.removeprefix("-")
    if name not in resource.sorts:
        raise Refused(400, "invalid", f"'{text}' is not a valid sort.", "sort")
    column = {
        "timestamp": "datetime",
        "created_at": "first_sent_at",
        "updated_at": "first_sent_at",
        "scheduled_at": "first_sent_at",
    }
    return f"{column.get(name, name)}{' desc' if text[0] == '-' else ''}, id"


def _size(resource: Resource, text: str | None) -> int:
    usual, most = resource.sizes
    if text is None:
        return usual or 1000
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise Refused(400, "invalid", f"Page size must be an integer between 1 and {most}.", "page[size]")
    return int(text)


def _first(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().removeprefix("at::"))
    except ValueError:
        raise Refused(400, "invalid", "Invalid cursor.", "page[cursor]") from None


VENDOR = Vendor("klaviyo", _routes, error, spoil, _environment)
