"""HubSpot: CRM objects, search, batch reads, associations, owners, pipelines, forms and marketing events.

Objects and associations answer under their dated paths (2026-03) and under v3 and v4, as HubSpot's own client still asks; the rest
under v3, submissions of forms under v1. Read only. Not served, and 404: tickets, notes, e-mails, tasks, lists, writes.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors._crm import Crm, Thing, crm_of
from ingestion.sandbox.server.vendors.hubspot.objects import (
    PIPELINE,
    PROPERTIES,
    ROLES,
    STAGES,
    TYPES,
    as_object,
    association_types,
    properties,
    stamp,
)  # fmt: skip

TOKENS = Tokens("sandbox-hubspot-client", "sandbox-hubspot-secret", "sandbox-hubspot-refresh")
PRIVATE_APP = "pat-eu1-sandbox-0000-private-app"
PORTAL = 26_811_404
FORM = "6f1d3c52-0f6a-4d0b-9a5e-2b8f3f1a7c10"
# What HubSpot allows; tests lower it. `burst` is calls and seconds of a private app, `search` those of the search alone.
LIMITS: dict[str, Any] = {
    "list": 100, "with_history": 50, "search": 200, "ceiling": 10_000, "batch": 100, "associations": 1000,
    "associations_page": 500, "burst": (190, 10.0), "daily": 250_000,
}  # fmt: skip
_LIST_PARAMETERS = {"limit", "after", "properties", "propertiesWithHistory", "associations", "archived"}
_OPERATORS = ("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "BETWEEN")
_TEXTS = ("IN", "NOT_IN", "EQ", "NEQ")


class Refused(Exception):
    """HubSpot says no; args are (HTTP status, category, message) and what else its envelope holds."""


def refusal(
    status: int, category: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category, **more}
    return json_response(body, status, headers)


class Meter:
    """Counts calls as HubSpot does: so many within some seconds, so many a day."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._today = 0
        self._lock = threading.Lock()

    def reset(self) -> None:
        with self._lock:
            self._recent.clear()
            self._today = 0

    def count(self) -> tuple[str, dict[str, str]]:
        """(the policy that is broken, "" for none; the headers of every answer)."""
        most, seconds = LIMITS["burst"]
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] < now - seconds:
                self._recent.popleft()
            broken = ""
            if self._today >= LIMITS["daily"]:
                broken = "DAILY"
            elif len(self._recent) >= most:
                broken = "TEN_SECONDLY_ROLLING"
            else:
                self._recent.append(now)
                self._today += 1
            return broken, {
                "X-HubSpot-RateLimit-Daily": str(LIMITS["daily"]),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, LIMITS["daily"] - self._today)),
                "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(seconds * 1000)),
                "X-HubSpot-RateLimit-Max": str(most),
                "X-HubSpot-RateLimit-Remaining": str(most - len(self._recent)),
            }


METER = Meter()
Answer = Callable[[Crm, Request, Any], Any]


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def served(answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if refused := _sign_in(request):
                return refused
            broken, headers = METER.count()
            if broken:
                which = "daily" if broken == "DAILY" else "ten_secondly_rolling"
                return refusal(
                    429, "RATE_LIMITS", f"You have reached your {which} limit.", headers,
                    errorType="RATE_LIMIT", policyName=broken,
                )  # fmt: skip
            try:
                body = orjson.loads(await request.body()) if request.method == "POST" else {}
                if not isinstance(body, dict):
                    raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON on line 1, column 1")
                found = await run_in_threadpool(lambda: answer(crm_of(desk, new_ids=True), request, body))
            except orjson.JSONDecodeError:
                return refusal(400, "VALIDATION_ERROR", "Invalid input JSON on line 1, column 1", headers)
            except Refused as e:
                status, category, message, *more = e.args
                return refusal(status, category, message, headers, **(more[0] if more else {}))
            return json_response(found, 207 if found.get("errors") else 200, headers)

        return endpoint

    get, post = ["GET"], ["POST"]
    routes: list[BaseRoute] = [
        Route(f"/oauth/{v}/token", token, methods=post) for v in ("v1", "v3", "2026-03")
    ]  # fmt: skip
    for base in ("/crm/v3/objects", "/crm/objects/2026-03"):
        routes += [
            Route(f"{base}/{{type}}", served(_list), methods=get),
            Route(f"{base}/{{type}}/search", served(_search), methods=post),
            Route(f"{base}/{{type}}/batch/read", served(_batch), methods=post),
            Route(f"{base}/{{type}}/{{id}}", served(_one), methods=get),
        ]
    for base in ("/crm/v4/associations", "/crm/associations/2026-03"):
        routes += [
            Route(f"{base}/{{type}}/{{other}}/batch/read", served(_associations), methods=post),
            Route(f"{base}/{{type}}/{{other}}/labels", served(_labels), methods=get),
        ]
    return [
        *routes,
        Route("/crm/v3/owners", served(_owners), methods=get),
        Route("/crm/v3/owners/", served(_owners), methods=get),
        Route("/crm/v3/pipelines/{type}", served(_pipelines), methods=get),
        Route("/account-info/v3/details", served(_account), methods=get),
        Route("/marketing/v3/forms", served(_forms), methods=get),
        Route("/marketing/v3/forms/", served(_forms), methods=get),
        Route("/form-integrations/v1/submissions/forms/{form}", served(_submissions), methods=get),
        Route("/marketing/v3/marketing-events", served(_events), methods=get),
        Route("/marketing/v3/marketing-events/", served(_events), methods=get),
        Route("/marketing/v3/marketing-events/participations/{event}/breakdown", served(_participations), methods=get),
    ]


def _sign_in(request: Request) -> Response | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (token == PRIVATE_APP or TOKENS.accepts(token)):
        return None
    return refusal(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
        "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    )


def _kind(request: Request, name: str = "type") -> str:
    given = request.path_params[name]
    kind = TYPES.get(given) or (given if given in TYPES.values() else "")
    if not kind:
        raise Refused(400, "VALIDATION_ERROR", f"Unable to infer object type from: {given}")
    return kind


def _asked(request: Request, known: set[str]) -> dict[str, list[str]]:
    """The parameters, each as a list: clients repeat them or put commas between."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise Refused(400, "VALIDATION_ERROR", f"Unknown query parameter: {name}")
        found.setdefault(name, []).extend(v for v in value.split(",") if v)
    return found


def _first(asked: Mapping[str, list[str]], name: str, usual: str = "") -> str:
    return (asked.get(name) or [usual])[0]


def _number(value: Any, name: str, usual: int, most: int) -> int:
    try:
        number = int(usual if value in (None, "") else value)
    except (TypeError, ValueError):
        raise Refused(400, "VALIDATION_ERROR", f"Invalid integer value: {value} for {name}") from None
    if not 0 <= number <= most:
        raise Refused(400, "VALIDATION_ERROR", f"{name} may not be larger than {most}: {number}")
    return number


def _page(rows: list[Any], ids: list[str], asked: Mapping[str, list[str]], usual: int, most: int, link: str) -> Any:
    """The rows from the mark `after` on; the last page has no `paging`."""
    limit = _number(_first(asked, "limit"), "limit", usual, most)
    after = _first(asked, "after", "")
    if after and after not in ids:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid paging token: {after}")
    first = ids.index(after) if after else 0
    answer: dict[str, Any] = {"results": rows[first : first + limit]}
    if first + limit < len(rows):
        mark = ids[first + limit]
        answer["paging"] = {"next": {"after": mark, "link": f"{link}?after={mark}"}}
    return answer


def _list(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = _kind(request), _asked(request, _LIST_PARAMETERS)
    archived = _first(asked, "archived", "false").lower() == "true"
    historical = asked.get("propertiesWithHistory", [])
    if archived and historical:
        raise Refused(400, "VALIDATION_ERROR", "propertiesWithHistory is not supported with archived=true")
    things = list(crm.binned(kind) if archived else crm.live(kind))
    most = LIMITS["with_history"] if historical else LIMITS["list"]
    limit = _number(_first(asked, "limit"), "limit", 10, most)
    after = _number(_first(asked, "after"), "after", 0, 2**63)
    # the mark is the next record's id: records that come or go meanwhile move no page
    rest = [t for t in things if t.id >= after]
    rows = [
        _with_links(crm, t, as_object(t, crm, asked.get("properties", []), historical), asked) for t in rest[:limit]
    ]
    answer: dict[str, Any] = {"results": rows}
    if len(rest) > limit:
        mark = str(rest[limit].id)
        answer["paging"] = {"next": {"after": mark, "link": f"{request.url.path}?after={mark}"}}
    return answer


def _with_links(crm: Crm, thing: Thing, row: dict[str, Any], asked: Mapping[str, list[str]]) -> dict[str, Any]:
    for name in asked.get("associations", []):
        if others := thing.links.get(TYPES.get(name, name)):
            links = [{"id": str(i), "type": f"{thing.kind}_to_{TYPES.get(name, name)}"} for i in sorted(others)]
            row.setdefault("associations", {})[name] = {"results": links}
    return row


def _found(crm: Crm, kind: str, number: str) -> Thing | None:
    """A record by its id, or by an id that was merged into it."""
    try:
        wanted = int(number)
    except ValueError:
        return None
    things = crm.things[kind]
    return things.get(wanted) or next((t for t in things.values() if wanted in t.merged), None)


def _one(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = _kind(request), _asked(request, _LIST_PARAMETERS | {"idProperty"})
    archived = _first(asked, "archived", "false").lower() == "true"
    thing = _found(crm, kind, request.path_params["id"])
    if thing is None or bool(thing.archived_at) != archived:
        raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
    row = as_object(thing, crm, asked.get("properties", []), asked.get("propertiesWithHistory", []))
    return _with_links(crm, thing, row, asked)


def _fields(body: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise Refused(
            400, "VALIDATION_ERROR", f'Invalid input JSON on line 1, column 2: Unrecognized field "{unknown[0]}"'
        )


def _search(crm: Crm, request: Request, body: Any) -> Any:
    kind = _kind(request)
    _fields(body, {"filterGroups", "sorts", "query", "properties", "limit", "after"})
    groups, sorts = body.get("filterGroups") or [], body.get("sorts") or []
    if len(groups) > 5 or any(len(g.get("filters") or []) > 6 for g in groups):
        raise Refused(400, "VALIDATION_ERROR", "At most 5 filterGroups with 6 filters each are supported")
    if len(sorts) > 1:
        raise Refused(400, "VALIDATION_ERROR", "Only one sort is supported")
    limit = _number(body.get("limit"), "limit", 10, LIMITS["search"])
    after = _number(body.get("after") or None, "after", 0, 2**31)
    if after + limit > LIMITS["ceiling"]:
        raise Refused(400, "VALIDATION_ERROR", f"Paging through more than {LIMITS['ceiling']} results is not supported")
    rows = [(t, properties(t, crm)) for t in crm.live(kind)]
    tests = [[_test(kind, f) for f in g.get("filters") or []] for g in groups]
    if tests:
        rows = [(t, has) for t, has in rows if any(all(test(has) for test in group) for group in tests)]
    if text := body.get("query"):
        rows = [(t, has) for t, has in rows if any(str(text).lower() in str(v).lower() for v in has.values())]
    for sort in sorts:
        name = sort["propertyName"] if isinstance(sort, dict) else str(sort)
        _known(kind, name)
        backwards = isinstance(sort, dict) and sort.get("direction") == "DESCENDING"
        rows.sort(key=lambda r: _comparable(r[1].get(name)), reverse=backwards)
    found = [as_object(t, crm, body.get("properties") or []) for t, _ in rows[after : after + limit]]
    answer: dict[str, Any] = {"total": len(rows), "results": found}
    if after + limit < len(rows):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return answer


def _known(kind: str, name: Any) -> None:
    if name not in PROPERTIES[kind]:
        raise Refused(
            400, "VALIDATION_ERROR", "There was a problem with the request.",
            {"errors": [{"message": f"{name} is not a known property of {kind}", "code": "INVALID_PROPERTY"}]},
        )  # fmt: skip


def _comparable(value: Any) -> tuple[int, float, str]:
    """Nothing first, then numbers and moments by size, then texts."""
    if value is None:
        return 0, 0.0, ""
    text = str(value)
    try:
        return 1, float(text), ""
    except ValueError:
        pass
    try:
        return 1, datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000, ""
    except ValueError:
        return 2, 0.0, text.lower()


def _test(kind: str, one: Mapping[str, Any]) -> Callable[[Mapping[str, str]], bool]:
    """A filter; dates are compared as milliseconds, in whichever way they are written."""
    _fields(one, {"propertyName", "operator", "value", "values", "highValue"})
    name, operator = one.get("propertyName"), one.get("operator")
    _known(kind, name)
    if operator not in _OPERATORS:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid operator {operator}")
    assert isinstance(name, str)
    wanted = _comparable(one.get("value"))
    several = {_comparable(v) for v in one.get("values") or []}

    def test(has: Mapping[str, str]) -> bool:
        value = has.get(name)
        if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
            return bool((value is not None) == (operator == "HAS_PROPERTY"))
        if value is None:
            return bool(operator in ("NEQ", "NOT_IN"))
        mine = _comparable(value)
        found: dict[str, bool] = {
            "EQ": mine == wanted, "NEQ": mine != wanted, "LT": mine < wanted, "LTE": mine <= wanted, "GT": mine > wanted,
            "GTE": mine >= wanted, "IN": mine in several, "NOT_IN": mine not in several,
            "BETWEEN": wanted <= mine <= _comparable(one.get("highValue")),
        }  # fmt: skip
        return found[str(operator)]

    return test


def _batch(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = _kind(request), _asked(request, {"archived"})
    _fields(body, {"properties", "propertiesWithHistory", "idProperty", "inputs"})
    historical = body.get("propertiesWithHistory") or []
    inputs = body.get("inputs") or []
    most = LIMITS["with_history"] if historical else LIMITS["batch"]
    if len(inputs) > most:
        raise Refused(400, "VALIDATION_ERROR", f"The maximum number of inputs supported in a batch request is {most}")
    archived = _first(asked, "archived", "false").lower() == "true"
    results, missing = [], []
    for one in inputs:
        thing = _found(crm, kind, str(one.get("id")))
        if thing is None or bool(thing.archived_at) != archived:
            missing.append(str(one.get("id")))
        else:
            results.append(as_object(thing, crm, body.get("properties") or [], historical))
    answer: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": stamp(crm.at),
        "completedAt": stamp(crm.at),
    }
    if missing:
        error = {
            "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects", "context": {"ids": missing},
        }  # fmt: skip
        answer |= {"numErrors": 1, "errors": [error]}
    return answer


def _associations(crm: Crm, request: Request, body: Any) -> Any:
    kind, other = _kind(request), _kind(request, "other")
    _asked(request, set())
    _fields(body, {"inputs"})
    inputs = body.get("inputs") or []
    if len(inputs) > LIMITS["associations"]:
        raise Refused(400, "VALIDATION_ERROR", f"At most {LIMITS['associations']} inputs are supported")
    dated = "2026-03" in request.url.path  # v4 gives ids as numbers
    results, errors = [], []
    for one in inputs:
        thing = _found(crm, kind, str(one.get("id")))
        others = sorted((thing.links.get(other) or {}).items()) if thing else []
        first = _number(one.get("after") or None, "after", 0, 2**31)
        page = others[first : first + LIMITS["associations_page"]]
        if not page:
            errors.append(
                {
                    "status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": f"No {other} is associated with {kind} {one.get('id')}.",
                    "context": {"fromObjectId": [str(one.get("id"))]},
                }
            )  # fmt: skip
            continue
        to = [
            {"toObjectId": str(i) if dated else i, "associationTypes": association_types(kind, other, labels)}
            for i, labels in page
        ]
        result: dict[str, Any] = {"from": {"id": str(one.get("id"))}, "to": to}
        if first + len(page) < len(others):
            result["paging"] = {"next": {"after": str(first + len(page))}}
        results.append(result)
    answer: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": stamp(crm.at),
        "completedAt": stamp(crm.at),
    }
    return answer | ({"numErrors": len(errors), "errors": errors} if errors else {})


def _labels(crm: Crm, request: Request, body: Any) -> Any:
    pair = {_kind(request), _kind(request, "other")}
    labels = ROLES if pair == {"deal", "contact"} else ("Primary",) if "company" in pair else ()
    return {"results": association_types(_kind(request), _kind(request, "other"), labels)}


def _owners(crm: Crm, request: Request, body: Any) -> Any:
    asked = _asked(request, {"email", "after", "limit", "archived"})
    archived = _first(asked, "archived", "false").lower() == "true"
    rows: list[dict[str, Any]] = [
        {
            "id": str(o["id"]), "email": o["email"], "firstName": o["name"].split()[0], "lastName": o["name"].split()[-1],
            "userId": o["id"], "userIdIncludingInactive": o["id"], "type": "PERSON", "archived": False,
            "createdAt": stamp(crm.first), "updatedAt": stamp(crm.first),
        }
        for o in crm.owners
        if not archived
    ]  # fmt: skip
    return _page(rows, [str(r["id"]) for r in rows], asked, 100, 500, "/crm/v3/owners")


def _pipelines(crm: Crm, request: Request, body: Any) -> Any:
    if _kind(request) != "deal":
        return {"results": []}
    at = {"createdAt": stamp(crm.first), "updatedAt": stamp(crm.first), "archived": False}
    stages = [
        {
            "id": number, "label": label, "displayOrder": order, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "metadata": {"isClosed": str(label in ("Vunnet", "Tapt")).lower(), "probability": probability}, **at,
        }
        for order, (label, (number, probability)) in enumerate(STAGES.items())
    ]  # fmt: skip
    return {"results": [{"id": PIPELINE, "label": "Salg", "displayOrder": 0, "stages": stages, **at}]}


def _account(crm: Crm, request: Request, body: Any) -> Any:
    return {
        "portalId": PORTAL, "accountType": "STANDARD", "timeZone": "Europe/Oslo", "companyCurrency": "NOK",
        "additionalCurrencies": [], "utcOffset": "+01:00", "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1",
    }  # fmt: skip


def _forms(crm: Crm, request: Request, body: Any) -> Any:
    asked = _asked(request, {"after", "limit", "archived", "formTypes"})
    if _first(asked, "archived", "false").lower() == "true":
        return {"results": []}
    row = {
        "id": FORM, "name": "Kontakt oss", "formType": "hubspot", "archived": False, "createdAt": stamp(crm.first),
        "updatedAt": stamp(crm.first), "fieldGroups": [], "configuration": {"language": "no"},
        "displayOptions": {"theme": "default_style", "submitButtonText": "Send"}, "legalConsentOptions": {"type": "none"},
    }  # fmt: skip
    return _page([row], [FORM], asked, 20, 100, "/marketing/v3/forms")


def _submissions(crm: Crm, request: Request, body: Any) -> Any:
    """Newest first."""
    if request.path_params["form"] != FORM:
        raise Refused(404, "OBJECT_NOT_FOUND", "Form not found")
    asked = _asked(request, {"after", "limit"})
    rows = [
        {
            "conversionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{crm.seed}/{f['id']}")),
            "submittedAt": int(f["at"].timestamp() * 1000),
            "values": [
                {"name": name, "value": f[ours], "objectTypeId": "0-1"}
                for name, ours in (
                    ("email", "email"),
                    ("firstname", "first_name"),
                    ("lastname", "last_name"),
                    ("phone", "phone"),
                )
                if f[ours]
            ],
            "pageUrl": f"https://www.nordlyskontor.example{f['landing_path']}",
        }
        for f in sorted(crm.forms, key=lambda f: (f["at"], f["id"]), reverse=True)
    ]
    limit = _number(_first(asked, "limit"), "limit", 20, 50)
    ids = [r["conversionId"] for r in rows]
    after = _first(asked, "after", "")
    first = ids.index(after) + 1 if after in ids else 0
    answer: dict[str, Any] = {"results": rows[first : first + limit]}
    if first + limit < len(rows):
        answer["paging"] = {"next": {"after": ids[first + limit - 1], "link": ""}}
    return answer


def _events(crm: Crm, request: Request, body: Any) -> Any:
    asked = _asked(request, {"after", "limit"})
    rows: list[dict[str, Any]] = []
    for number, at, guests in crm.webinars():
        came = [c for _, _, c in guests if c]
        rows.append(
            {
                "objectId": str(50_000_000 + number), "externalEventId": f"webinar-{number}", "eventName": f"Webinar {number}",
                "eventType": "WEBINAR", "eventStatus": "PAST" if at < crm.at else "UPCOMING", "eventOrganizer": "Nordlys Kontor",
                "eventDescription": None, "eventUrl": f"https://www.nordlyskontor.example/webinar/{number}",
                "startDateTime": stamp(at), "endDateTime": stamp(at + timedelta(hours=1)), "eventCancelled": False,
                "eventCompleted": at < crm.at, "registrants": len(guests), "attendees": len(came),
                "noShows": sum(1 for _, _, c in guests if c is False), "cancellations": 0,
                "appInfo": {"id": "1", "name": "webinars"}, "customProperties": [],
                "createdAt": stamp(at - timedelta(days=20)), "updatedAt": stamp(min(crm.at, at)),
            }
        )  # fmt: skip
    return _page(rows, [r["objectId"] for r in rows], asked, 10, 100, "/marketing/v3/marketing-events")


def _participations(crm: Crm, request: Request, body: Any) -> Any:
    asked = _asked(request, {"after", "limit", "state", "contactIdentifier"})
    event = next((w for w in crm.webinars() if str(50_000_000 + w[0]) == request.path_params["event"]), None)
    if event is None:
        raise Refused(404, "OBJECT_NOT_FOUND", "Marketing event not found")
    number, at, guests = event
    rows: list[dict[str, Any]] = []
    for contact, registered, came in guests:
        state = {True: "ATTENDED", False: "NO_SHOW", None: "REGISTERED"}[came]
        moment = registered if came is None else at
        who = {
            "contactId": str(contact.id), "email": contact.get("email") or "", "firstname": contact.get("first_name"),
            "lastname": contact.get("last_name"),
        }  # fmt: skip
        rows.append(
            {
                "id": str(contact.id * 1000 + number), "createdAt": stamp(registered),
                "associations": {
                    "contact": who,
                    "marketingEvent": {
                        "marketingEventId": str(50_000_000 + number), "name": f"Webinar {number}",
                        "externalEventId": f"webinar-{number}", "externalAccountId": "sandbox",
                    },
                },
                "properties": {"attendanceState": state, "occurredAt": int(moment.timestamp() * 1000)},
            }
        )  # fmt: skip
    return {"total": len(rows), **_page(rows, [r["id"] for r in rows], asked, 10, 100, request.url.path)}


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        headers = {"X-HubSpot-RateLimit-Interval-Milliseconds": "1000", "X-HubSpot-RateLimit-Remaining": "0"}
        return refusal(
            429,
            "RATE_LIMITS",
            "You have reached your secondly limit.",
            headers,
            errorType="RATE_LIMIT",
            policyName="SECONDLY",
        )
    if kind == "expired_token":
        TOKENS.expire()
        return refusal(
            401,
            "EXPIRED_AUTHENTICATION",
            "The OAuth token used to make this call expired 2 minute(s) ago.",
        )
    return refusal(500, "INTERNAL_ERROR", "There was a problem with the request.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first record that was changed has a day that never was; schema_change: `properties` has another name."""
    if kind == "malformed_row":
        return re.sub(rb'("(?:hs_)?lastmodifieddate":)"[^"]+"', rb'\1"2026-02-31"', body, count=1)
    return body.replace(b'"properties":', b'"fields":')


def _environment(url: str) -> Mapping[str, str]:
    return {"SOURCES__HUBSPOT__BASE_URL": f"{url}/hubspot", "SOURCES__HUBSPOT__ACCESS_TOKEN": PRIVATE_APP}


VENDOR = Vendor("hubspot", _routes, _error, _spoil, _environment, in_demo=False)
