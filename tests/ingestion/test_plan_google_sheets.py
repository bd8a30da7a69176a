"""A plan in Google Sheets: the same plan, versions and mistakes as in a workbook, and what is said when Google says no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from typer.testing import CliRunner

from ingestion.__main__ import app
from ingestion.errors import SourceError
from ingestion.sandbox.company import Company
from ingestion.sandbox.plan import example
from ingestion.sandbox.server.vendors import google_sheets as vendor
from ingestion.sandbox.server.vendors.google_sheets.masks import Unknown, masked, parsed_mask
from ingestion.sandbox.sizes import SIZES
from ingestion.settings import Settings
from ingestion.sources.plan import SPEC, google_sheets
from ingestion.sources.plan.checking import check
from ingestion.sources.plan.google_sheets import read_spreadsheet, spreadsheet_id
from ingestion.sources.plan.reading import read_book
from ingestion.sources.plan.sheets import SHEETS
from ingestion.sources.plan.template import write
from tests.ingestion.test_plan import MISTAKES, NIGHT, SMALL, House, column
from tests.sandbox import Sandbox, copy_of, serving, set_all

ADDRESS = f"https://docs.google.com/spreadsheets/d/{vendor.SPREADSHEET}/edit?gid=0#gid=0"


@pytest.fixture
def shared(tiny_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A spreadsheet of one's own: the workbook `book_of(shared)`."""
    with serving(copy_of(tiny_company, tmp_path / "company"), NIGHT) as running:
        set_all(monkeypatch, running.environment() | {"SOURCES__PLAN__SPREADSHEET": ADDRESS})
        write(book_of(running), "en", SMALL)
        yield running


def book_of(sandbox: Sandbox) -> Path:
    return sandbox.world.folder / "plan.xlsx"


def change(sandbox: Sandbox, edit: Callable[[Any], object]) -> None:
    book = openpyxl.load_workbook(book_of(sandbox))
    edit(book)
    book.save(book_of(sandbox))


def told(plan: Any) -> list[str]:
    return [str(p) for p in plan.problems]


# --- the same plan ----------------------------------------------------------------------------------------------------
def test_the_example_is_the_same_rows_in_raw_from_a_workbook_a_folder_and_a_spreadsheet(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = example(Company(7, SIZES["tiny"], sandbox.world.start_date), NIGHT.year, "no")
    write(tmp_path / "plan.xlsx", "no", rows)
    write(tmp_path / "plan", "no", rows)
    places = {
        "xlsx": ("FILE", str(tmp_path / "plan.xlsx")),
        "csv": ("FILE", str(tmp_path / "plan")),
        "sheets": ("SPREADSHEET", ADDRESS),
    }
    found = {}
    for name, (setting, value) in places.items():
        monkeypatch.delenv("SOURCES__PLAN__FILE", raising=False)
        monkeypatch.setenv(f"SOURCES__PLAN__{setting}", value)
        house = House(tmp_path / name)
        report = house.load()
        assert (report.status, report.message) == (
            "loaded",
            f"version 1 of the plan, {sum(map(len, rows.values()))} rows",
        )
        found[name] = {
            s.name: house.raw(f"select * exclude (_dlt_load_id, _dlt_id) from plan.{s.name} order by all")
            for s in SHEETS
        }
    assert found["sheets"] == found["xlsx"] == found["csv"]
    assert found["sheets"]["budget_lines"]


def test_every_mistake_is_told_as_in_a_workbook(shared: Sandbox) -> None:
    good = book_of(shared).read_bytes()
    mistakes = {n: m for n, m in MISTAKES.items() if n != "a formula nobody worked out"}  # Google works out all
    for name, (edit, _) in mistakes.items():
        book_of(shared).write_bytes(good)
        change(shared, edit)
        in_workbook, in_sheets = check(read_book(book_of(shared))), check(read_spreadsheet(vendor.SPREADSHEET))
        assert told(in_sheets) == told(in_workbook) != [], name
        assert in_sheets.remarks == in_workbook.remarks


@pytest.mark.parametrize(
    ("value", "shown", "meant"),
    [
        ("1 234,50", "@", "1234.5"), (1234.5, "#,##0.00", "1234.5"), (0.125, "General", "0.125"), (46387, "0", "46387"),
        ("1.500", "@", "Budget!F2: '1.500', expected a number that can be read one way only: 1500, or 1.50"),
        (date(2026, 5, 1), "yyyy-mm-dd", "Budget!F2: '2026-05-01', expected a number such as 1234.50 or 1 234,50; "
         "the cell holds a date - did the program turn 1.5 into one?"),
        (True, "General", "Budget!F2: 'True', expected a number such as 1234.50 or 1 234,50"),
        ("#REF!", "General", "Budget!F2: '#REF!', expected a formula without an error"),
        ("Loading...", "General", "Budget!F2: 'Loading...', expected a number such as 1234.50 or 1 234,50"),
    ],
)  # fmt: skip
def test_numbers_days_texts_and_errors_are_told_apart(shared: Sandbox, value: object, shown: str, meant: str) -> None:
    def edit(book: Any) -> None:
        cell = book["Budget"].cell(2, column("budget_lines", "amount"))
        cell.number_format = shown
        cell.value = value

    change(shared, edit)
    plan = check(read_spreadsheet(vendor.SPREADSHEET))
    amount = [format(r["amount"].normalize(), "f") for r in plan.rows["budget_lines"].values() if r["month"].month == 1]
    assert told(plan) + amount == [meant]


def test_days_and_shares_are_read_by_the_cells_format(shared: Sandbox) -> None:
    def edit(book: Any) -> None:
        for sheet, row, field, value, shown in (
            ("Activities", 2, "end_date", datetime(2026, 12, 31, 9, 30), "yyyy-mm-dd hh:mm"),
            ("Goals", 3, "target_change_pct", 0.2, "0%"),
        ):
            table = {"Activities": "activities", "Goals": "goals"}[sheet]
            cell = book[sheet].cell(row, column(table, field))
            cell.number_format = shown
            cell.value = value

    change(shared, edit)
    plan = check(read_spreadsheet(vendor.SPREADSHEET))
    assert told(plan) == []
    assert plan.rows["activities"]["A1"]["end_date"] == date(2026, 12, 31)
    assert plan.rows["goals"]["G2"]["target_change_pct"] == 20


def test_a_day_that_is_shown_as_a_number_is_told(shared: Sandbox) -> None:
    change(shared, lambda b: b["Goals"].cell(2, column("goals", "due_date"), 46387))
    change(shared, lambda b: setattr(b["Goals"].cell(2, column("goals", "due_date")), "number_format", "0"))
    problem = check(read_spreadsheet(vendor.SPREADSHEET)).problems[0]
    assert str(problem).endswith("the cell holds a number: format it as a date")


def test_versions_are_made_of_what_changed_and_of_nothing_else(shared: Sandbox, tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    assert house.load().message == "version 1 of the plan, 7 rows"
    change(shared, lambda b: b.create_sheet("My own")["A1"].__setattr__("value", "a note"))
    assert house.load().status == "unchanged"
    change(shared, lambda b: b["Budget"].cell(2, column("budget_lines", "amount"), 99))
    report = house.load(date(2026, 11, 21))
    assert report.message == "version 2 of the plan, 7 rows, 1 change"
    assert house.raw("select distinct file_name from plan.plan_versions") == [(vendor.TITLE,)]
    changes = house.raw("select field, old_value, new_value from plan.plan_changes")
    assert changes == [("amount", "1234.5", "99")]


def test_a_spreadsheet_with_a_mistake_replaces_nothing(shared: Sandbox, tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    house.load()
    change(shared, lambda b: b["Budget"].cell(2, column("budget_lines", "amount"), "12 kr"))
    report = house.load(date(2026, 11, 21))
    assert (report.status, report.rejected) == ("failed", 1)
    assert report.message.startswith(
        f"{vendor.TITLE} has 1 mistake, version 1 of the plan stays in force: Budget!F2: '12 kr'"
    )
    assert house.raw("select count(*) from plan.budget_lines where amount = 1234.5") == [(3,)]
    assert house.raw("select request, account_id from plan._rejects") == [("Budget!F2", vendor.TITLE)]


# --- Google says no ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        (vendor.NOT_SHARED, r"permission \(code PERMISSION_DENIED, HTTP 403\); share the spreadsheet with the Google account"),
        (vendor.OFFICE_FILE, r"not supported for this document \(code FAILED_PRECONDITION, HTTP 400\); .* Save as Google Sheets"),
        ("1nobodysSpreadsheet-00000000000000000000000", r"not found. \(code NOT_FOUND, HTTP 404\); copy the spreadsheet's address"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_told_with_what_to_do(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, identifier: str, said: str
) -> None:
    house = House(tmp_path / "data")
    house.load()
    monkeypatch.setenv("SOURCES__PLAN__SPREADSHEET", identifier)
    report = house.load(date(2026, 11, 21))
    assert (report.status, report.last_good_as_of) == ("failed", NIGHT)
    assert re.search(said, report.message), report.message
    assert house.raw("select max(version) from plan.plan_versions") == [(1,)]


@pytest.mark.parametrize(
    ("status", "code", "reason", "said"),
    [
        (403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "grant access anew with the scope .*spreadsheets.readonly"),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED", "switch the Google Sheets API on"),
    ],
)  # fmt: skip
def test_a_missing_scope_and_a_switched_off_api_are_told_apart(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int, code: str, reason: str, said: str
) -> None:
    def refuse(identifier: str) -> None:
        raise vendor.Refused(status, "Request had insufficient authentication scopes.", code, [vendor.reason(reason)])

    monkeypatch.setattr(vendor, "_opened", refuse)
    with pytest.raises(SourceError, match=said) as caught:
        read_spreadsheet(vendor.SPREADSHEET)
    assert caught.value.code == reason


def test_a_token_that_is_over_is_renewed_and_a_withdrawn_grant_is_told(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.order("/google_sheets/v4", "expired_token", after=1)
    assert check(read_spreadsheet(vendor.SPREADSHEET)).n_rows == 7
    assert [kind for kind, _ in shared.struck()] == ["expired_token"]
    monkeypatch.setenv("SOURCES__PLAN__REFRESH_TOKEN", "1//withdrawn")
    with pytest.raises(SourceError, match=r"no token: invalid_grant .*SOURCES__PLAN__REFRESH_TOKEN") as caught:
        read_spreadsheet(vendor.SPREADSHEET)
    assert "withdrawn" not in str(caught.value)


def test_a_rate_limit_is_waited_for_and_in_the_end_told(shared: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.order("/google_sheets/v4", "rate_limit")
    assert check(read_spreadsheet(vendor.SPREADSHEET)).n_rows == 7
    monkeypatch.setattr(google_sheets, "ENOUGH_WAITING", 2)
    shared.order("/google_sheets/v4", "rate_limit", times=-1)
    with pytest.raises(
        SourceError, match=r"Read requests per minute .*too many reads a minute; the next night goes on"
    ):
        read_spreadsheet(vendor.SPREADSHEET)


@pytest.mark.parametrize("kind", ["server_error", "truncated", "reset"])
def test_what_passes_is_tried_again(shared: Sandbox, kind: str) -> None:
    shared.order("/google_sheets/v4", kind)
    assert check(read_spreadsheet(vendor.SPREADSHEET)).n_rows == 7


@pytest.mark.parametrize(
    ("kind", "after", "said"),
    [
        ("malformed_row", 1, "a cell of Goals holds {'numberValue': 'n/a'}; did the API change"),
        ("schema_change", 0, "a sheet has no title; did the API change"),
        ("schema_change", 1, "sheet Goals was asked for and did not come; did the API change"),
    ],
)
def test_an_answer_of_another_shape_is_told(shared: Sandbox, kind: str, after: int, said: str) -> None:
    shared.order("/google_sheets/v4", kind, after=after)
    with pytest.raises(SourceError, match=re.escape(said)):
        read_spreadsheet(vendor.SPREADSHEET)


def test_cells_without_their_values_are_told_and_not_read_as_an_empty_plan(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor.Cell, "_effective", lambda self: {})
    with pytest.raises(SourceError, match="no cell has an effectiveValue; did the API change"):
        read_spreadsheet(vendor.SPREADSHEET)


def test_a_sheet_with_endless_rows_is_refused_before_it_is_read(
    shared: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_sheets, "MAX_ROWS", 50)
    with pytest.raises(SourceError, match=r"sheet Goals has 103 rows; a plan has some hundred: delete empty ones"):
        read_spreadsheet(vendor.SPREADSHEET)


# --- settings and command ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ADDRESS, vendor.SPREADSHEET), (vendor.SPREADSHEET, vendor.SPREADSHEET), ("plan.xlsx", ""),
        (f"docs.google.com/spreadsheets/u/1/d/{vendor.SPREADSHEET}", vendor.SPREADSHEET),
        ("https://docs.google.com/document/d/1abcdefghijklmnopqrstuvwxyz", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_spreadsheet_is_known_by_address_and_id(text: str, found: str) -> None:
    assert spreadsheet_id(text) == found


def test_settings_that_cannot_be_are_told(shared: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    assert SPEC.configured(house.settings).message == f"spreadsheet {vendor.SPREADSHEET}"
    monkeypatch.setenv("SOURCES__PLAN__FILE", "plan.xlsx")
    assert "both set; keep one" in house.load().message
    monkeypatch.delenv("SOURCES__PLAN__FILE")
    monkeypatch.setenv("SOURCES__PLAN__SPREADSHEET", "my plan")
    assert "expected a spreadsheet's address or id" in house.load().message
    monkeypatch.setenv("SOURCES__PLAN__SPREADSHEET", ADDRESS)
    monkeypatch.delenv("SOURCES__PLAN__CLIENT_SECRET")
    found = SPEC.configured(Settings(_env_file=None))  # type: ignore[call-arg]
    assert (found.ready, found.message) == (False, "no client secret; set SOURCES__PLAN__CLIENT_SECRET")


@pytest.mark.parametrize("named", [[], [ADDRESS], [vendor.SPREADSHEET]])
def test_check_takes_a_spreadsheet(shared: Sandbox, named: list[str]) -> None:
    good = CliRunner().invoke(app, ["plan", "check", *named])
    assert (good.exit_code, good.output) == (0, f"{vendor.TITLE} is right: 2 goals, 3 budget, 2 activities\n")
    change(shared, lambda b: b["Budget"].cell(2, column("budget_lines", "amount"), "12 kr"))
    bad = CliRunner().invoke(app, ["plan", "check", *named])
    assert (bad.exit_code, "Budget!F2: '12 kr'" in bad.output) == (1, True)


# --- the sandbox ------------------------------------------------------------------------------------------------------
def test_the_sandbox_refuses_what_google_refuses(shared: Sandbox) -> None:
    base = f"{shared.url}/google_sheets/v4/spreadsheets/{vendor.SPREADSHEET}"
    assert httpx.get(base).json()["error"]["status"] == "UNAUTHENTICATED"
    form = {"grant_type": "refresh_token", "client_id": vendor.TOKENS.client_id, "client_secret": vendor.TOKENS.client_secret,
            "refresh_token": vendor.TOKENS.refresh_token}  # fmt: skip
    token = httpx.post(f"{shared.url}/google_sheets/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for query, said in (
        ("?include=all", 'Unknown name "include"'),
        ("?ranges=Nowhere!A1", "Unable to parse range: Nowhere!A1"),
        ("?fields=sheets.cells", "Request contains an invalid argument."),
        ("/values:batchGet?ranges=Goals&valueRenderOption=RAW", "Invalid value at 'valueRenderOption'"),
    ):
        answer = httpx.get(f"{base}{query}", headers=headers)
        assert answer.status_code == 400
        assert said in answer.json()["error"]["message"]
    got = httpx.get(f"{base}/values/'Budget'!A1:B2", headers=headers).json()
    assert got == {
        "range": "Budget!A1:B2",
        "majorDimension": "ROWS",
        "values": [["Activity", "Month"], ["A1", "2026-01"]],
    }
    days = httpx.get(
        f"{base}/values:batchGet?ranges=Budget!B2&ranges=Budget!F2:F3&valueRenderOption=UNFORMATTED_VALUE",
        headers=headers,
    ).json()
    assert [r["values"] for r in days["valueRanges"]] == [[[46023]], [[1234.5], [1234.5]]]


def test_a_field_mask_picks_members_in_every_element() -> None:
    body = {"sheets": [{"properties": {"title": "A", "index": 0}, "merges": []}], "properties": {"title": "Plan"}}
    assert masked(body, parsed_mask("properties/title,sheets(properties.title)")) == {
        "sheets": [{"properties": {"title": "A"}}], "properties": {"title": "Plan"},
    }  # fmt: skip
    assert masked(body, parsed_mask("sheets.properties(title,index),sheets.merges")) == {"sheets": body["sheets"]}
    with pytest.raises(Unknown, match=r"sheets\.properties\.name"):
        parsed_mask("sheets.properties(title,name)")
