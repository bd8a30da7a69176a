"""Google Ads API v26 over REST: googleAds:search, googleAds:searchStream, listAccessibleCustomers, OAuth tokens."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.google_ads.fields import ACCOUNTS
from ingestion.sandbox.server.vendors.google_ads.gaql import QueryFault, parse
from ingestion.sandbox.server.vendors.google_ads.reports import Report, compile_query

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "v26"
DEVELOPER_TOKEN = "sandbox-developer-token"
TOKENS = Tokens("sandbox.apps.googleusercontent.com", "sandbox-google-client-secret", "1//sandbox-google-refresh-token")
_FAILURE = f"type.googleapis.com/google.ads.googleads.{VERSION}.errors.GoogleAdsFailure"
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
           429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip
_BODY_KEYS = {"query", "pageToken", "pageSize", "validateOnly", "searchSettings"}

PAGE_ROWS = 10_000  # of a chunk and of a page
PAGE_ROWS_HEADER = "x-sandbox-page-rows"  # the sandbox's own: a small company has few rows
_found: dict[tuple[Any, ...], pa.Table] = {}  # answers being paged through


class Refusal(Exception):
    """A call Google turns down: (HTTP status, error code's field, its word, message)."""

    def __init__(
        self, status: int, kind: str, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.code, self.details = status, kind, code, details

    def response(self, streaming: bool) -> Response:
        return _Failure(self.status, self.kind, self.code, str(self), self.details, streaming)


class _Failure(Response):
    """Google's envelope; a stream wraps it in an array, which only the path tells."""

    def __init__(
        self,
        status: int,
        kind: str,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        streaming: bool = False,
    ) -> None:
        if kind == "":  # the gateway's own, before Google Ads is reached
            what: dict[str, Any] = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code}
            what |= {"domain": "googleapis.com"}
        else:
            fault = {"errorCode": {kind: code}, "message": message, **({"details": details} if details else {})}
            what = {"@type": _FAILURE, "errors": [fault], "requestId": _request_id()}
        error = {"code": status, "message": message, "status": _STATUS[status], "details": [what]}
        self._error = {"error": error}
        super().__init__(
            orjson.dumps([self._error] if streaming else self._error),
            status,
            media_type="application/json; charset=UTF-8",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(":searchStream") and bytes(self.body[:1]) == b"{":
            self.body = orjson.dumps([self._error])
            self.init_headers()
            self.raw_headers.append((b"content-type", b"application/json; charset=UTF-8"))
        await super().__call__(scope, receive, send)


def _request_id() -> str:
    return secrets.token_urlsafe(16)


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    known = {a["account_id"]: a for a in desk.rows(ACCOUNTS)}
    managers = {k for k, a in known.items() if a["manager"]}

    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def accessible(request: Request) -> Response:
        try:
            _sign_in(request)
        except Refusal as e:
            return e.response(False)
        return json_response({"resourceNames": [f"customers/{m}" for m in sorted(managers)]})

    async def ask(request: Request, streaming: bool) -> tuple[str, dict[str, Any], Report]:
        _sign_in(request)
        account = request.path_params["account"]
        if not re.fullmatch(r"\d{10}", account):
            raise Refusal(400, "requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{account}'.")
        login = request.headers.get("login-customer-id", "")
        if login and not re.fullmatch(r"\d{10}", login):
            raise Refusal(
                400, "headerError", "INVALID_LOGIN_CUSTOMER_ID", "Login customer ID is not valid: digits only."
            )
        if login not in managers or login not in (account, known.get(account, {}).get("manager_id")):
            text = (
                "User doesn't have permission to access customer. Note: If you're accessing a client customer, the "
                "manager's customer id must be set in the 'login-customer-id' header."
            )
            raise Refusal(403, "authorizationError", "USER_PERMISSION_DENIED", text)
        try:
            body: dict[str, Any] = orjson.loads(await request.body() or b"{}")
        except orjson.JSONDecodeError:
            raise Refusal(400, "", "INVALID_JSON", "Invalid JSON payload received.") from None
        if unknown := sorted(
            set(body) - (_BODY_KEYS - {"pageToken", "pageSize", "validateOnly"} if streaming else _BODY_KEYS)
        ):
            text = f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
            raise Refusal(400, "", "UNKNOWN_FIELD", text)
        if body.get("pageSize"):
            text = "Setting the page size is not supported. Search Responses will have fixed page size of '10000' rows."
            raise Refusal(400, "requestError", "PAGE_SIZE_NOT_SUPPORTED", text)
        if not body.get("query"):
            raise Refusal(400, "requestError", "REQUIRED_FIELD_MISSING", "Required field 'query' is missing.")
        try:
            return account, body, compile_query(parse(body["query"]), known[account], desk.clock)
        except QueryFault as e:
            raise Refusal(400, e.kind, e.code, str(e)) from e

    async def stream(request: Request) -> Response:
        try:
            _, _, report = await ask(request, True)
        except Refusal as e:
            return e.response(True)
        return StreamingResponse(
            _chunks(desk, report, _page_rows(request)), media_type="application/json; charset=UTF-8"
        )

    async def search(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        try:
            account, body, report = await ask(request, False)
            return await run_in_threadpool(_page, desk, account, body, report, _page_rows(request))
        except Refusal as e:
            return e.response(False)

    customer = f"/{VERSION}/customers"
    return [
        *(Route(p, token, methods=["POST"]) for p in ("/token", "/oauth2/v3/token", "/oauth2/v4/token")),
        Route(f"{customer}:listAccessibleCustomers", accessible),
        Route(f"{customer}/{{account}}/googleAds:searchStream", stream, methods=["POST"]),
        Route(f"{customer}/{{account}}/googleAds:search", search, methods=["POST"]),
    ]


def _sign_in(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKENS.accepts(token):
        text = (
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
            "authentication credential."
        )
        raise Refusal(401, "", "ACCESS_TOKEN_EXPIRED" if token else "CREDENTIALS_MISSING", text)
    developer = request.headers.get("developer-token")
    if developer is None:
        text = "Developer token parameter was missing in the request."
        raise Refusal(400, "requestError", "DEVELOPER_TOKEN_PARAMETER_MISSING", text)
    if developer == "test-only":
        text = (
            "The developer token is only approved for use with test accounts. To access non-test accounts, apply for "
            "Basic or Standard access."
        )
        raise Refusal(403, "authorizationError", "DEVELOPER_TOKEN_NOT_APPROVED", text)
    if developer != DEVELOPER_TOKEN:
        raise Refusal(401, "authenticationError", "DEVELOPER_TOKEN_INVALID", "The developer token is not valid.")


def _page_rows(request: Request) -> int:
    return int(request.headers.get(PAGE_ROWS_HEADER, PAGE_ROWS))


def _rows(table: pa.Table, first: int, n: int) -> str:
    return ",".join(table.column(0).slice(first, n).to_pylist())


def _chunks(desk: Desk, report: Report, page_rows: int) -> Iterator[bytes]:
    """The array of chunks, a chunk at a time; one without results when there are no rows."""
    table, request_id = desk.arrow(report.sql), _request_id()
    tail = (
        f'"fieldMask":"{report.field_mask}","requestId":"{request_id}","queryResourceConsumption":"{table.num_rows}"}}'
    )
    yield b"["
    for first in range(0, max(table.num_rows, 1), page_rows):
        results = f'"results":[{_rows(table, first, page_rows)}],' if table.num_rows else ""
        yield f"{',' if first else ''}{{{results}{tail}".encode()
    yield b"]"


def _page(desk: Desk, account: str, body: Mapping[str, Any], report: Report, page_rows: int) -> Response:
    key = (account, report.sql, desk.clock)
    first = 0
    if token := body.get("pageToken"):
        mark, _, start = str(token).rpartition("-")
        if mark != f"{hash(key) & 0xFFFFFFFF:x}" or not start.isdigit():
            raise Refusal(400, "requestError", "INVALID_PAGE_TOKEN", "Page token is invalid for this query.")
        first = int(start)
    table = _found.get(key)
    if table is None:
        if len(_found) > 8:
            _found.clear()
        table = _found[key] = desk.arrow(report.sql)
    parts = [f'"results":[{_rows(table, first, page_rows)}]'] if table.num_rows else []
    if first + page_rows < table.num_rows:
        parts.append(f'"nextPageToken":"{hash(key) & 0xFFFFFFFF:x}-{first + page_rows}"')
    if (body.get("searchSettings") or {}).get("returnTotalResultsCount"):
        parts.append(f'"totalResultsCount":"{table.num_rows}"')
    parts.append(f'"fieldMask":"{report.field_mask}"')
    return Response(f"{{{','.join(parts)}}}".encode(), media_type="application/json; charset=UTF-8")


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        details = {
            "quotaErrorDetails": {"rateScope": "DEVELOPER", "rateName": "requests per minute", "retryDelay": "1s"}
        }
        text = "Too many requests. Retry in 1 seconds."
        return _Failure(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", text, details)
    if kind == "expired_token":
        TOKENS.expire()
        return _Failure(401, "", "ACCESS_TOKEN_EXPIRED", "Request had invalid authentication credentials.")
    return _Failure(500, "internalError", "INTERNAL_ERROR", "An internal error has occurred.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: a number of the first row is a word, or its id an object; schema_change: members of every row have other
    names."""
    if kind == "malformed_row":
        for member in (b"impressions", b"clicks", b"amountMicros", b"id"):
            wrong = rb"\1{}" if member == b"id" else rb'\1"n/a"'
            body, n = re.subn(b'("%s":)"\\d+"' % member, wrong, body, count=1)
            if n:
                break
        return body
    return body.replace(b'"costMicros":', b'"spendMicros":').replace(b'"status":"', b'"state":"')


def _environment(url: str) -> Mapping[str, str]:
    base = f"{url}/google_ads"
    values = {
        "BASE_URL": base,
        "TOKEN_URL": f"{base}/token",
        "CLIENT_ID": TOKENS.client_id,
        "CLIENT_SECRET": TOKENS.client_secret,
        "REFRESH_TOKEN": TOKENS.refresh_token,
        "DEVELOPER_TOKEN": DEVELOPER_TOKEN,
    }
    return {f"SOURCES__GOOGLE_ADS__{k}": v for k, v in values.items()}


VENDOR = Vendor("google_ads", _routes, _error, _spoil, _environment)
