"""Pipedrive: persons, organizations, deals, activities, stages and pipelines of API v2; users, leads, changelogs, participants and
recents of v1, which have no successor.

Read only. Won and lost are a deal's status, not stages. Not served, and 404: products, notes, files, projects, search, OAuth, writes.
Buying role and source are the company's own fields of a person, as companies make them: `ROLE_FIELD` and `SOURCE_FIELD`.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Meter, Vendor, json_response
from ingestion.sandbox.server.vendors._crm import Crm, crm_of
from ingestion.sandbox.server.vendors.pipedrive.records import (
    ROLE_FIELD,
    ROWS,
    SOURCE_FIELD,
    deal_changes,
    deal_row,
    first_of,
    is_told,
    old_stamp,
    stamp,
)

TOKEN = "sandbox-pipedrive-token"
# What Pipedrive allows; tests lower it. `burst` is calls and seconds, `budget` the calls of a day.
LIMITS: dict[str, Any] = {"page": 500, "burst": (100, 2.0), "budget": 250_000}
_V2 = {"limit", "cursor", "updated_since", "updated_until", "sort_by", "sort_direction", "ids", "owner_id", "custom_fields",
       "include_fields", "filter_id"}  # fmt: skip
_MORE = {
    "persons": {"org_id", "deal_id"}, "organizations": set(), "deals": {"person_id", "org_id", "pipeline_id", "stage_id", "status"},
    "activities": {"deal_id", "lead_id", "person_id", "org_id", "done"}, "stages": {"pipeline_id"}, "pipelines": set(),
}  # fmt: skip


class Refused(Exception):
    """Pipedrive says no; args are (HTTP status, message)."""


def refusal(status: int, message: str, info: str = "", headers: Mapping[str, str] | None = None) -> Response:
    body = {
        "success": False,
        "error": message,
        "error_info": info or "Please check developers.pipedrive.com",
        "data": None,
    }
    return json_response(body | {"additional_data": None, "errorCode": status}, status, headers)


METER = Meter()
Answer = Callable[[Crm, Request], Any]


def _count() -> tuple[bool, dict[str, str]]:
    """(whether a limit is reached, the headers of every answer)."""
    most, seconds = LIMITS["burst"]
    reached, left, left_today = METER.count(most, seconds, LIMITS["budget"])
    return bool(reached), {
        "x-ratelimit-limit": str(most),
        "x-ratelimit-remaining": str(left),
        "x-ratelimit-reset": str(max(1, round(seconds))),
        "x-daily-ratelimit-token-remaining": str(left_today),
    }


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    def served(answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("x-api-token") != TOKEN:
                return refusal(401, "unauthorized access", "You need to be authorized to make this request.")
            over, headers = _count()
            if over:
                return refusal(429, "request over limit", "", headers)
            try:
                return json_response(
                    await run_in_threadpool(lambda: answer(crm_of(desk, new_ids=False), request)), 200, headers
                )
            except Refused as e:
                return refusal(e.args[0], e.args[1], "", headers)

        return endpoint

    v2 = [Route(f"/api/v2/{name}", served(_listed(name))) for name in ROWS]
    one = [Route(f"/api/v2/{name}/{{id:int}}", served(_one(name))) for name in ("persons", "organizations", "deals")]
    routes: list[BaseRoute] = [
        Route("/api/v2/deals/archived", served(lambda crm, request: _page_v2(request, [], "deals")))
    ]
    for base in ("/v1", "/api/v1"):
        routes += [
            Route(f"{base}/users", served(_users)),
            Route(f"{base}/leads", served(_leads)),
            Route(f"{base}/leads/archived", served(lambda crm, request: _page_v1(request, [], set()))),
            Route(f"{base}/leadLabels", served(_lead_labels)),
            Route(f"{base}/recents", served(_recents)),
            Route(f"{base}/deals/{{id:int}}/changelog", served(_changelog)),
            Route(f"{base}/deals/{{id:int}}/participants", served(_participants)),
        ]
    return [*routes, *v2, *one]


# --- lists ---------------------------------------------------------------------------------------------------------
def _listed(name: str) -> Answer:
    def answer(crm: Crm, request: Request) -> Any:
        asked = request.query_params
        rows = ROWS[name](crm)
        if name == "deals":
            statuses = [s for s in asked.get("status", "").split(",") if s]
            if unknown := sorted(set(statuses) - {"open", "won", "lost", "deleted"}):
                raise Refused(400, f"Validation failed: status: Invalid value {unknown[0]}")
            if "deleted" in statuses:
                rows += [deal_row(t, crm) for t in crm.binned("deal") if is_told(t, crm)]
            rows = [r for r in rows if not statuses or r["status"] in statuses]
        return _page_v2(request, rows, name)

    return answer


def _page_v2(request: Request, rows: list[dict[str, Any]], name: str) -> Any:
    asked = request.query_params
    known = (
        _V2 | _MORE[name]
        if name not in ("stages", "pipelines")
        else {"limit", "cursor", "sort_by", "sort_direction"} | _MORE[name]
    )
    if unknown := sorted(set(asked) - known):
        raise Refused(400, f"Validation failed: {unknown[0]}: Unknown parameter")
    since, until = _moment(asked, "updated_since"), _moment(asked, "updated_until")
    rows = [r for r in rows if (not since or r["update_time"] >= since) and (not until or r["update_time"] < until)]
    for field in ("ids", "owner_id", "org_id", "person_id", "pipeline_id", "stage_id", "deal_id"):
        if field in asked and field != "deal_id":
            wanted = {int(v) for v in asked[field].split(",")}
            rows = [r for r in rows if r["id" if field == "ids" else field] in wanted]
    by = asked.get("sort_by", "id")
    if by not in ("id", "add_time", "update_time", "due_date", "order_nr"):
        raise Refused(400, f"Validation failed: sort_by: Invalid value {by}")
    rows = sorted(rows, key=lambda r: (r[by], r["id"]), reverse=asked.get("sort_direction") == "desc")
    limit = _limit(asked.get("limit"), LIMITS["page"])
    first = 0
    if cursor := asked.get("cursor"):
        try:
            last = int(base64.b64decode(cursor).decode().removeprefix("after:"))
        except ValueError:
            raise Refused(400, "Validation failed: cursor: Invalid cursor") from None
        ids = [r["id"] for r in rows]
        first = ids.index(last) + 1 if last in ids else sum(i <= last for i in ids)
    page = rows[first : first + limit]
    more = first + limit < len(rows)
    following = base64.b64encode(f"after:{page[-1]['id']}".encode()).decode() if more else None
    return {"success": True, "data": page, "additional_data": {"next_cursor": following}}


def _moment(asked: Mapping[str, str], name: str) -> str:
    if not (value := asked.get(name)):
        return ""
    try:
        return stamp(datetime.fromisoformat(value.replace("Z", "+00:00")))
    except ValueError:
        raise Refused(400, f"Validation failed: {name}: Invalid date, RFC3339 is expected") from None


def _limit(value: str | None, most: int, usual: int = 100) -> int:
    limit = int(value) if value and value.isdigit() else min(usual, most)
    if not 1 <= limit <= most:
        raise Refused(400, f"Validation failed: limit: Must be from 1 to {most}")
    return limit


def _page_v1(request: Request, rows: list[dict[str, Any]], known: set[str]) -> Any:
    asked = request.query_params
    if unknown := sorted(set(asked) - known - {"start", "limit"}):
        raise Refused(400, f"Unknown parameter {unknown[0]}")
    start, limit = int(asked.get("start", 0)), _limit(asked.get("limit"), LIMITS["page"])
    more = start + limit < len(rows)
    paging: dict[str, Any] = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        paging["next_start"] = start + limit
    return {"success": True, "data": rows[start : start + limit] or None, "additional_data": {"pagination": paging}}


def _one(name: str) -> Answer:
    def answer(crm: Crm, request: Request) -> Any:
        for row in ROWS[name](crm):
            if row["id"] == request.path_params["id"]:
                return {"success": True, "data": row}
        raise Refused(404, f"{name.removesuffix('s').capitalize()} not found")

    return answer


# --- v1 ------------------------------------------------------------------------------------------------------------
def _users(crm: Crm, request: Request) -> Any:
    rows = [
        {
            "id": o["id"], "name": o["name"], "email": o["email"], "active_flag": True, "is_deleted": False, "default_currency": "NOK",
            "timezone_name": "Europe/Oslo", "created": old_stamp(crm.first), "modified": old_stamp(crm.first),
        }
        for o in crm.owners
    ]  # fmt: skip
    return {"success": True, "data": rows}


def _lead_labels(crm: Crm, request: Request) -> Any:
    at = {"add_time": stamp(crm.first), "update_time": stamp(crm.first)}
    return {"success": True, "data": [{"id": str(uuid.UUID(int=1)), "name": "Varm", "color": "yellow", **at}]}


def _leads(crm: Crm, request: Request) -> Any:
    """Contacts that came as leads and are in no deal yet."""
    rows = []
    for contact in crm.live("contact"):
        came = [at for at, stage, _ in contact.history.get("lifecycle", []) if stage == "lead"]
        if came and not contact.links.get("deal"):
            is_warm = crm.chance("warm", contact.id) < 0.5
            rows.append(
                {
                    "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"lead/{contact.id}")), "title": f"Lead {contact.get('first_name')}",
                    "owner_id": contact.get("owner") or 101, "creator_id": 101,
                    "label_ids": [str(uuid.UUID(int=1))] if is_warm else [],
                    "person_id": contact.id, "organization_id": first_of(contact.links.get("company")), "source_name": "API",
                    "origin": "API", "origin_id": None, "channel": None, "channel_id": None, "source_deal_id": None,
                    "is_archived": False, "was_seen": True, "value": None, "expected_close_date": None,
                    "next_activity_id": None, "add_time": stamp(came[0]), "update_time": stamp(contact.modified), "visible_to": "3",
                    "cc_email": "",
                }
            )  # fmt: skip
    known = {"owner_id", "person_id", "organization_id", "filter_id", "updated_since", "sort"}
    return _page_v1(request, rows, known)


def _recents(crm: Crm, request: Request) -> Any:
    """What changed, deleted records (active_flag false) and merges (merge_what_id on the survivor) among it."""
    asked = request.query_params
    if not (since := asked.get("since_timestamp")):
        raise Refused(400, "since_timestamp is required")
    items = [i for i in asked.get("items", "").split(",") if i]
    kinds = {"person": ("contact",), "organization": ("company",), "deal": ("deal",), "activity": ("call", "meeting")}
    if unknown := sorted(set(items) - set(kinds)):
        raise Refused(400, f"Invalid item type {unknown[0]}")
    rows: list[tuple[str, dict[str, Any]]] = []
    merged = {gone: (stays, at) for gone, stays, at in crm.merges}
    for item in items or kinds:
        for kind in kinds[item]:
            for t in [*crm.live(kind), *(b for b in crm.binned(kind) if is_told(b, crm))]:
                data = {"id": t.id, "active_flag": t.archived_at is None, "update_time": old_stamp(t.modified)}
                if t.merged:
                    data["merge_what_id"] = t.merged[-1]
                rows.append((old_stamp(t.modified), {"item": item, "id": t.id, "data": data}))
        if item == "person":
            for gone, (_, at) in merged.items():
                data = {"id": gone, "active_flag": False, "update_time": old_stamp(at)}
                rows.append((old_stamp(at), {"item": item, "id": gone, "data": data}))
    found = [row for at, row in sorted(rows, key=lambda r: (r[0], r[1]["id"])) if at >= since]
    return _page_v1(request, found, {"since_timestamp", "items"})


def _changelog(crm: Crm, request: Request) -> Any:
    deal = crm.things["deal"].get(request.path_params["id"])
    if deal is None or deal.archived_at:
        raise Refused(404, "Deal not found")
    if unknown := sorted(set(request.query_params) - {"cursor", "limit"}):
        raise Refused(400, f"Unknown parameter {unknown[0]}")
    rows = deal_changes(deal)
    limit = _limit(request.query_params.get("limit"), LIMITS["page"])
    first = int(request.query_params.get("cursor") or 0)
    following = {"next_cursor": str(first + limit)} if first + limit < len(rows) else {}
    return {"success": True, "data": rows[first : first + limit], "additional_data": following}


def _participants(crm: Crm, request: Request) -> Any:
    deal = crm.things["deal"].get(request.path_params["id"])
    if deal is None or deal.archived_at:
        raise Refused(404, "Deal not found")
    rows = [
        {
            "id": deal.id * 100 + n, "person_id": {"value": p, "name": crm.things["contact"][p].get("first_name"), "active_flag": True},
            "add_time": old_stamp(deal.created), "active_flag": True, "related_item_type": "deal", "related_item_id": deal.id,
        }
        for n, p in enumerate(sorted(deal.links.get("contact", {})))
        if p in crm.things["contact"]
    ]  # fmt: skip
    return _page_v1(request, rows, set())


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        headers = {"x-ratelimit-reset": "1", "x-ratelimit-remaining": "0", "x-daily-ratelimit-token-remaining": "9000"}
        return refusal(429, "request over limit", "", headers)
    if kind == "expired_token":
        return refusal(401, "unauthorized access", "You need to be authorized to make this request.")
    return refusal(500, "Internal error")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first record was changed on a day that never was; schema_change: update_time has another name."""
    if kind == "malformed_row":
        return re.sub(rb'"update_time":"[^"]+"', b'"update_time":"2026-02-31"', body, count=1)
    return body.replace(b'"update_time":', b'"updated":')


def _environment(url: str) -> Mapping[str, str]:
    values = {
        "BASE_URL": f"{url}/pipedrive",
        "API_TOKEN": TOKEN,
        "BUYING_ROLE_FIELD": ROLE_FIELD,
        "SOURCE_FIELD": SOURCE_FIELD,
    }
    return {f"SOURCES__PIPEDRIVE__{k}": v for k, v in values.items()}


VENDOR = Vendor("pipedrive", _routes, _error, _spoil, _environment, in_demo=False)
