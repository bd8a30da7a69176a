"""Microsoft Advertising v13 over REST: OAuth, accounts, campaigns down to keywords, goals, and reports by submit, poll, download.

Paths, models and enums as in the vendor's Python SDK msads 13.0.30.1. Ids are strings, budgets and bids doubles; figures of
reports are text in a zipped CSV. Deleted things are not listed; their figures stay in reports.
"""

from __future__ import annotations

import hmac
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.microsoft_ads import entities, reports
from ingestion.sandbox.server.vendors.microsoft_ads.words import Refused

CLIENT_ID, CLIENT_SECRET, DEVELOPER_TOKEN = "5d1b0a3e-msads-client", "msads-client-secret", "msads-developer-token"
SCOPE = "https://ads.microsoft.com/msads.manage offline_access"
ADDRESS_SECONDS = 300.0  # how long a report's address works
KEPT_REPORTS = 500
ERRORS = {
    "rate_limit": (
        429,
        117,
        "CallRateExceeded",
        "You have exceeded the number of calls you can make over a given minute.",
    ),
    "server_error": (500, 0, "InternalError", "An internal error has occurred."),
    "expired_token": (401, 109, "AuthenticationTokenExpired", "Authentication token expired. Please renew the token."),
}


@dataclass
class RotatingTokens(Tokens):
    """Each use gives a new refresh token; as at Microsoft the older ones go on working until they lapse.

    They are signed, not remembered, so that a client's newest one outlives this process. `oldest` lets all before it lapse.
    """

    oldest: int = 0

    def refresh_token_of(self, number: int) -> str:
        return f"M.C5-{number}-{hmac.digest(self.client_secret.encode(), str(number).encode(), 'sha256').hex()[:32]}"

    def issue(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        given = form.get("refresh_token", "")
        number = int(parts[1]) if len(parts := given.split("-")) == 3 and parts[1].isdigit() else -1
        if number < self.oldest or given != self.refresh_token_of(number):
            return 400, {"error": "invalid_grant", "error_description": "AADSTS70008: The refresh token has expired."}
        if form.get("scope", SCOPE) != SCOPE:
            return 400, {"error": "invalid_scope", "error_description": "AADSTS70011: The scope is not valid."}
        status, body = super().issue({**form, "refresh_token": self.refresh_token})
        return status, body | (
            {"refresh_token": self.refresh_token_of(number + 1), "scope": SCOPE} if status == 200 else {}
        )


TOKENS = RotatingTokens(CLIENT_ID, CLIENT_SECRET, "any that is signed")


@dataclass
class Shelf:
    """Reports that were asked for: how often a client must poll, and the finished files."""

    pending_polls: int = 1
    polls: OrderedDict[str, int] = field(default_factory=OrderedDict)
    files: dict[str, bytes | None] = field(default_factory=dict)  # None: the report has no rows
    addresses: dict[str, tuple[str, float]] = field(default_factory=dict)

    def put(self, data: bytes | None) -> str:
        number = str(uuid4().int)[:16]
        self.polls[number], self.files[number] = 0, data
        while len(self.polls) > KEPT_REPORTS:
            self.files.pop(self.polls.popitem(last=False)[0])
        return number


SHELF = Shelf()


def fault(status: int, code: int, symbol: str, message: str) -> Response:
    body = {
        "TrackingId": str(uuid4()),
        "Type": "AdApiFaultDetail",
        "Errors": [{"Code": code, "Detail": None, "ErrorCode": symbol, "Message": message}],
    }
    return json_response(body, status, {"Retry-After": "1"} if status == 429 else None)


def error(kind: str) -> Response:
    if kind == "expired_token":
        TOKENS.expire()
    return fault(*ERRORS[kind])


def spoil(kind: str, body: bytes) -> bytes:
    """In a report: impressions that are no number in the first row, or `Spend` under another name. In a list: names that are
    no text, or ids under another name."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(body)) as packed:
            [name] = packed.namelist()
            lines = packed.read(name).decode("utf-8-sig").split("\r\n")
        top = next(i for i, line in enumerate(lines) if line.startswith('"TimePeriod"'))
        place = lines[top].split(",").index('"Impressions"')
        if kind == "schema_change":
            lines[top] = lines[top].replace('"Spend"', '"Cost"')
        else:
            cells = lines[top + 1].split('","')
            cells[place] = "n/a"
            lines[top + 1] = '","'.join(cells)
        return reports.zipped("\r\n".join(lines), name)
    found = orjson.loads(body)
    for rows in found.values() if isinstance(found, dict) else ():
        for row in (rows[:1] if kind == "malformed_row" else rows) if isinstance(rows, list) else ():
            if kind == "malformed_row":
                row["Id"] = {"value": row.get("Id")}
            else:
                row["Identifier"] = row.pop("Id", None)
    return orjson.dumps(found)


def _environment(url: str) -> dict[str, str]:
    values = {
        "BASE_URL": f"{url}/microsoft_ads",
        "TOKEN_URL": f"{url}/microsoft_ads/common/oauth2/v2.0/token",
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "REFRESH_TOKEN": TOKENS.refresh_token_of(0),
        "DEVELOPER_TOKEN": DEVELOPER_TOKEN,
        "POLL_SECONDS": "0.05",
    }
    return {f"SOURCES__MICROSOFT_ADS__{key}": value for key, value in values.items()}


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def download(request: Request) -> Response:
        number, until = SHELF.addresses.get(request.query_params.get("sig", ""), ("", 0.0))
        data = SHELF.files.get(number) if time.monotonic() < until else None
        if data is None or request.path_params["name"] != f"{number}.zip":
            return Response("<Error><Code>AuthenticationFailed</Code></Error>", 403, media_type="application/xml")
        return Response(data, media_type="application/zip")

    def submit(desk: Desk, body: Mapping[str, Any], request: Request) -> Any:
        return {"ReportRequestId": SHELF.put(reports.report(desk, body))}

    def poll(desk: Desk, body: Mapping[str, Any], request: Request) -> Any:
        number = body.get("ReportRequestId")
        if not isinstance(number, str) or number not in SHELF.polls:
            raise Refused(2100, "ReportingServiceInvalidReportId", "The specified report ID is invalid.")
        SHELF.polls[number] += 1
        if SHELF.polls[number] <= SHELF.pending_polls:
            return {"ReportRequestStatus": {"Status": "Pending", "ReportDownloadUrl": None}}
        if SHELF.files[number] is None:  # no rows: a success without an address
            return {"ReportRequestStatus": {"Status": "Success", "ReportDownloadUrl": None}}
        signature = uuid4().hex
        SHELF.addresses[signature] = (number, time.monotonic() + ADDRESS_SECONDS)
        host = f"{request.url.scheme}://{request.headers['host']}"
        address = f"{host}/microsoft_ads/downloads/{number}.zip?sig={signature}"
        return {"ReportRequestStatus": {"Status": "Success", "ReportDownloadUrl": address}}

    def listing(handler: Callable[..., Any]) -> Callable[..., Any]:
        return lambda desk, body, request: handler(desk, body, request.headers.get("CustomerAccountId", ""))

    served: dict[str, Callable[..., Any]] = {
        "/Reporting/v13/GenerateReport/Submit": submit,
        "/Reporting/v13/GenerateReport/Poll": poll,
        **{path: listing(handler) for path, handler in entities.HANDLERS.items()},
    }
    return [
        Route("/common/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/downloads/{name}", download),
        *(Route(path, _guarded(desk, path, handler), methods=["POST"]) for path, handler in served.items()),
    ]


def _guarded(desk: Desk, path: str, handler: Callable[..., Any]) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        given = request.headers
        if given.get("DeveloperToken") != DEVELOPER_TOKEN:
            return fault(
                401, 105, "InvalidCredentials", "Authentication failed. Either supplied credentials are invalid."
            )
        if not TOKENS.accepts(given.get("Authorization", "").removeprefix("Bearer ")):
            return fault(*ERRORS["expired_token"])
        try:
            body = orjson.loads(await request.body())
            if not path.startswith("/CustomerManagement"):
                entities.permitted(desk, given.get("CustomerId", ""), given.get("CustomerAccountId", ""))
            return json_response(await _in_thread(handler, desk, body, request))
        except orjson.JSONDecodeError:
            return fault(400, 100, "NullRequest", "The request message is null.")
        except Refused as e:
            return fault(400, *e.args)

    return serve


async def _in_thread(handler: Callable[..., Any], *args: Any) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(handler, *args)


VENDOR = Vendor("microsoft_ads", _routes, error, spoil, _environment)
