"""HubSpot: CRM objects, search, batch reads, associations, owners, pipelines, forms and marketing events.

Objects and associations answer under their dated paths (2026-03) and under v3 and v4, as HubSpot's own client still asks; the rest
under v3, submissions of forms under v1. Read only. Not served, and 404: tickets, notes, e-mails, tasks, lists, writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Meter, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors._crm import Crm, crm_of
from ingestion.sandbox.server.vendors.hubspot import marketing, records
from ingestion.sandbox.server.vendors.hubspot.asking import LIMITS, Refused, refusal

TOKENS = Tokens("sandbox-hubspot-client", "sandbox-hubspot-secret", "sandbox-hubspot-refresh")
PRIVATE_APP = "pat-eu1-sandbox-0000-private-app"
METER = Meter()
Answer = Callable[[Crm, Request, Any], Any]


def _count() -> tuple[str, dict[str, str]]:
    """(the policy that is broken, "" for none; the headers of every answer)."""
    most, seconds = LIMITS["burst"]
    reached, left, left_today = METER.count(most, seconds, LIMITS["daily"])
    return {"day": "DAILY", "window": "TEN_SECONDLY_ROLLING", "": ""}[reached], {
        "X-HubSpot-RateLimit-Daily": str(LIMITS["daily"]),
        "X-HubSpot-RateLimit-Daily-Remaining": str(left_today),
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(seconds * 1000)),
        "X-HubSpot-RateLimit-Max": str(most),
        "X-HubSpot-RateLimit-Remaining": str(left),
    }


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def served(answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if refused := _sign_in(request):
                return refused
            broken, headers = _count()
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
            Route(f"{base}/{{type}}", served(records.listed), methods=get),
            Route(f"{base}/{{type}}/search", served(records.search), methods=post),
            Route(f"{base}/{{type}}/batch/read", served(records.batch), methods=post),
            Route(f"{base}/{{type}}/{{id}}", served(records.one), methods=get),
        ]
    for base in ("/crm/v4/associations", "/crm/associations/2026-03"):
        routes += [
            Route(f"{base}/{{type}}/{{other}}/batch/read", served(records.associations), methods=post),
            Route(f"{base}/{{type}}/{{other}}/labels", served(records.labels), methods=get),
        ]
    return [
        *routes,
        Route("/crm/v3/owners", served(marketing.owners), methods=get),
        Route("/crm/v3/owners/", served(marketing.owners), methods=get),
        Route("/crm/v3/pipelines/{type}", served(marketing.pipelines), methods=get),
        Route("/account-info/v3/details", served(marketing.account), methods=get),
        Route("/marketing/v3/forms", served(marketing.forms), methods=get),
        Route("/marketing/v3/forms/", served(marketing.forms), methods=get),
        Route("/form-integrations/v1/submissions/forms/{form}", served(marketing.submissions), methods=get),
        Route("/marketing/v3/marketing-events", served(marketing.events), methods=get),
        Route("/marketing/v3/marketing-events/", served(marketing.events), methods=get),
        Route(
            "/marketing/v3/marketing-events/participations/{event}/breakdown",
            served(marketing.participations),
            methods=get,
        ),
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
