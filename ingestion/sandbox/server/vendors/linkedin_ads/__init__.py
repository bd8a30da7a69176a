"""LinkedIn Marketing API, versioned (/rest): adAnalytics, the account structure, conversion rules, posts and lead forms.

Headers LinkedIn-Version (YYYYMM; old ones are refused with 426), X-Restli-Protocol-Version 2.0.0 and a bearer token.
Finders page by pageSize and pageToken, or by start and count; adAnalytics not at all. Long queries may be tunnelled: POST
with X-HTTP-Method-Override: GET and the query as body.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.linkedin_ads import analytics, entities
from ingestion.sandbox.server.vendors.linkedin_ads.restli import Refused, illegal, parse_query

VERSIONS = ("202511", "202611")  # the oldest and the newest that are served; each lives for about a year
TOKENS = Tokens("78sandboxclient", "sandbox-linkedin-secret", "AQVsandboxRefresh", lifetime=60 * 86400)
REFRESH_SECONDS = 365 * 86400


@dataclass
class Limits:
    """What the vendor sends at most; tests make it small."""

    elements: int = 15_000  # of adAnalytics
    page: int = 1000  # the largest pageSize; 100 unless told
    leads: int = 100  # the largest count of leadFormResponses; 10 unless told


LIMITS = Limits()
Query = dict[str, Any]


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    def get(path: str, answer: Callable[[Query, Mapping[str, str]], Any], *allowed: str) -> Route:
        return Route(f"/rest{path}", _endpoint(answer, {"fields", *allowed}), methods=["GET", "POST"])

    paged = ("q", "search", "sortOrder", "pageSize", "pageToken")
    counted = ("q", "start", "count")

    def known(path: Mapping[str, str]) -> str:
        account = path["account"]
        if account not in {str(a["id"]) for a in entities.accounts(desk)}:
            raise Refused(403, "ACCESS_DENIED", f"Not enough permissions to access account {account}", 100)
        return account

    def account(query: Query, path: Mapping[str, str]) -> Any:
        return next(a for a in entities.accounts(desk) if str(a["id"]) == known(path))

    def accounts(query: Query, path: Mapping[str, str]) -> Any:
        _finder(query, "search")
        return _page(_searched(entities.accounts(desk), query, "status"), query)

    def of_account(rows: Callable[[Desk, str], list[Query]]) -> Callable[[Query, Mapping[str, str]], Any]:
        def answer(query: Query, path: Mapping[str, str]) -> Any:
            _finder(query, "search")
            return _page(_searched(rows(desk, known(path)), query, "status"), query)

        return answer

    def creatives(query: Query, path: Mapping[str, str]) -> Any:
        _finder(query, "criteria")
        wanted = query.get("intendedStatuses")
        rows = [
            r
            for r in entities.creatives(desk, known(path))
            if (r["intendedStatus"] in wanted if wanted else r["intendedStatus"] != "REMOVED")
            and ("creatives" not in query or r["id"] in query["creatives"])
            and ("campaigns" not in query or r["campaign"] in query["campaigns"])
        ]
        return _page(rows, query)

    def posts(query: Query, path: Mapping[str, str]) -> Any:
        ids = query.get("ids")
        if not isinstance(ids, list):
            raise illegal("Parameter 'ids' must be a list")
        found = entities.posts(desk, ids)
        lost = {u: {"status": 404, "message": "Not found"} for u in ids if u not in found}
        return {"results": found, "statuses": {u: 404 for u in lost}, "errors": lost}

    def conversions(query: Query, path: Mapping[str, str]) -> Any:
        _finder(query, "account")
        return _counted(entities.conversions(desk, known({"account": _id(query.get("account"))})), query, 100)

    def lead_forms(query: Query, path: Mapping[str, str]) -> Any:
        _finder(query, "owner")
        return _counted(entities.lead_forms(desk, known({"account": _owner(query)})), query, LIMITS.leads)

    def responses(query: Query, path: Mapping[str, str]) -> Any:
        _finder(query, "owner")
        if query.get("leadType") != {"leadType": "SPONSORED"}:
            raise illegal("Parameter 'leadType' is required; an ad account has leads of type SPONSORED")
        span = query.get("submittedAtTimeRange", {})
        try:
            start, end = int(span.get("start", 0)), int(span.get("end", 2**62))
        except (ValueError, AttributeError):
            raise illegal("Invalid submittedAtTimeRange") from None
        rows = entities.lead_form_responses(desk, known({"account": _owner(query)}), start, end)
        return _counted(rows, query, LIMITS.leads)

    def ad_analytics(query: Query, path: Mapping[str, str]) -> Any:
        return analytics.answer(desk, query, LIMITS.elements)

    return [
        Route("/oauth/v2/accessToken", _token, methods=["POST"]),
        Route("/oauth/v2/introspectToken", _introspect, methods=["POST"]),
        get("/adAnalytics", ad_analytics, "q", "pivot", "pivots", "timeGranularity", "dateRange", *analytics.FACETS),
        get("/adAccounts", accounts, *paged),
        get("/adAccounts/{account}", account),
        get("/adAccounts/{account}/adCampaignGroups", of_account(entities.campaign_groups), *paged),
        get("/adAccounts/{account}/adCampaigns", of_account(entities.campaigns), *paged),
        get("/adAccounts/{account}/creatives", creatives, *paged, "intendedStatuses", "creatives", "campaigns"),
        get("/posts", posts, "ids"),
        get("/conversions", conversions, *counted, "account"),
        get("/leadForms", lead_forms, *counted, "owner"),
        get("/leadFormResponses", responses, *counted, "owner", "leadType", "submittedAtTimeRange", "limitedToTestLeads"),
    ]  # fmt: skip


def _endpoint(answer: Callable[[Query, Mapping[str, str]], Any], allowed: set[str]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            _admit(request.headers)
            raw = request.url.query
            if request.method == "POST":
                if request.headers.get("X-HTTP-Method-Override", "").upper() != "GET":
                    raise Refused(405, "METHOD_NOT_SUPPORTED", "This resource can only be read here")
                raw = (await request.body()).decode()
            query = parse_query(raw)
            if unknown := sorted(set(query) - allowed):
                raise Refused(400, "QUERY_PARAM_NOT_ALLOWED", f"Query parameter not allowed: {unknown[0]}")
            return json_response(await run_in_threadpool(answer, query, request.path_params))
        except Refused as e:
            return json_response(e.body, e.body["status"])

    return endpoint


def _admit(headers: Mapping[str, str]) -> None:
    version = headers.get("LinkedIn-Version", "")
    if not version:
        message = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
        raise Refused(400, "VERSION_MISSING", message)
    if not re.fullmatch(r"\d{6}(\.\d{2})?", version) or not VERSIONS[0] <= version[:6] <= VERSIONS[1]:
        raise Refused(426, "NONEXISTENT_VERSION", f"Requested version {version}01 is not active")
    if headers.get("X-Restli-Protocol-Version") != "2.0.0":
        raise illegal("Invalid query parameters passed to request: X-Restli-Protocol-Version is not 2.0.0")
    kind, _, token = headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not token:
        raise Refused(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token", 65604)
    if not TOKENS.accepts(token):
        raise Refused(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)


async def _token(request: Request) -> Response:
    status, body = TOKENS.issue(await form_of(request))
    if status == 200:
        body |= {"refresh_token": TOKENS.refresh_token, "refresh_token_expires_in": REFRESH_SECONDS, "scope": "r_ads"}
    return json_response(body, status)


async def _introspect(request: Request) -> Response:
    form = await form_of(request)
    active = TOKENS.accepts(form.get("token", ""))
    now = int(time.time())
    return json_response({"active": active, "status": "active" if active else "expired", "auth_type": "3L",
                          "client_id": TOKENS.client_id, "created_at": now, "expires_at": now + int(TOKENS.lifetime)})  # fmt: skip


def _finder(query: Query, name: str) -> None:
    if query.get("q") != name:
        raise Refused(404, "RESOURCE_NOT_FOUND", f"No virtual resource found for finder {query.get('q')!r}")


def _searched(rows: list[Query], query: Query, status: str) -> list[Query]:
    """What a search like (status:(values:List(ACTIVE,PAUSED))) leaves; what is removed only shows when asked for."""
    search = query.get("search", {})
    if not isinstance(search, dict) or set(search) - {"status", "id", "test"}:
        raise illegal("Invalid search criteria")
    if search.get("test") == "true":
        return []
    wanted = search.get(status, {}).get("values")
    ids = search.get("id", {}).get("values")
    return [
        r
        for r in rows
        if (r[status] in wanted if wanted else r[status] != "REMOVED") and (not ids or str(_id(str(r["id"]))) in ids)
    ]


def _page(rows: list[Query], query: Query) -> Query:
    """A page by pageSize and pageToken; without a next one, metadata has no token."""
    size = _whole(query, "pageSize", 100)
    if not 1 <= size <= LIMITS.page:
        raise illegal(f"pageSize must be between 1 and {LIMITS.page}")
    try:
        start = int(urlsafe_b64decode(query["pageToken"])) if "pageToken" in query else 0
    except ValueError:
        raise illegal("Invalid pageToken") from None
    if query.get("sortOrder") == "DESCENDING":
        rows = rows[::-1]
    more = {"nextPageToken": urlsafe_b64encode(str(start + size).encode()).decode()} if start + size < len(rows) else {}
    return {"elements": rows[start : start + size], "metadata": more}


def _counted(rows: list[Query], query: Query, most: int) -> Query:
    start, count = _whole(query, "start", 0), _whole(query, "count", 10)
    if not 0 <= count <= most:
        raise illegal(f"count must be at most {most}")
    paging = {"start": start, "count": count, "links": [], "total": len(rows)}
    return {"paging": paging, "elements": rows[start : start + count]}


def _whole(query: Query, name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except (ValueError, TypeError):
        raise illegal(f"Invalid value for {name}") from None


def _id(urn: Any) -> str:
    return str(urn).rsplit(":", 1)[-1]


def _owner(query: Query) -> str:
    owner = query.get("owner")
    if not isinstance(owner, dict) or not str(owner.get("sponsoredAccount", "")).startswith("urn:li:sponsoredAccount:"):
        raise illegal("Parameter 'owner' must be (sponsoredAccount:urn)")
    return _id(owner["sponsoredAccount"])


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        message = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."
        body = {"status": 429, "serviceErrorCode": 101, "code": "TOO_MANY_REQUESTS", "message": message}
        return json_response(body, 429, {"Retry-After": "1"})
    if kind == "expired_token":
        TOKENS.expire()
        refused = Refused(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)
        return json_response(refused.body, 401)
    return json_response({"status": 500, "code": "INTERNAL_SERVER_ERROR", "message": "Internal Server Error"}, 500)


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first element's figure or id is no number; schema_change: a field has another name."""
    answer = orjson.loads(body)
    rows = answer.get("elements") or []
    if kind == "malformed_row" and rows:
        rows[0]["costInLocalCurrency" if "costInLocalCurrency" in rows[0] else "id"] = "n/a (see help)"
    for row in rows if kind == "schema_change" else []:
        for old, new in (("costInLocalCurrency", "costInAccountCurrency"), ("name", "title")):
            if old in row:
                row[new] = row.pop(old)
    return orjson.dumps(answer)


def _environment(url: str) -> Mapping[str, str]:
    return {
        "SOURCES__LINKEDIN_ADS__BASE_URL": f"{url}/linkedin_ads/rest",
        "SOURCES__LINKEDIN_ADS__TOKEN_URL": f"{url}/linkedin_ads/oauth/v2/accessToken",
        "SOURCES__LINKEDIN_ADS__CLIENT_ID": TOKENS.client_id,
        "SOURCES__LINKEDIN_ADS__CLIENT_SECRET": TOKENS.client_secret,
        "SOURCES__LINKEDIN_ADS__REFRESH_TOKEN": TOKENS.refresh_token,
    }


VENDOR = Vendor("linkedin_ads", _routes, _error, _spoil, _environment)
