"""A plan in Google Sheets: one request gives its sheets as cells, as a workbook would. API sheets/v4, spreadsheets.get.

Cells are read as grid data, not as `values`: only there a number, a day, a share in per cent and a formula's error are
told apart, whatever the spreadsheet's language. Sheets that are not the plan's are not asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from ingestion.errors import SourceError
from ingestion.http import google_client
from ingestion.sources.plan.reading import MAX_ROWS, Book, Fault, Grid, Percent, Value, cell_name
from ingestion.sources.plan.sheets import SHEETS, SOURCE

BASE_URL = "https://sheets.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
ENOUGH_WAITING = 5  # calls; the quota is by the minute
_ADDRESS = re.compile(r"^(?:https?://)?docs\.google\.com/spreadsheets/(?:u/\d+/)?d/([\w-]{20,})(?:[/?#].*)?$")
_ID = re.compile(r"^[\w-]{20,}$")
_DAY_ZERO = datetime(1899, 12, 30)
_SHEETS = "properties.title,sheets.properties(title,sheetType,gridProperties.rowCount)"
_CELLS = (
    "sheets(properties.title,merges,data(startRow,startColumn,rowData.values("
    "effectiveValue,formattedValue,effectiveFormat.numberFormat)))"
)
_SHARE = "share the spreadsheet with the Google account that granted access (to view is enough)"
NEXT_STEPS = {
    "UNAUTHENTICATED": "the token is not accepted; grant access anew and set SOURCES__PLAN__REFRESH_TOKEN",
    "PERMISSION_DENIED": f"{_SHARE}, or correct SOURCES__PLAN__SPREADSHEET",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": f"grant access anew with the scope {SCOPE} and set SOURCES__PLAN__REFRESH_TOKEN",
    "SERVICE_DISABLED": "switch the Google Sheets API on in the Google Cloud project of the client id",
    "NOT_FOUND": "copy the spreadsheet's address from the browser to SOURCES__PLAN__SPREADSHEET",
    "FAILED_PRECONDITION": "what lies there is no Google spreadsheet, perhaps an Excel file in Drive: choose File, "
    "Save as Google Sheets, and take the new one's address",
    "RESOURCE_EXHAUSTED": "too many reads a minute; the next night goes on",
    "RATE_LIMIT_EXCEEDED": "too many reads a minute; the next night goes on",
}


def spreadsheet_id(text: str) -> str:
    """The id in a spreadsheet's address, or the id itself; "" for what is neither."""
    if match := _ADDRESS.match(text.strip()):
        return match.group(1)
    return text.strip() if _ID.match(text.strip()) else ""


def read_spreadsheet(identifier: str) -> Book:
    """The plan in a spreadsheet. Raises SourceError."""
    client = google_client(SOURCE, BASE_URL, "v4/", next_steps=NEXT_STEPS, attempts=ENOUGH_WAITING, timeout=180.0)
    path = f"spreadsheets/{identifier}"
    about = client.get(path, {"fields": _SHEETS})
    sheets = [s["properties"] for s in about.get("sheets") or ()]
    if not sheets or not all(isinstance(s.get("title"), str) for s in sheets):
        raise _strange("a sheet has no title")
    known = {n.casefold() for s in SHEETS for n in (s.name, s.no, s.en)}
    wanted: list[str] = []
    for sheet in sheets:
        if sheet["title"].strip().casefold() not in known or sheet.get("sheetType", "GRID") != "GRID":
            continue
        wanted.append(sheet["title"])
        if (n := sheet.get("gridProperties", {}).get("rowCount", 0)) > MAX_ROWS:
            raise SourceError(
                SOURCE, f"sheet {sheet['title']} has {n:,} rows; a plan has some hundred: delete empty ones"
            )
    read: dict[str, Grid] = {}
    if wanted:  # without a range, Google would give all sheets
        ranges = ["'" + title.replace("'", "''") + "'" for title in wanted]
        answer = client.get(path, {"ranges": ranges, "fields": _CELLS})
        read = {g.title: g for g in map(_grid, answer.get("sheets") or ())}
        if missing := [t for t in wanted if t not in read]:
            raise _strange(f"sheet {missing[0]} was asked for and did not come")
        if not any(g.rows for g in read.values()) and "formattedValue" in str(answer):
            raise _strange("no cell has an effectiveValue")
    # what stands beside the plan's sheets does not make another version of it
    content = [
        [g.title, [[n, [_plain(v) for v in cells]] for n, cells in g.rows], list(g.merged)] for g in read.values()
    ]
    sha256 = hashlib.sha256(orjson.dumps(sorted(content, key=lambda c: str(c[0])))).hexdigest()
    grids = tuple(read.get(s["title"], Grid(s["title"], ())) for s in sheets)
    return Book(str(about.get("properties", {}).get("title") or identifier), sha256, grids)


def _strange(what: str) -> SourceError:
    return SourceError(SOURCE, f"Google Sheets' answer cannot be read: {what}; did the API change?")


def _plain(value: Value) -> Any:
    return [type(value).__name__, repr(value)] if isinstance(value, (Fault, Percent, datetime)) else value


def _grid(sheet: Mapping[str, Any]) -> Grid:
    title = str(sheet.get("properties", {}).get("title", ""))
    rows: list[tuple[int, Sequence[Value]]] = []
    for data in sheet.get("data") or ():
        before: list[Value] = [None] * data.get("startColumn", 0)
        for number, row in enumerate(data.get("rowData") or (), start=data.get("startRow", 0) + 1):
            cells = [_value(title, c) for c in row.get("values") or ()]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                rows.append((number, before + cells))
    return Grid(title, rows, tuple(map(_range, sheet.get("merges") or ())))


def _range(merge: Mapping[str, int]) -> str:
    """B3:B7 of a GridRange, whose ends are not in it."""
    first = cell_name(merge.get("startRowIndex", 0) + 1, merge.get("startColumnIndex", 0))
    return f"{first}:{cell_name(merge['endRowIndex'], merge['endColumnIndex'] - 1)}"


def _value(title: str, cell: Mapping[str, Any]) -> Value:
    value = cell.get("effectiveValue")
    if not value:
        return None
    if "errorValue" in value:
        return Fault(str(cell.get("formattedValue") or value["errorValue"].get("type")), "a formula without an error")
    for kind, python in (("stringValue", str), ("boolValue", bool)):
        if isinstance(value.get(kind), python):
            return value[kind]  # type: ignore[no-any-return]
    number = value.get("numberValue")
    if not isinstance(number, (int, float)) or isinstance(number, bool):
        raise _strange(f"a cell of {title} holds {str(value)[:80]}")
    shown = cell.get("effectiveFormat", {}).get("numberFormat", {})
    if shown.get("type") in ("DATE", "DATE_TIME", "TIME"):
        try:
            moment = _DAY_ZERO + timedelta(seconds=round(number * 86_400))
        except OverflowError:
            return number
        return str(moment.time()) if shown["type"] == "TIME" else moment
    return Percent(number) if shown.get("type") == "PERCENT" or "%" in shown.get("pattern", "") else number
