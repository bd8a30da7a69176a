"""What HubSpot's answers share: its limits, its envelope of a refusal, parameters and pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ingestion.sandbox.server.vendor import json_response
from ingestion.sandbox.server.vendors.hubspot.objects import TYPES

# What HubSpot allows; tests lower it. `burst` is calls and seconds of a private app, `search` those of the search alone.
LIMITS: dict[str, Any] = {
    "list": 100, "with_history": 50, "search": 200, "ceiling": 10_000, "batch": 100, "associations": 1000,
    "associations_page": 500, "burst": (190, 10.0), "daily": 250_000,
}  # fmt: skip


class Refused(Exception):
    """HubSpot says no; args are (HTTP status, category, message) and what else its envelope holds."""


def refusal(
    status: int, category: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category, **more}
    return json_response(body, status, headers)


def kind_of(request: Request, name: str = "type") -> str:
    given = request.path_params[name]
    kind = TYPES.get(given) or (given if given in TYPES.values() else "")
    if not kind:
        raise Refused(400, "VALIDATION_ERROR", f"Unable to infer object type from: {given}")
    return kind


def asked_of(request: Request, known: set[str]) -> dict[str, list[str]]:
    """The parameters, each as a list: clients repeat them or put commas between."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise Refused(400, "VALIDATION_ERROR", f"Unknown query parameter: {name}")
        found.setdefault(name, []).extend(v for v in value.split(",") if v)
    return found


def first_of(asked: Mapping[str, list[str]], name: str, usual: str = "") -> str:
    return (asked.get(name) or [usual])[0]


def number_of(value: Any, name: str, usual: int, most: int) -> int:
    try:
        number = int(usual if value in (None, "") else value)
    except (TypeError, ValueError):
        raise Refused(400, "VALIDATION_ERROR", f"Invalid integer value: {value} for {name}") from None
    if not 0 <= number <= most:
        raise Refused(400, "VALIDATION_ERROR", f"{name} may not be larger than {most}: {number}")
    return number


def page_of(rows: list[Any], ids: list[str], asked: Mapping[str, list[str]], usual: int, most: int, link: str) -> Any:
    """The rows from the mark `after` on; the last page has no `paging`."""
    limit = number_of(first_of(asked, "limit"), "limit", usual, most)
    after = first_of(asked, "after", "")
    if after and after not in ids:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid paging token: {after}")
    first = ids.index(after) if after else 0
    answer: dict[str, Any] = {"results": rows[first : first + limit]}
    if first + limit < len(rows):
        mark = ids[first + limit]
        answer["paging"] = {"next": {"after": mark, "link": f"{link}?after={mark}"}}
    return answer
