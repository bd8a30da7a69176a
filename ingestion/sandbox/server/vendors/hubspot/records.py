"""HubSpot's records: lists, single ones, the search, batch reads, associations and their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request

from ingestion.sandbox.server.vendors._crm import Crm, Thing
from ingestion.sandbox.server.vendors.hubspot.asking import LIMITS, Refused, asked_of, first_of, kind_of, number_of
from ingestion.sandbox.server.vendors.hubspot.objects import (
    PROPERTIES,
    ROLES,
    TYPES,
    as_object,
    association_types,
    properties,
    stamp,
)

_LIST_PARAMETERS = {"limit", "after", "properties", "propertiesWithHistory", "associations", "archived"}
_OPERATORS = ("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "BETWEEN")


def listed(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = kind_of(request), asked_of(request, _LIST_PARAMETERS)
    archived = first_of(asked, "archived", "false").lower() == "true"
    historical = asked.get("propertiesWithHistory", [])
    if archived and historical:
        raise Refused(400, "VALIDATION_ERROR", "propertiesWithHistory is not supported with archived=true")
    things = list(crm.binned(kind) if archived else crm.live(kind))
    most = LIMITS["with_history"] if historical else LIMITS["list"]
    limit = number_of(first_of(asked, "limit"), "limit", 10, most)
    after = number_of(first_of(asked, "after"), "after", 0, 2**63)
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


def one(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = kind_of(request), asked_of(request, _LIST_PARAMETERS | {"idProperty"})
    archived = first_of(asked, "archived", "false").lower() == "true"
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


def search(crm: Crm, request: Request, body: Any) -> Any:
    kind = kind_of(request)
    _fields(body, {"filterGroups", "sorts", "query", "properties", "limit", "after"})
    groups, sorts = body.get("filterGroups") or [], body.get("sorts") or []
    if len(groups) > 5 or any(len(g.get("filters") or []) > 6 for g in groups):
        raise Refused(400, "VALIDATION_ERROR", "At most 5 filterGroups with 6 filters each are supported")
    if len(sorts) > 1:
        raise Refused(400, "VALIDATION_ERROR", "Only one sort is supported")
    limit = number_of(body.get("limit"), "limit", 10, LIMITS["search"])
    after = number_of(body.get("after") or None, "after", 0, 2**31)
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


def batch(crm: Crm, request: Request, body: Any) -> Any:
    kind, asked = kind_of(request), asked_of(request, {"archived"})
    _fields(body, {"properties", "propertiesWithHistory", "idProperty", "inputs"})
    historical = body.get("propertiesWithHistory") or []
    inputs = body.get("inputs") or []
    most = LIMITS["with_history"] if historical else LIMITS["batch"]
    if len(inputs) > most:
        raise Refused(400, "VALIDATION_ERROR", f"The maximum number of inputs supported in a batch request is {most}")
    archived = first_of(asked, "archived", "false").lower() == "true"
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


def associations(crm: Crm, request: Request, body: Any) -> Any:
    kind, other = kind_of(request), kind_of(request, "other")
    asked_of(request, set())
    _fields(body, {"inputs"})
    inputs = body.get("inputs") or []
    if len(inputs) > LIMITS["associations"]:
        raise Refused(400, "VALIDATION_ERROR", f"At most {LIMITS['associations']} inputs are supported")
    dated = "2026-03" in request.url.path  # v4 gives ids as numbers
    results, errors = [], []
    for one in inputs:
        thing = _found(crm, kind, str(one.get("id")))
        others = sorted((thing.links.get(other) or {}).items()) if thing else []
        first = number_of(one.get("after") or None, "after", 0, 2**31)
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


def labels(crm: Crm, request: Request, body: Any) -> Any:
    pair = {kind_of(request), kind_of(request, "other")}
    labels = ROLES if pair == {"deal", "contact"} else ("Primary",) if "company" in pair else ()
    return {"results": association_types(kind_of(request), kind_of(request, "other"), labels)}
