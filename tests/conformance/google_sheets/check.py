"""Google's own Python client reads the sandbox: the spreadsheet's sheets and cells, values in each rendering, throttled, with a
token over, refused.

The client builds requests from its discovery document and gives answers as they came.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from typing import Any

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

PREFIX = "SOURCES__PLAN__"
SPREADSHEET = "1nordlysKontorMarkedsplan-sandbox-0000000001"
CELLS = "sheets(properties.title,data(rowData.values(effectiveValue,formattedValue,effectiveFormat.numberFormat)))"


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


def asked(call: Any, statuses: list[int]) -> Any:
    """One answer; a throttled call is made again. Raises HttpError."""
    for _ in range(4):
        try:
            return call.execute()
        except HttpError as e:
            statuses.append(e.resp.status)
            if e.resp.status != 429:
                raise
            time.sleep(1)
    raise AssertionError("throttled for ever")


def main(url: str) -> None:
    credentials = Credentials(
        None,
        refresh_token=os.environ[f"{PREFIX}REFRESH_TOKEN"],
        token_uri=os.environ[f"{PREFIX}TOKEN_URL"],
        client_id=os.environ[f"{PREFIX}CLIENT_ID"],
        client_secret=os.environ[f"{PREFIX}CLIENT_SECRET"],
    )
    at = {"api_endpoint": os.environ[f"{PREFIX}BASE_URL"]}
    service = build("sheets", "v4", credentials=credentials, static_discovery=True, client_options=at).spreadsheets()
    statuses: list[int] = []

    about = asked(service.get(spreadsheetId=SPREADSHEET), statuses)
    titles = [s["properties"]["title"] for s in about["sheets"]]
    assert {"Les meg", "Mål", "Budsjett", "_lists"} <= set(titles)
    assert all("data" not in s for s in about["sheets"])
    assert [s["properties"]["title"] for s in about["sheets"] if s["properties"].get("hidden")] == ["_lists"]

    control(url, "faults", {"route": "/google_sheets/v4", "kind": "rate_limit"})
    ranges = ["'Mål'", "Budsjett!A1:L5"]
    goals, budget = asked(service.get(spreadsheetId=SPREADSHEET, ranges=ranges, fields=CELLS), statuses)["sheets"]
    assert statuses == [429]
    rows = [r["values"] for r in budget["data"][0]["rowData"]]
    head = [c["effectiveValue"]["stringValue"] for c in rows[0]]
    assert len(rows) == 5
    line = dict(zip(head, rows[1], strict=False))
    assert line["Måned"]["effectiveFormat"]["numberFormat"]["type"] == "DATE"
    assert line["Måned"]["formattedValue"].count("-") == 1
    assert line["Beløp"]["effectiveValue"]["numberValue"] > 0
    assert len(goals["data"][0]["rowData"]) == 8

    # what the source does not use, and why: a day is a number, or text; a number shown is a text
    first = {
        (render, days): asked(
            service.values().batchGet(
                spreadsheetId=SPREADSHEET, ranges=["Budsjett!B2", "Budsjett!F2"], valueRenderOption=render, dateTimeRenderOption=days
            ),
            statuses,
        )["valueRanges"]
        for render, days in (
            ("UNFORMATTED_VALUE", "SERIAL_NUMBER"), ("UNFORMATTED_VALUE", "FORMATTED_STRING"), ("FORMATTED_VALUE", "SERIAL_NUMBER"),
        )
    }  # fmt: skip
    kinds = {
        key: [type(v["values"][0][0]).__name__.replace("float", "int") for v in found] for key, found in first.items()
    }
    assert list(kinds.values()) == [["int", "int"], ["str", "int"], ["str", "str"]], kinds
    got = asked(
        service.values().get(spreadsheetId=SPREADSHEET, range="Budsjett!A1:L5", majorDimension="COLUMNS"), statuses
    )
    assert [column[0] for column in got["values"]][: len(head)] == head

    control(url, "faults", {"route": "/google_sheets/v4", "kind": "expired_token"})
    assert asked(service.get(spreadsheetId=SPREADSHEET, ranges=ranges, fields=CELLS), statuses)["sheets"] == [
        goals,
        budget,
    ]
    for call, code, what in (
        (service.get(spreadsheetId=SPREADSHEET, fields="sheets.cells"), 400, "an unknown field"),
        (service.get(spreadsheetId=SPREADSHEET, ranges=["Nowhere"]), 400, "an unknown sheet"),
        (service.get(spreadsheetId="1nordlysKontorStyrepapirer-sandbox-000000002"), 403, "somebody else's spreadsheet"),
        (service.get(spreadsheetId="1nordlysKontorBudsjettXlsx-sandbox-000000003"), 400, "an Excel file"),
        (service.get(spreadsheetId="1nobodys"), 404, "no spreadsheet"),
    ):
        must_fail(code, call, what)
    for kind, error in {"malformed_row": TypeError, "schema_change": KeyError, "truncated": AttributeError}.items():
        control(url, "faults", {"route": "/google_sheets/v4", "kind": kind})
        answer = service.get(spreadsheetId=SPREADSHEET, ranges=["Budsjett"], fields=CELLS).execute()
        try:
            cells = [
                c for r in answer.get("sheets")[0]["data"][0]["rowData"] for c in r["values"] if c.get("formattedValue")
            ]
            sum(c["effectiveValue"].get("numberValue", 0) for c in cells)
        except error:
            continue
        raise AssertionError(f"{kind} went unnoticed")
    sys.stdout.write(
        f"{len(titles)} sheets, {len(goals['data'][0]['rowData']) - 1} goals; days, numbers and texts told apart as grid data; "
        "malformed, renamed and cut-off answers do not pass\n"
    )


def must_fail(code: int, call: Any, what: str) -> None:
    try:
        call.execute()
    except HttpError as e:
        assert e.resp.status == code, (what, e)
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    main(sys.argv[1])
