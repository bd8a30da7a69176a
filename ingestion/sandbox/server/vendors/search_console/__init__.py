"""Google Search Console API: sites and searchAnalytics/query, under webmasters/v3 of both hosts that clients use.

Not served: the dimensions SEARCH_APPEARANCE and HOUR (refused), sitemaps, URL inspection. Shapes follow the vendor's discovery
document searchconsole v1, revision 20260805; enums are taken in upper case and as clients write them (byPage).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.search_console.searches import SITE, final_through, searches

TOKENS = Tokens("sandbox.apps.googleusercontent.com", "sandbox-google-client-secret", "1//sandbox-search-console")
DOMAIN = "sc-domain:nordlyskontor.example"
UNVERIFIED = "https://old.nordlyskontor.example/"
SITES = {DOMAIN: "siteOwner", SITE: "siteFullUser", UNVERIFIED: "siteUnverifiedUser"}

ROWS_A_DAY = 50_000  # of a site and search type; the rest is not told
DEFAULT_ROWS, MAX_ROWS = 1_000, 25_000
FIELDS = {
    "startDate", "endDate", "dimensions", "type", "searchType", "dataState", "aggregationType", "rowLimit", "startRow",
    "dimensionFilterGroups",
}  # fmt: skip
TYPES = ("web", "image", "video", "news", "discover", "googleNews")
DIMENSIONS = ("date", "query", "page", "country", "device", "searchAppearance", "hour")
NOT_SERVED = ("searchAppearance", "hour", "hourlyAll", "byNewsShowcasePanel")
_FILTERS = {
    "equals": "lower({0}) = lower({1})",
    "notEquals": "lower({0}) <> lower({1})",
    "contains": "contains(lower({0}), lower({1}))",
    "notContains": "not contains(lower({0}), lower({1}))",
    "includingRegex": "regexp_matches({0}, {1})",
    "excludingRegex": "not regexp_matches({0}, {1})",
}
_STATUS = {400: ("INVALID_ARGUMENT", "invalidParameter"), 401: ("UNAUTHENTICATED", "authError"),
           403: ("PERMISSION_DENIED", "forbidden"), 429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
           500: ("INTERNAL", "backendError")}  # fmt: skip


class Refused(Exception):
    """Google says no; args are (HTTP status, message)."""


def refusal(code: int, message: str, reason: str = "") -> Response:
    status, usual = _STATUS[code]
    domain = "usageLimits" if code == 429 or reason == "quotaExceeded" else "global"
    error = {"message": message, "domain": domain, "reason": reason or usual}
    return json_response({"error": {"code": code, "message": message, "errors": [error], "status": status}}, code)


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def sites(request: Request) -> Response:
        if refused := _sign_in(request):
            return refused
        return json_response({"siteEntry": [{"siteUrl": s, "permissionLevel": p} for s, p in SITES.items()]})

    async def query(request: Request) -> Response:
        if refused := _sign_in(request):
            return refused
        try:
            body = orjson.loads(await request.body() or b"{}")
            return await run_in_threadpool(_query, desk, request.path_params["site"], body)
        except orjson.JSONDecodeError:
            return refusal(400, "Invalid JSON payload received. Unexpected token.", "badRequest")
        except Refused as e:
            return refusal(*e.args)

    tokens = ("/token", "/oauth2/v3/token", "/oauth2/v4/token", "/o/oauth2/token")
    return [
        *(Route(p, token, methods=["POST"]) for p in tokens),
        Route("/webmasters/v3/sites", sites),
        Route("/webmasters/v3/sites/{site:path}/searchAnalytics/query", query, methods=["POST"]),
    ]


def _sign_in(request: Request) -> Response | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and TOKENS.accepts(token):
        return None
    return refusal(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    )


def _query(desk: Desk, site: str, body: Any) -> Response:
    if not isinstance(body, dict):
        raise Refused(400, "Invalid value (), Starting an object on a scalar field")
    if unknown := sorted(set(body) - FIELDS):
        raise Refused(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    if SITES.get(site, UNVERIFIED) == "siteUnverifiedUser" or site not in SITES:
        raise Refused(
            403,
            f"User does not have sufficient permission for site '{site}'. See also: "
            "https://support.google.com/webmasters/answer/2451999.",
        )
    start, end = _day(body, "startDate"), _day(body, "endDate")
    if start > end:
        raise Refused(400, "'startDate' must be before or equal to 'endDate'.")
    if "type" in body and "searchType" in body:
        raise Refused(400, "Only one of 'type' and 'searchType' may be given.")
    search_type = _enum("type", body.get("type", body.get("searchType", "web")), TYPES)
    asked = body.get("dimensions") or []
    if not isinstance(asked, list):
        raise Refused(400, "Invalid value at 'dimensions'")
    dimensions = [_enum("dimensions", d, DIMENSIONS) for d in asked]
    if len(set(dimensions)) < len(dimensions):
        raise Refused(400, "Duplicate dimension specified.")
    condition, values, filtered = _filters(body.get("dimensionFilterGroups") or [])
    wanted = _enum(
        "aggregationType", body.get("aggregationType", "auto"), ("auto", "byProperty", "byPage", NOT_SERVED[3])
    )
    used = {*dimensions, *filtered}
    if search_type in ("discover", "googleNews"):
        if "query" in used:
            raise Refused(400, f"Requests for type '{search_type}' cannot use the dimension 'query'.")
        if wanted == "byProperty":
            raise Refused(400, f"Aggregation by property is not supported for type '{search_type}'.")
        wanted = "byPage"
    if "page" in used and wanted == "byProperty":
        raise Refused(400, "Aggregation by property is not supported when grouping or filtering by page.")
    by_page = wanted == "byPage" or (wanted == "auto" and "page" in used)
    state = _enum("dataState", body.get("dataState", "final"), ("final", "all", NOT_SERVED[2]))
    limit, first = _number(body, "rowLimit", DEFAULT_ROWS, 1, MAX_ROWS), _number(body, "startRow", 0, 0, 2**31 - 1)

    if not site.startswith("sc-domain:"):
        condition += " and starts_with(page, $site)"
        values["site"] = site
    if not by_page:
        condition += " and not by_page"
    if "query" in used:  # anonymised ones are in the totals alone
        condition += " and query is not null"
    keys = ", ".join(dimensions)
    total = "sum(clicks)::bigint as clicks, sum(impressions)::bigint as impressions, sum(tenths)::double as tenths"
    order = ["date"] * ("date" in dimensions) + ["clicks desc", "impressions desc", *dimensions]
    per_day = "partition by date" if "date" in dimensions else ""
    most = ROWS_A_DAY if per_day else ROWS_A_DAY * ((end - start).days + 1)
    rows = desk.rows(
        f"""with searches as ({searches(search_type, start, end, desk.clock, state == "final")})
        select {f"[{', '.join(f'{d}::varchar' for d in dimensions)}]" if dimensions else "null"} as keys, clicks, impressions,
            clicks / impressions as ctr, tenths / 10 / impressions as position
        from (
            select {keys + ", " if keys else ""}{total} from searches where {condition}
            {f"group by {keys}" if keys else ""}
            having sum(impressions) > 0
        ) as found
        qualify row_number() over ({per_day} order by {", ".join(["clicks desc", "impressions desc", *dimensions])}) <= {most}
        order by {", ".join(order)} limit {limit} offset {first}""",
        values,
    )
    answer: dict[str, Any] = {"rows": [{k: v for k, v in r.items() if v is not None} for r in rows]} if rows else {}
    answer["responseAggregationType"] = "byPage" if by_page else "byProperty"
    incomplete = date.fromordinal(final_through(desk.clock).toordinal() + 1)
    if state == "all" and "date" in dimensions and incomplete <= end:
        answer["metadata"] = {"firstIncompleteDate": max(incomplete, start).isoformat()}
    return json_response(answer)


def _day(body: Mapping[str, Any], field: str) -> date:
    value = body.get(field)
    if value is None:
        raise Refused(400, f"Required parameter: '{field}'.")
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused(400, f"'{value}' is not a valid date for '{field}'. Use the format YYYY-MM-DD.") from None


def _enum(field: str, value: Any, known: Sequence[str]) -> str:
    """The member of `known` that is meant: by_page, BY_PAGE and byPage are the same."""
    for member in known:
        if isinstance(value, str) and value.replace("_", "").lower() == member.lower():
            if member in NOT_SERVED:
                raise Refused(400, f"'{value}' at '{field}' is not served by the sandbox.")
            return member
    raise Refused(400, f"Invalid value at '{field}': \"{value}\"")


def _number(body: Mapping[str, Any], field: str, usual: int, least: int, most: int) -> int:
    value = body.get(field, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused(400, f"Invalid value for '{field}': {value}. Must be between {least} and {most}.")
    return value


def _filters(groups: Any) -> tuple[str, dict[str, Any], set[str]]:
    """(condition, its values, the dimensions it filters by)."""
    parts, used = ["true"], set()
    values: dict[str, Any] = {}
    for group in groups:
        if set(group) - {"groupType", "filters"} or str(group.get("groupType", "and")).lower() != "and":
            raise Refused(400, "Invalid value at 'dimension_filter_groups'")
        for one in group.get("filters") or []:
            dimension = _enum("dimension", one.get("dimension"), ("query", "page", "country", "device", NOT_SERVED[0]))
            operator = _enum("operator", one.get("operator", "equals"), tuple(_FILTERS))
            name = f"filter{len(values)}"
            values[name] = str(one.get("expression", ""))
            used.add(dimension)
            parts.append(_FILTERS[operator].format(dimension, f"${name}"))
    return " and ".join(parts), values, used


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        return refusal(
            429, "Quota exceeded for quota metric 'Search Analytics requests' and limit 'Queries per minute'."
        )
    if kind == "expired_token":
        TOKENS.expire()
        return refusal(401, "Request had invalid authentication credentials.")
    return refusal(500, "Internal error encountered.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first row's clicks are a word, or the first site's permission an object; schema_change: impressions (of
    sites: their address) have another name."""
    if kind == "malformed_row":
        body = re.sub(rb'"clicks":[\d.]+', b'"clicks":"n/a"', body, count=1)
        return re.sub(rb'"permissionLevel":"\w+"', b'"permissionLevel":{}', body, count=1)
    return body.replace(b'"impressions":', b'"views":').replace(b'"siteUrl":', b'"property":')


def _environment(url: str) -> Mapping[str, str]:
    base = f"{url}/search_console"
    values = {
        "BASE_URL": base,
        "TOKEN_URL": f"{base}/token",
        "CLIENT_ID": TOKENS.client_id,
        "CLIENT_SECRET": TOKENS.client_secret,
        "REFRESH_TOKEN": TOKENS.refresh_token,
        "SITES": DOMAIN,
        "SEARCH_TYPES": "web,image",
    }
    return {f"SOURCES__SEARCH_CONSOLE__{k}": v for k, v in values.items()}


VENDOR = Vendor("search_console", _routes, _error, _spoil, _environment)
