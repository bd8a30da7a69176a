"""GA4 Data API v1beta: runReport, batchRunReports, metadata, OAuth tokens.

Figures are of the property's own visits as the morning of the clock knows them (fields.py): visits that come late change the last
days. Quota tokens are counted for each day of the clock. Source: analyticsdata v1beta discovery document, revision 20261006.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.ga4 import PROPERTY_ID
from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.ga4_data.asked import Asked, Refusal, read
from ingestion.sandbox.server.vendors.ga4_data.fields import DIMENSIONS, METRICS, Field, make_tables

TOKENS = Tokens("sandbox.apps.googleusercontent.com", "sandbox-ga4-client-secret", "1//sandbox-ga4-refresh-token")
CURRENCY, TIME_ZONE = "NOK", "Europe/Oslo"
MAX_BATCH = 5
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
           429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip


@dataclass
class Limits:
    """What a standard property is limited by. A small company meets none of it: tests lower them."""

    tokens_per_day: int = 200_000
    tokens_per_hour: int = 40_000
    values_before_other: int = 50_000  # of a dimension with many values; rarer ones go to (other)
    hits_before_sampling: int = 10_000_000  # rows of the table that a report may read whole
    least_users: int = 0  # rows of fewer users are withheld; 0: thresholds do not apply, as without Google signals


LIMITS = Limits()


@dataclass
class _Quota:
    """Tokens used on the day of the clock."""

    day: date | None = None
    used: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, today: date) -> None:
        with self.lock:
            if self.day != today:
                self.day, self.used = today, 0
            if self.used >= LIMITS.tokens_per_day:
                raise Refusal(
                    429,
                    "Exhausted property tokens per day. These quota tokens will return in under 24 hours. To learn more, "
                    "see https://developers.google.com/analytics/devguides/reporting/data/v1/quotas",
                )

    def use(self, tokens: int) -> dict[str, Any]:
        with self.lock:
            self.used += tokens

            def status(limit: int) -> dict[str, int]:
                return {"consumed": tokens, "remaining": max(0, limit - self.used)}

            return {
                "tokensPerDay": status(LIMITS.tokens_per_day),
                "tokensPerHour": status(LIMITS.tokens_per_hour),
                "tokensPerProjectPerHour": status(int(LIMITS.tokens_per_hour * 0.35)),
                "concurrentRequests": {"remaining": 10},
                "serverErrorsPerProjectPerHour": {"remaining": 10},
                "potentiallyThresholdedRequestsPerHour": {"remaining": 120},
            }


QUOTA = _Quota()


def _failure(status: int, message: str) -> Response:
    error = {"code": status, "message": message, "status": _STATUS[status]}
    return json_response({"error": error}, status)


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    async def report(request: Request) -> Response:
        try:
            body = await _asked(request)
            return json_response(await run_in_threadpool(_report, desk, body))
        except Refusal as e:
            return _failure(e.status, str(e))

    async def batch(request: Request) -> Response:
        try:
            body = await _asked(request)
            if not isinstance(body, dict) or set(body) - {"requests"}:
                unknown = sorted(set(body) - {"requests"})[0] if isinstance(body, dict) else ""
                raise Refusal(400, f'Invalid JSON payload received. Unknown name "{unknown}": Cannot find field.')
            requests = body.get("requests") or []
            if not 1 <= len(requests) <= MAX_BATCH:
                raise Refusal(400, f"A batch has 1 to {MAX_BATCH} requests. This one has {len(requests)}.")
            reports = [await run_in_threadpool(_report, desk, one) for one in requests]
            return json_response({"reports": reports, "kind": "analyticsData#batchRunReports"})
        except Refusal as e:
            return _failure(e.status, str(e))

    async def metadata(request: Request) -> Response:
        try:
            await _asked(request)
        except Refusal as e:
            return _failure(e.status, str(e))
        name = f"properties/{request.path_params['property']}/metadata"
        dimensions, metrics = ([_about(n, f) for n, f in fields.items()] for fields in (DIMENSIONS, METRICS))
        return json_response({"name": name, "dimensions": dimensions, "metrics": metrics})

    home = "/v1beta/properties/{property}"
    return [
        *(Route(p, token, methods=["POST"]) for p in ("/token", "/oauth2/v3/token", "/oauth2/v4/token")),
        Route(f"{home}:runReport", report, methods=["POST"]),
        Route(f"{home}:batchRunReports", batch, methods=["POST"]),
        Route(f"{home}/metadata", metadata),
    ]


async def _asked(request: Request) -> Any:
    """The JSON body, when the caller may ask. Raises Refusal."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKENS.accepts(token):
        raise Refusal(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
            "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
    if request.path_params["property"] != str(PROPERTY_ID):
        raise Refusal(
            403,
            "User does not have sufficient permissions for this property. To learn more about Property ID, see "
            "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id.",
        )
    if unknown := sorted(set(request.query_params) - {"alt", "$alt", "prettyPrint", "key", "quotaUser"}):
        raise Refusal(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot bind query parameter.')
    try:
        return orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal(400, "Invalid JSON payload received. Unexpected token.") from None


def _report(desk: Desk, body: Any) -> dict[str, Any]:
    """The answer of runReport. Raises Refusal."""
    asked = read(body, str(PROPERTY_ID), desk.clock)
    QUOTA.check(desk.clock)
    make_tables(desk)
    notes: dict[str, Any] = {"currencyCode": CURRENCY, "timeZone": TIME_ZONE}
    rows = _rows(desk, asked, notes)
    page = rows[asked.offset : asked.offset + asked.limit]
    quota = QUOTA.use(2 + asked.n_days // 31 + len(page) // 5_000)
    several = len(asked.ranges) > 1
    dimensions = [*asked.dimensions, *(["dateRange"] if several else [])]
    answer: dict[str, Any] = {
        "dimensionHeaders": [{"name": n} for n in dimensions],
        "metricHeaders": [{"name": n, "type": METRICS[n].type} for n in asked.metrics],
        "rows": [
            {
                "dimensionValues": [{"value": row[n]} for n in dimensions],
                "metricValues": [{"value": _text(row[n])} for n in asked.metrics],
            }
            for row in page
        ],
        "rowCount": len(rows),
        "metadata": notes,
        "kind": "analyticsData#runReport",
    }
    if asked.wants_quota:
        answer["propertyQuota"] = quota
    # proto3: what is empty or 0 is not sent
    return {k: v for k, v in answer.items() if v or k == "metadata"}


def _rows(desk: Desk, asked: Asked, notes: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows in order; `notes` gets what Google says of how they were made."""
    first, last = min(r[1] for r in asked.ranges), max(r[2] for r in asked.ranges)
    table = f"ga4_data.{'hits' if asked.by_event else 'visits'}"
    within = f"date between '{first}' and '{last}'"
    names = ", ".join(f"('{n.replace(chr(39), chr(39) * 2)}', date '{a}', date '{b}')" for n, a, b in asked.ranges)

    n_hits = desk.rows(f"select count(*) as n from {table} where {within}")[0]["n"]
    every = -(-n_hits // LIMITS.hits_before_sampling) or 1  # of as many visits one is read
    if every > 1:
        space = desk.rows(
            f"select count(*) as n, count(*) filter (hash(visit_id) % {every} = 0) as read from {table} where {within}"
        )
        notes["samplingMetadatas"] = [
            {"samplesReadCount": str(space[0]["read"]), "samplingSpaceSize": str(space[0]["n"])} for _ in asked.ranges
        ]

    dimensions, lists = [], []
    for name in asked.dimensions:
        sql = DIMENSIONS[name].sql
        if DIMENSIONS[name].many:
            values = f"select {sql} as v from {table} where {within} group by 1 order by count(*) desc, 1"
            found = [r["v"] for r in desk.rows(values)]
            if len(found) > LIMITS.values_before_other:
                notes["dataLossFromOtherRow"] = True
                lists.append(found[: LIMITS.values_before_other])
                sql = f"case when list_contains(?, {sql}) then {sql} else '(other)' end"
        dimensions.append(f'{sql} as "{name}"')
    several = len(asked.ranges) > 1
    metrics = [f'{_scaled(METRICS[n], every)} as "{n}"' for n in asked.metrics]
    by = [*dimensions, *(['range_name as "dateRange"'] if several else [])]
    keys = [f'"{n}"' for n in (*asked.dimensions, *(["dateRange"] if several else []))]
    order = ", ".join([*asked.order, f'"{asked.metrics[0]}" desc', *keys])
    having = " or ".join(f'"{n}" <> 0' for n in asked.metrics)
    query = f"""
        select * exclude (_users) from (
            select {", ".join([*by, *metrics])}, count(distinct user_key) as _users
            from {table} join (values {names}) as ranges (range_name, a, b) on date between a and b
            where {asked.where} and hash(visit_id) % {every} = 0
            group by all
        ) where {"true" if asked.keep_empty else f"({having})"} and _users >= {LIMITS.least_users} order by {order}"""
    if LIMITS.least_users:
        notes["subjectToThresholding"] = True
    rows = desk.rows(query, [*lists, *asked.parameters])
    if not keys and rows and rows[0][asked.metrics[0]] is None:  # a total over nothing
        return []
    return rows


def _scaled(metric: Field, every: int) -> str:
    return metric.sql if every == 1 or "rate" in metric.ui_name else f"{metric.sql} * {every}"


def _text(value: Any) -> str:
    """A metric as Google writes it: always text, numbers without trailing zeros."""
    if value is None:
        return "0"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _about(name: str, about: Field) -> dict[str, Any]:
    entry = {"apiName": name, "uiName": about.ui_name, "description": f"{about.ui_name}.", "category": about.category}
    return entry | ({"type": about.type} if about.type else {})


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        return _failure(429, "Exhausted concurrent requests quota. Please send fewer requests concurrently.")
    if kind == "expired_token":
        TOKENS.expire()
        return _failure(401, "Request had invalid authentication credentials.")
    return _failure(503, "The service is currently unavailable.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first metric of the first row is a word; schema_change: the metrics of every row have another name."""
    if kind == "malformed_row":
        return re.sub(rb'("metricValues":\[\{"value":)"[^"]*"', rb'\1"n/a"', body, count=1)
    return body.replace(b'"metricValues":', b'"measureValues":')


def _environment(url: str) -> Mapping[str, str]:
    base = f"{url}/ga4_data"
    values = {
        "BASE_URL": base,
        "TOKEN_URL": f"{base}/token",
        "CLIENT_ID": TOKENS.client_id,
        "CLIENT_SECRET": TOKENS.client_secret,
        "REFRESH_TOKEN": TOKENS.refresh_token,
        "PROPERTIES": str(PROPERTY_ID),
    }
    return {f"SOURCES__GA4_DATA__{k}": v for k, v in values.items()}


VENDOR = Vendor("ga4_data", _routes, _error, _spoil, _environment)
