"""Google Sheets API: a spreadsheet with the company's marketing plan. spreadsheets.get, values.get and values.batchGet, under v4.

The plan is the workbook beside the company (plan.xlsx), which the demo writes and people may change; without one, the
example as of the clock. Shapes follow the vendor's discovery document sheets v4, revision 20261019. Not served: writing,
developer metadata, named ranges, formulas as text, formats other than of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Tokens, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.google_sheets.cells import Cell, Page, book_of, pages
from ingestion.sandbox.server.vendors.google_sheets.masks import Unknown, masked, parsed_mask

TOKENS = Tokens("sandbox.apps.googleusercontent.com", "sandbox-google-client-secret", "1//sandbox-google-sheets")
SPREADSHEET = "1nordlysKontorMarkedsplan-sandbox-0000000001"
NOT_SHARED = "1nordlysKontorStyrepapirer-sandbox-000000002"
OFFICE_FILE = "1nordlysKontorBudsjettXlsx-sandbox-000000003"  # an Excel file in Drive, which the API does not open
TITLE = "Markedsplan Nordlys Kontor"

_COMMON = {"alt", "fields", "key", "prettyPrint", "quotaUser", "access_token", "oauth_token", "$.xgafv"}
_GET = {*_COMMON, "ranges", "includeGridData", "excludeTablesInBandedRanges"}
_RENDER = {*_COMMON, "majorDimension", "valueRenderOption", "dateTimeRenderOption"}
_RANGE = re.compile(r"^(?:'((?:[^']|'')+)'|([^'!]+))(?:!([A-Z]*)(\d*)(?::([A-Z]*)(\d*))?)?$")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
           429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}  # fmt: skip


class Refused(Exception):
    """Google says no; args are (HTTP status, message) and what `refusal` takes beside."""


def refusal(code: int, message: str, status: str = "", details: Sequence[Mapping[str, Any]] = ()) -> Response:
    error: dict[str, Any] = {"code": code, "message": message, "status": status or _STATUS[code]}
    if details:
        error["details"] = list(details)
    return json_response({"error": error}, code)


def reason(name: str) -> Mapping[str, Any]:
    """The detail that names a refusal's reason."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": name,
        "domain": "googleapis.com",
        "metadata": {"service": "sheets.googleapis.com"},
    }


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    async def token(request: Request) -> Response:
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def answering(work: Any, known: set[str]) -> Any:
        async def answer(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not TOKENS.accepts(token):
                return _unsigned()
            try:
                for name in request.query_params:
                    if name not in known:
                        said = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
                        raise Refused(400, f"{said} Field '{name}' could not be found in request message.")
                _opened(request.path_params["id"])
                body = await run_in_threadpool(work, desk, request)
                return json_response(_chosen(body, request.query_params.get("fields", "")))
            except Refused as e:
                return refusal(*e.args)

        return answer

    tokens = ("/token", "/oauth2/v4/token", "/o/oauth2/token")
    return [
        *(Route(p, token, methods=["POST"]) for p in tokens),
        Route("/v4/spreadsheets/{id}", answering(_spreadsheet, _GET)),
        Route("/v4/spreadsheets/{id}/values:batchGet", answering(_batch, {*_RENDER, "ranges"})),
        Route("/v4/spreadsheets/{id}/values/{range:path}", answering(_one, _RENDER)),
    ]


def _unsigned() -> Response:
    said = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return refusal(401, said)


def _opened(identifier: str) -> None:
    if identifier == NOT_SHARED:
        raise Refused(403, "The caller does not have permission")
    if identifier == OFFICE_FILE:
        raise Refused(400, "This operation is not supported for this document", "FAILED_PRECONDITION")
    if identifier != SPREADSHEET:
        raise Refused(404, "Requested entity was not found.")


def _chosen(body: Mapping[str, Any], fields: str) -> Any:
    """The members of an answer that the field mask names; all without one."""
    if not fields:
        return body
    try:
        return masked(body, parsed_mask(fields))
    except Unknown as e:
        said = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{e}'."
        violation = {"field": str(e), "description": said}
        detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
        raise Refused(400, "Request contains an invalid argument.", "", [detail]) from None


def _spreadsheet(desk: Desk, request: Request) -> Mapping[str, Any]:
    asked = request.query_params
    there = pages(book_of(desk))
    parts = [_part(r, there) for r in asked.getlist("ranges")]
    with_cells = "data" in asked["fields"] if "fields" in asked else asked.get("includeGridData") == "true"
    sheets = []
    for page in there:
        wanted = [part[1:] for part in parts if part[0] is page]
        if parts and not wanted:
            continue
        sheet: dict[str, Any] = {"properties": page.properties}
        if page.merges:
            sheet["merges"] = page.merges
        if with_cells:
            sheet["data"] = [_grid(page, *part) for part in wanted or [(1, page.n_rows, 0, page.n_columns)]]
        sheets.append(sheet)
    properties = {"title": TITLE, "locale": "no_NO", "autoRecalc": "ON_CHANGE", "timeZone": "Europe/Oslo"}
    url = f"https://docs.google.com/spreadsheets/d/{SPREADSHEET}/edit"
    return {"spreadsheetId": SPREADSHEET, "properties": properties, "sheets": sheets, "spreadsheetUrl": url}


def _grid(page: Page, first: int, last: int, left: int, right: int) -> Mapping[str, Any]:
    rows = [{"values": [c.data() for c in row]} if row else {} for row in page.rows(first, last, left, right)]
    start = {k: v for k, v in (("startRow", first - 1), ("startColumn", left)) if v}
    return {**start, **({"rowData": rows} if rows else {})}


def _part(text: str, there: Sequence[Page]) -> tuple[Page, int, int, int, int]:
    """(sheet, first row, last row, first column, column after the last) of A1 notation; rows from 1, columns from 0."""
    match = _RANGE.match(text)
    title = (match.group(1) or "").replace("''", "'") or match.group(2) if match else None
    page = next((p for p in there if p.title.casefold() == str(title).casefold()), None)
    if not match or page is None:
        raise Refused(400, f"Unable to parse range: {text}")
    left, top, right, bottom = match.group(3), match.group(4), match.group(5), match.group(6)
    if not left and not top:
        return page, 1, page.n_rows, 0, page.n_columns
    if right is None and bottom is None:
        right, bottom = left, top
    first, last = int(top or 1), min(int(bottom or page.n_rows), page.n_rows)
    return page, first, last, _column(left) if left else 0, _column(right) + 1 if right else page.n_columns


def _column(letters: str) -> int:
    from openpyxl.utils import column_index_from_string

    return int(column_index_from_string(letters)) - 1


def _batch(desk: Desk, request: Request) -> Mapping[str, Any]:
    there = pages(book_of(desk))
    found = [_values(r, there, request.query_params) for r in request.query_params.getlist("ranges")]
    return {"spreadsheetId": SPREADSHEET, "valueRanges": found}


def _one(desk: Desk, request: Request) -> Mapping[str, Any]:
    return _values(request.path_params["range"], pages(book_of(desk)), request.query_params)


def _values(text: str, there: Sequence[Page], asked: Mapping[str, str]) -> Mapping[str, Any]:
    page, first, last, left, right = _part(text, there)
    render = _enum(asked, "valueRenderOption", ("FORMATTED_VALUE", "UNFORMATTED_VALUE"))
    days = _enum(asked, "dateTimeRenderOption", ("SERIAL_NUMBER", "FORMATTED_STRING"))
    major = _enum(asked, "majorDimension", ("ROWS", "COLUMNS"))

    def shown(cell: Cell) -> Any:
        if render == "FORMATTED_VALUE" or (cell.is_moment and days == "FORMATTED_STRING"):
            return cell.formatted
        return cell.plain

    rows = [[shown(c) for c in row] for row in page.rows(first, last, left, right)]
    if major == "COLUMNS":
        width = max(map(len, rows), default=0)
        rows = [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
    return {
        "range": page.name_of(first, last, left, right),
        "majorDimension": major,
        **({"values": rows} if rows else {}),
    }


def _enum(asked: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    value = asked.get(name, known[0])
    if value not in known:
        raise Refused(400, f"Invalid value at '{name}', \"{value}\"")
    return value


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        said = (
            "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
            "'sheets.googleapis.com' for consumer 'project_number:318204771'."
        )
        return refusal(429, said, "", [reason("RATE_LIMIT_EXCEEDED")])
    if kind == "expired_token":
        TOKENS.expire()
        return _unsigned()
    return refusal(500, "Internal error encountered.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first number is a word; schema_change: effectiveValue has another name."""
    if kind == "malformed_row":
        return re.sub(rb'"numberValue":[\d.]+', b'"numberValue":"n/a"', body, count=1)
    return body.replace(b'"effectiveValue":', b'"value":').replace(b'"title":', b'"name":')


def _environment(url: str) -> Mapping[str, str]:
    """Signed in, but no spreadsheet named: the demo reads the workbook."""
    base = f"{url}/google_sheets"
    values = {
        "BASE_URL": base,
        "TOKEN_URL": f"{base}/token",
        "CLIENT_ID": TOKENS.client_id,
        "CLIENT_SECRET": TOKENS.client_secret,
        "REFRESH_TOKEN": TOKENS.refresh_token,
    }
    return {f"SOURCES__PLAN__{k}": v for k, v in values.items()}


VENDOR = Vendor("google_sheets", _routes, _error, _spoil, _environment)
