"""The plan: what is read and how, every mistake by sheet and cell, versions and changes, and that a bad plan replaces nothing."""

from __future__ import annotations

import csv
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from typer.testing import CliRunner

from ingestion import ops
from ingestion.__main__ import app
from ingestion.errors import SourceError
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.company import Company
from ingestion.sandbox.demo import demo_if_needed
from ingestion.sandbox.plan import example, write_example
from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.store import World
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources.plan import SPEC
from ingestion.sources.plan.checking import Plan, check
from ingestion.sources.plan.fields import Language, channels, kpis
from ingestion.sources.plan.reading import read_book
from ingestion.sources.plan.sheets import BY_NAME, SHEETS
from ingestion.sources.plan.template import reference, write
from quality.run import run_contract
from tests.sandbox import SEED, copy_of

NIGHT = date(2026, 11, 20)
SMALL: dict[str, list[dict[str, Any]]] = {
    "goals": [
        {
            "goal_id": "G1", "level": "business", "goal": "Sell more", "kpi": "net_revenue", "target": Decimal(1000000),
            "measured_in": "webshop", "start_date": date(2026, 1, 1), "due_date": date(2026, 12, 31), "owner": "Ada",
        },
        {
            "goal_id": "G2", "level": "channel", "parent_goal_id": "G1", "goal": "More leads", "kpi": "qualified_leads",
            "channels": "paid_search, paid_social", "target_change_pct": Decimal(20), "measured_in": "crm",
            "baseline_start_date": date(2025, 7, 1), "baseline_end_date": date(2025, 9, 30), "condition_kpi": "cpl_loaded",
            "condition_operator": "below", "condition_change_pct": Decimal(0),
            "start_date": date(2026, 7, 1), "due_date": date(2026, 9, 30), "owner": "Ada",
        },
    ],
    "activities": [
        {
            "activity_id": "A1", "activity": "Search", "owner": "Bo", "start_date": date(2026, 1, 1), "status": "ongoing",
            "channel": "paid_search", "stage": "consideration", "goal_id": "G2", "utm_campaigns": "no_search, no_brand",
            "impact": 8, "confidence": 7, "effort": 3, "investment_class": "core",
        },
        {
            "activity_id": "A2", "activity": "Social", "owner": "Bo", "start_date": date(2026, 3, 1),
            "end_date": date(2026, 6, 30), "status": "done", "channel": "paid_social", "stage": "awareness",
        },
    ],
    "budget_lines": [
        {
            "activity_id": "A1", "month": date(2026, month, 1), "channel": "paid_search", "stage": "consideration",
            "category": "media", "amount": Decimal("1234.50"), "currency": "NOK",
        }
        for month in (1, 2, 3)
    ],
}  # fmt: skip


def column(sheet: str, field: str) -> int:
    """A column's number in a template, from 1."""
    return [f.name for f in BY_NAME[sheet].fields].index(field) + 1


def put(sheet: Any, row: int, at: int, value: object, **more: object) -> None:
    """Give a cell a value (`cell()` itself ignores None) and other attributes."""
    cell = sheet.cell(row, at)
    cell.value = value
    for name, what in more.items():
        setattr(cell, name, what)


class Book:
    """A plan in a workbook that a test spoils."""

    def __init__(self, path: Path, language: Language = "en") -> None:
        self.path, self.language = path, language
        write(path, language, SMALL)

    def change(self, edit: Callable[[Any], object]) -> Book:
        book = openpyxl.load_workbook(self.path)
        edit(book)
        book.save(self.path)
        return self

    def put(self, sheet: str, field: str, value: object, row: int = 2) -> Book:
        title = BY_NAME[sheet].title(self.language)

        def edit(book: Any) -> None:
            cell = book[title].cell(row, column(sheet, field))
            cell.number_format = "General"
            cell.value = value

        return self.change(edit)

    def read(self) -> Plan:
        return check(read_book(self.path))

    def told(self) -> list[str]:
        return [str(p) for p in self.read().problems]

    def value(self, sheet: str, field: str, row_id: str) -> object:
        plan = self.read()
        assert [str(p) for p in plan.problems] == []
        return plan.rows[sheet][row_id][field]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "plan.xlsx")


class House:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(_env_file=None, data_dir=folder, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[call-arg,arg-type]

    def load(self, as_of: date = NIGHT) -> LoadReport:
        report = load_source(
            SPEC, self.settings, as_of, lambda spec, package: run_contract(spec, package, self.settings, as_of)
        )
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file("plan")), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def house(tmp_path: Path, book: Book, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("SOURCES__PLAN__FILE", str(book.path))
    return House(tmp_path / "data")


# --- sheets, as data --------------------------------------------------------------------------------------------------
def test_no_header_of_a_sheet_means_two_columns_in_any_language() -> None:
    for sheet in SHEETS:
        meant: dict[str, str] = {}
        for f in sheet.fields:
            for name in {n.casefold() for n in (f.name, f.no, f.en)}:
                assert meant.setdefault(name, f.name) == f.name, (sheet.name, name)
    names = [{n.casefold() for n in (s.name, s.no, s.en)} for s in SHEETS]
    assert sum(map(len, names)) == len(set().union(*names))


def test_no_name_of_a_list_means_two_values() -> None:
    for f in {f.name + f.ref: f for s in SHEETS for f in s.fields if f.options()}.values():
        meant: dict[str, str] = {}
        for key, names in f.options().items():
            for name in {n.casefold() for n in (key, *names)}:
                assert meant.setdefault(name, key) == key, (f.name, name)


def test_what_sheets_name_is_there() -> None:
    for sheet in SHEETS:
        fields = {f.name for f in sheet.fields}
        named = {*sheet.key, *sheet.unique, *sheet.uniform}
        for group in (*sheet.exactly_one, *sheet.at_least_one, *sheet.together, *sheet.ordered):
            named |= set(group)
        assert named <= fields, sheet.name
        assert {f.ref for f in sheet.fields} <= {"", "kpi", "channel", *BY_NAME}
        assert sheet.field(sheet.key[0]).required or sheet.name == "budget_lines"


def test_every_channel_of_a_plan_is_an_origin_that_the_marts_know() -> None:
    with (PROJECT_DIR / "dbt_project" / "seeds" / "origin_channels.csv").open(encoding="utf-8") as f:
        known = {r["origin"]: r["channel_key"] for r in csv.DictReader(f)}
    assert {key: known.get(key.replace("_", " ")) for key in channels()} == {key: key for key in channels()}


# --- reading ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["no", "en"])
@pytest.mark.parametrize("name", ["plan.xlsx", "plan"])
def test_what_was_written_is_read_back_in_either_language_and_form(
    tmp_path: Path, language: Language, name: str
) -> None:
    company = Company(7, SIZES["tiny"], date(2026, 10, 31))
    rows = example(company, 2026, language)
    write(tmp_path / name, language, rows)
    plan = check(read_book(tmp_path / name))
    assert [str(p) for p in plan.problems] == []
    for sheet in SHEETS:
        wanted = [{f.name: row.get(f.name) for f in sheet.fields} for row in rows.get(sheet.name, ())]
        assert list(plan.rows[sheet.name].values()) == wanted


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1 234,50", "1234.5"), ("1,234.50", "1234.5"), ("1.234,50", "1234.5"), ("1234,5", "1234.5"), (1234.5, "1234.5"),
        ("1\u00a0234\u202f567", "1234567"), ("1,234,567", "1234567"), ("0.125", "0.125"), ("12", "12"), (0.1 + 0.2, "0.3"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(book: Book, written: object, meant: str) -> None:
    book.put("budget_lines", "amount", written)
    assert book.value("budget_lines", "amount", "A1 | 2026-01-01 | paid_search | consideration | media") == Decimal(
        meant
    )


@pytest.mark.parametrize(
    "written", ["31.12.2026", "2026-12-31", "2026-12-31 00:00:00", date(2026, 12, 31), datetime(2026, 12, 31, 9, 30)]
)
def test_days_are_read_as_people_write_them(book: Book, written: object) -> None:
    book.put("activities", "end_date", written)
    assert book.value("activities", "end_date", "A1") == date(2026, 12, 31)


@pytest.mark.parametrize("written", ["2026-04", "04.2026", "4/2026", date(2026, 4, 17), "2026-04-01"])
def test_a_month_is_its_first_day(book: Book, written: object) -> None:
    book.put("budget_lines", "month", written)
    assert book.value("budget_lines", "month", "A1 | 2026-04-01 | paid_search | consideration | media") == date(
        2026, 4, 1
    )


@pytest.mark.parametrize(("written", "shown"), [(0.2, "0%"), (20, "General"), ("20 %", "General"), ("20", "@")])
def test_twenty_per_cent_is_twenty_however_the_cell_shows_it(book: Book, written: object, shown: str) -> None:
    book.put("goals", "target_change_pct", written, row=3)
    book.change(lambda b: setattr(b["Goals"].cell(3, column("goals", "target_change_pct")), "number_format", shown))
    assert book.value("goals", "target_change_pct", "G2") == 20


def test_a_share_where_a_percentage_is_meant_is_taken_and_said(book: Book) -> None:
    plan = book.put("goals", "target_change_pct", 0.2, row=3).read()
    assert (plan.problems, plan.rows["goals"]["G2"]["target_change_pct"]) == ([], Decimal("0.2"))
    assert plan.remarks == ["Goals!M3: 0.2 is read as 0.2 %, not as 20 %"]


def test_names_in_either_language_keys_and_other_case_mean_the_same(book: Book) -> None:
    book.put("activities", "channel", "BETALT SØK").put("activities", "stage", "Consideration")
    book.put("goals", "kpi", "Netto omsetning").put("goals", "channels", "Email; Betalt søk, paid_social")
    assert book.value("activities", "channel", "A1") == "paid_search"
    assert book.value("goals", "kpi", "G1") == "net_revenue"
    assert book.value("goals", "channels", "G1") == "email, paid_search, paid_social"


def test_order_of_columns_blank_rows_and_own_columns_do_not_matter(book: Book) -> None:
    def edit(b: Any) -> None:
        sheet = b["Budget"]
        sheet.move_range("A1:K4", cols=3)
        sheet["A1"], sheet["A2"], sheet["B9"] = "My own", "note", "beside the table"
        sheet.insert_rows(3)
        sheet.merge_cells("A5:B8")

    plan = book.change(edit).read()
    assert [str(p) for p in plan.problems] == []
    assert len(plan.rows["budget_lines"]) == 3
    assert plan.remarks == ["Budget: columns that are not the plan's were left out: My own"]


def test_a_csv_in_an_old_encoding_with_semicolons_is_read(tmp_path: Path) -> None:
    write(tmp_path / "plan", "no", SMALL)
    goals = tmp_path / "plan" / "Mål.csv"
    goals.write_bytes(goals.read_text("utf-8-sig").encode("cp1252"))
    plan = check(read_book(tmp_path / "plan"))
    assert plan.problems == []
    assert plan.rows["goals"]["G1"]["target"] == 1_000_000


def mandate(subject: str, subject_id: str | None) -> Callable[[Any], object]:
    """A row of the sheet of mandates."""
    row = {"mandate_id": "B1", "subject": subject, "subject_id": subject_id, "decision": "all", "owner": "Ada",
           "holds_from_date": date(2026, 1, 1)}  # fmt: skip
    return lambda b: b["Mandates"].append([row.get(f.name) for f in BY_NAME["mandates"].fields])


@pytest.mark.parametrize(
    ("subject", "written", "kept"),
    [
        ("Metric", "Kvalifiserte leads", "qualified_leads"), ("Måltall", "Net Revenue", "net_revenue"),
        ("dataset", "fct_cost", "fct_cost"), ("budget", "A1", "A1"), ("goal", "G2", "G2"), ("activity", None, None),
    ],
)  # fmt: skip
def test_a_mandate_speaks_of_what_is_there(book: Book, subject: str, written: str | None, kept: str | None) -> None:
    plan = book.change(mandate(subject, written)).read()
    assert [str(p) for p in plan.problems] == []
    assert plan.rows["mandates"]["B1"]["subject_id"] == kept


# --- mistakes ---------------------------------------------------------------------------------------------------------
MISTAKES: dict[str, tuple[Callable[[Any], object], str]] = {
    "a missing sheet": (
        lambda b: b.remove(b["Personas"]),
        "Personas: no sheet 'Personas' (it may be empty, but must be there); take it from `python -m ingestion plan template`",
    ),
    "a renamed sheet": (
        lambda b: setattr(b["Budget"], "title", "Budgets 2026"),
        "Budget: no sheet 'Budget' or 'Budsjett' (the nearest is 'Budgets 2026'); take it from `python -m ingestion plan template`",
    ),
    "a sheet in both languages": (
        lambda b: b.create_sheet("Mål"),
        "Goals: the sheet is there twice (Goals, Mål); keep one",
    ),
    "a renamed header": (
        lambda b: b["Activities"].cell(1, column("activities", "owner"), "Ownr"),
        "Activities!C1: 'Ownr', no column 'Owner' or 'Ansvarlig'; the nearest is 'Ownr'",
    ),
    "a header that stands twice": (
        lambda b: b["Activities"].cell(1, 40, "Owner"),
        "Activities!AN1: 'Owner', this header stands twice; keep one",
    ),
    "no header": (
        lambda b: b["Goals"].delete_rows(1, 3),
        "Goals!A1: the first row is empty; expected the header there",
    ),
    "merged cells": (
        lambda b: b["Budget"].merge_cells("A2:A4"),
        "Budget!A2:A4: merged cells; expected each cell by itself: unmerge them and fill in every row",
    ),
    "merged headers": (
        lambda b: b["Budget"].merge_cells("K1:L1"),
        "Budget!K1:L1: merged cells; expected each cell by itself: unmerge them and fill in every row",
    ),
    "text in a number cell": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), "about 12 kr"),
        "Budget!F3: 'about 12 kr', expected a number such as 1234.50 or 1 234,50",
    ),
    "a number that can be read two ways": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), "1.500"),
        "Budget!F3: '1.500', expected a number that can be read one way only: 1500, or 1.50",
    ),
    "a number the program turned into a date": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), date(2026, 5, 1)),
        "Budget!F3: '2026-05-01', expected a number such as 1234.50 or 1 234,50; the cell holds a date - did the program "
        "turn 1.5 into one?",
    ),
    "a negative budget": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), -5),
        "Budget!F3: '-5', expected at least 0",
    ),
    "duplicate ids": (
        lambda b: b["Goals"].append([c.value for c in b["Goals"][2]]),
        "Goals!A4: 'G1', expected one row a Goal id; row 2 has the same",
    ),
    "the same budget line twice": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "month"), date(2026, 1, 15)),
        "Budget!A3: 'A1 | 2026-01-01 | paid_search | consi...', expected one row a Activity x Month x Channel x Stage x "
        "Category; row 2 has the same",
    ),
    "an activity without owner": (
        lambda b: put(b["Activities"], 2, column("activities", "owner"), None),
        "Activities!C2: Owner is empty; expected the role or name of who answers for it",
    ),
    "a mandate over a goal that is not there": (
        mandate("Goal", "G22"),
        "Mandates!C2: 'G22', expected an id of the sheet Goals; the nearest is 'G2'",
    ),
    "a mandate over the budget of no activity": (
        mandate("Budget", "media"),
        "Mandates!C2: 'media', expected an id of the sheet Activities",
    ),
    "a mandate over a dataset that is not there": (
        mandate("Dataset", "fct_costs"),
        "Mandates!C2: 'fct_costs', expected the name of a mart, such as fct_order; the nearest is 'fct_cost'",
    ),
    "a mandate over a KPI that is not there": (
        mandate("Metric", "Net revenu"),
        "Mandates!C2: 'Net revenu', expected one of Leads, Qualified leads, Qualified leads per lead, Opportunities, "
        "Value of new opportunities, Deals won, Deals lost, Win rate, Value of won deals, ... "
        f"({len(kpis())} in all); the nearest is 'net_revenue'",
    ),
    "a goal without owner": (
        lambda b: put(b["Goals"], 2, column("goals", "owner"), "  "),
        "Goals!V2: Owner is empty; expected the role or name of who answers for it",
    ),
    "budget without activity and owner": (
        lambda b: put(b["Budget"], 2, 1, None),
        "Budget!I2: expected a value in Activity or Owner",
    ),
    "mixed currencies": (
        lambda b: b["Budget"].cell(4, column("budget_lines", "currency"), "EUR"),
        "Budget!G4: 'EUR', expected NOK as in row 2: Budget has one currency",
    ),
    "no currency": (
        lambda b: b["Budget"].cell(4, column("budget_lines", "currency"), "kroner"),
        "Budget!G4: 'kroner', expected a currency's three letters, such as NOK",
    ),
    "an unknown KPI": (
        lambda b: b["Goals"].cell(2, column("goals", "kpi"), "Net revenu"),
        "Goals!E2: 'Net revenu', expected one of Leads, Qualified leads, Qualified leads per lead, Opportunities, "
        "Value of new opportunities, Deals won, Deals lost, Win rate, Value of won deals, ... "
        f"({len(kpis())} in all); the nearest is 'Net revenue'",
    ),
    "an unreadable day": (
        lambda b: b["Activities"].cell(2, column("activities", "start_date"), "12/31/2026"),
        "Activities!D2: '12/31/2026', expected a day such as 2026-12-31 or 31.12.2026",
    ),
    "a day that does not exist": (
        lambda b: b["Activities"].cell(2, column("activities", "start_date"), "31.02.2026"),
        "Activities!D2: '31.02.2026', expected a day such as 2026-12-31 or 31.12.2026; there is no such day",
    ),
    "a day as a number": (
        lambda b: put(b["Activities"], 2, column("activities", "start_date"), 46000, number_format="0"),
        "Activities!D2: '46000', expected a day such as 2026-12-31 or 31.12.2026; the cell holds a number: format it as a date",
    ),
    "days in the wrong order": (
        lambda b: b["Activities"].cell(3, column("activities", "end_date"), date(2026, 2, 1)),
        "Activities!E3: '2026-02-01', expected a day not before Start (2026-03-01)",
    ),
    "an error of a formula": (
        lambda b: put(b["Budget"], 3, column("budget_lines", "amount"), "#REF!", data_type="e"),
        "Budget!F3: '#REF!', expected a formula without an error",
    ),
    "a formula nobody worked out": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), "=1+1"),
        "Budget!F3: 'a formula without a value', expected a calculated workbook: open it and save it again",
    ),
    "an activity that does not exist": (
        lambda b: b["Budget"].cell(3, 1, "A9"),
        "Budget!A3: 'A9', expected an id of the sheet Activities",
    ),
    "a campaign in two activities": (
        lambda b: b["Activities"].cell(3, column("activities", "utm_campaigns"), "x, NO_Brand"),
        "Activities!L3: 'NO_Brand', row 2 has it too; expected it in one row only",
    ),
    "ICE beyond its scale": (
        lambda b: b["Activities"].cell(2, column("activities", "impact"), 11),
        "Activities!Q2: '11', expected at least 1 and at most 10",
    ),
    "half of ICE": (
        lambda b: put(b["Activities"], 2, column("activities", "effort"), None),
        "Activities!S2: expected a value, since Impact has one",
    ),
    "a goal of a channel that serves none": (
        lambda b: put(b["Goals"], 3, 3, None),
        "Goals!C3: expected the goal it serves, of level business",
    ),
    "goals that serve each other": (
        lambda b: b["Goals"].cell(2, 3, "G2"),
        "Goals!C2: 'G2', expected nothing: a business goal is at the top",
    ),
    "two targets": (
        lambda b: b["Goals"].cell(3, column("goals", "target"), 5),
        "Goals!L3: '5', expected a value in Target or Target, change %, not in both",
    ),
    "a change against nothing": (
        lambda b: [put(b["Goals"], 3, c, None) for c in (9, 10)],
        "Goals!I3: expected the period that the change is against",
    ),
    "a condition without a limit": (
        lambda b: put(b["Goals"], 3, column("goals", "condition_change_pct"), None),
        "Goals!P3: expected one limit for the condition: a value or a change",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_by_sheet_cell_value_and_what_is_expected(book: Book, mistake: str) -> None:
    edit, told = MISTAKES[mistake]
    assert book.change(edit).told() == [told]


def test_every_mistake_is_told_at_once(book: Book) -> None:
    book.put("budget_lines", "amount", "x").put("goals", "owner", None).put("activities", "activity_id", "A7")
    told = book.told()
    assert [t.split(":")[0] for t in told] == ["Goals!V2", "Budget!A2", "Budget!F2", "Budget!A3", "Budget!A4"]


# --- files that are not opened ----------------------------------------------------------------------------------------
def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_book(path)
    return str(caught.value)


def test_a_workbook_with_macros_is_refused_by_name_and_by_content(book: Book) -> None:
    named = shutil.copy(book.path, book.path.with_suffix(".xlsm"))
    assert (
        refused(Path(named))
        == "plan: plan.xlsm: is a workbook with macros; save it as .xlsx (File, Save as, Excel workbook)"
    )
    with zipfile.ZipFile(book.path, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"macro")
    assert "plan.xlsx: holds macros; save it as .xlsx without them" in refused(book.path)


def test_a_workbook_with_a_password_is_told_as_such(book: Book) -> None:
    from msoffcrypto.format.ooxml import OOXMLFile

    locked = book.path.with_name("locked.xlsx")
    with book.path.open("rb") as plain, locked.open("wb") as out:
        OOXMLFile(plain).encrypt("hunter2", out)
    assert "locked.xlsx: is protected by a password; save it without one" in refused(locked)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("plan.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "is an old .xls workbook; save it as .xlsx"),
        ("plan.xlsx", b"", "is empty (0 bytes); was it still being saved?"),
        ("plan.xlsx", b"PK\x03\x04 cut off", "is no readable workbook (BadZipFile: File is not a zip file); open it and save it again"),
        ("plan.ods", b"PK\x03\x04", "is a .ods; expected .xlsx, or a folder of .csv files"),
        ("plan.csv", b"a,b", "is a .csv; expected .xlsx, or a folder of .csv files"),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_told_with_what_to_do(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert told in refused(tmp_path / name)


def test_merged_cells_and_open_formulas_are_seen_whatever_prefix_the_writer_uses(book: Book) -> None:
    book.put("budget_lines", "amount", "=1+1", row=3).change(lambda b: b["Goals"].merge_cells("A2:A3"))
    prefixed = book.path.with_name("prefixed.xlsx")
    with zipfile.ZipFile(book.path) as old, zipfile.ZipFile(prefixed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                content = re.sub(rb"<(/?)(?=\w)", rb"<\1x:", content).replace(b"xmlns=", b"xmlns:x=")
            new.writestr(name, content)
    told = [str(p) for p in check(read_book(prefixed)).problems]
    assert [t.split(":")[0] for t in told] == ["Goals!A2", "Budget!F3"]
    assert "a formula without a value" in told[1]


def test_a_formula_that_gives_an_empty_text_is_an_empty_cell(book: Book) -> None:
    book.put("goals", "note", "=X")
    spoilt = book.path.with_name("spoilt.xlsx")
    with zipfile.ZipFile(book.path) as old, zipfile.ZipFile(spoilt, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, re.sub(rb"(<c r=\"W2\"[^>]*)>(<f>X</f>)<v ?/?>(</v>)?", rb'\1 t="str">\2<v></v>', old.read(name))
            )
    plan = check(read_book(spoilt))
    assert ([str(p) for p in plan.problems], plan.rows["goals"]["G1"]["note"]) == ([], None)
    assert "a formula without a value" in book.told()[0]


def test_a_sheet_that_is_there_twice_and_errors_in_a_csv_are_told(tmp_path: Path) -> None:
    write(tmp_path / "plan", "en", SMALL)
    budget = tmp_path / "plan" / "Budget.csv"
    budget.write_text(budget.read_text("utf-8-sig").replace("1234.5", "#VERDI!", 1), "utf-8")
    shutil.copy(tmp_path / "plan" / "Goals.csv", tmp_path / "plan" / "goals .csv")
    told = [str(p) for p in check(read_book(tmp_path / "plan")).problems]
    assert told == [
        "Goals: the sheet is there twice (Goals, goals ); keep one",
        "Budget!F2: '#VERDI!', expected a formula without an error",
    ]


def test_thousands_of_mistakes_are_told_in_seconds(tmp_path: Path) -> None:
    write(tmp_path / "plan", "en", SMALL)
    with (tmp_path / "plan" / "Budget.csv").open("a", encoding="utf-8") as f:
        f.writelines(f"A{n},2026-13,Chanel {n},x,y,z,NOK\n" for n in range(10, 5_010))
    started = time.monotonic()
    told = check(read_book(tmp_path / "plan")).problems
    assert len(told) == 5_000 * 6
    assert time.monotonic() - started < 30  # some 2 s on two idle cores; minutes if each looked for its nearest name


def test_a_plan_that_is_not_there_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    assert "set SOURCES__PLAN__FILE to the plan's workbook or folder" in refused(tmp_path / "gone.xlsx")
    assert "holds no .csv file" in refused(tmp_path)


def test_a_plan_of_fifty_thousand_rows_is_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "large.xlsx"
    write(tmp_path / "small.xlsx", "en", SMALL)
    small = openpyxl.load_workbook(tmp_path / "small.xlsx", read_only=True)
    large = openpyxl.Workbook(write_only=True)
    for sheet in small.worksheets:
        page = large.create_sheet(sheet.title)
        for row in sheet.iter_rows(values_only=True):
            page.append(row)
        if sheet.title == "Budget":
            for n in range(50_000):
                channel, stage = list(channels().values())[n % 20][1], ("Awareness", "Purchase", "Loyalty")[n // 20 % 3]
                page.append(
                    ("A1", date(2027 + n // 720 % 70, n // 60 % 12 + 1, 1), channel, stage, "Media", n + 0.5, "NOK")
                )
    large.save(path)
    started = time.monotonic()
    plan = check(read_book(path))
    seconds = time.monotonic() - started
    assert plan.problems == []
    assert len(plan.rows["budget_lines"]) == 50_003
    assert seconds < 40, f"{seconds:.1f} s"  # some 7 s on two cores


# --- loading, versions, changes ---------------------------------------------------------------------------------------
def test_nothing_is_loaded_while_no_plan_is_named(tmp_path: Path) -> None:
    report = House(tmp_path / "data").load()
    assert report.status == "not configured"
    assert "SOURCES__PLAN__FILE" in report.message


def test_the_first_plan_is_version_one_and_an_unchanged_file_is_not_loaded_again(house: House, book: Book) -> None:
    report = house.load()
    assert (report.status, report.message) == ("loaded", "version 1 of the plan, 7 rows")
    assert [c for c in report.checks if c.status != "passed"] == []
    assert house.load(date(2026, 11, 21)).status == "unchanged"
    book.path.write_bytes(book.path.read_bytes())
    assert house.load(date(2026, 11, 22)).status == "unchanged"
    held = house.raw("select version, seen_as_of, file_name, n_rows, n_changes, length(sha256) from plan.plan_versions")
    assert held == [(1, NIGHT, "plan.xlsx", 7, 0, 64)]
    assert house.raw("select count(*) from plan.plan_changes") == [(0,)]
    goal = "select goal, kpi, target_change_pct, channels, valid_from_version, valid_to_version from plan.goals where row_id = 'G2'"
    assert house.raw(goal) == [("More leads", "qualified_leads", 20, "paid_search, paid_social", 1, None)]


CHANGES = """
    select version, sheet, row_id, change_type, field, old_value, new_value, reason from plan.plan_changes
    order by version, sheet, row_id, field
"""


def test_every_change_is_kept_with_day_old_new_and_reason_also_two_in_a_day(house: House, book: Book) -> None:
    house.load()
    book.put("budget_lines", "amount", 2000).put("budget_lines", "change_reason", "more in January")
    assert house.load().message == "version 2 of the plan, 7 rows, 2 changes"
    book.put("budget_lines", "amount", 2500)  # the reason that stands there is the old one
    assert house.load().message == "version 3 of the plan, 7 rows, 1 change"
    book.put("activities", "goal_id", "G1").change(lambda b: b["Goals"].delete_rows(3))
    house.load(date(2026, 11, 21))
    line = "A1 | 2026-01-01 | paid_search | consideration | media"
    assert house.raw(CHANGES) == [
        (2, "budget_lines", line, "changed", "amount", "1234.5", "2000", "more in January"),
        (2, "budget_lines", line, "changed", "change_reason", None, "more in January", "more in January"),
        (3, "budget_lines", line, "changed", "amount", "2000", "2500", None),
        (4, "activities", "A1", "changed", "goal_id", "G2", "G1", None),
        (4, "goals", "G2", "removed", "*", None, None, None),
    ]
    versions = house.raw("select version, seen_as_of, n_changes from plan.plan_versions order by 1")
    assert versions == [(1, NIGHT, 0), (2, NIGHT, 2), (3, NIGHT, 1), (4, date(2026, 11, 21), 2)]
    amounts = house.raw(
        f"select amount, valid_from_version, valid_to_version from plan.budget_lines where row_id = '{line}' order by 2"
    )
    assert amounts == [(Decimal("1234.5"), 1, 2), (2000, 2, 3), (2500, 3, None)]
    assert house.raw("select goal_id from plan.goals where valid_to_version is null") == [("G1",)]


def test_what_was_the_plan_on_a_day_can_be_told(house: House, book: Book) -> None:
    house.load(date(2026, 11, 1))
    book.put("goals", "target", 5)
    house.load(date(2026, 11, 10))
    book.put("goals", "target", 6)
    house.load(date(2026, 11, 10))
    on = """
        with held as (select max(version) as version from plan.plan_versions where seen_as_of <= '{}')
        select target from plan.goals, held
        where row_id = 'G1' and valid_from_version <= version and (valid_to_version is null or valid_to_version > version)
    """
    assert [house.raw(on.format(day)) for day in ("2026-10-31", "2026-11-09", "2026-11-10")] == [
        [],
        [(1_000_000,)],
        [(6,)],
    ]


def test_moving_rows_and_saving_in_the_other_language_changes_nothing(house: House, book: Book) -> None:
    house.load()
    book.path.unlink()
    rows = {**SMALL, "budget_lines": list(reversed(SMALL["budget_lines"]))}
    write(book.path, "no", rows)
    assert house.load().message == "version 2 of the plan, 7 rows, 0 changes"
    assert house.raw("select count(*) from plan.budget_lines") == [(3,)]


def test_a_plan_with_a_mistake_replaces_nothing_and_is_told_until_it_is_mended(house: House, book: Book) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from plan.budget_lines order by all")
    book.put("budget_lines", "amount", "per@firma.no, 12 kr").put("goals", "goal", "Sell even more")
    book.put("activities", "owner", None)
    for night in (date(2026, 11, 21), date(2026, 11, 22)):
        report = house.load(night)
        assert (report.status, report.last_good_as_of, report.rejected) == ("failed", NIGHT, 2)
        assert report.message == (
            "plan.xlsx has 2 mistakes, version 1 of the plan stays in force: Budget!F2: 'p***(12), 12 kr', expected a number such "
            "as 1234.50 or 1 234,50; Activities!C2: Owner is empty; expected the role or name of who answers for it "
            "(`python -m ingestion plan check` shows all)"
        )
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from plan.budget_lines order by all") == before
    assert house.raw("select goal from plan.goals where row_id = 'G1'") == [("Sell more",)]
    rejects = house.raw(
        "select table_name, account_id, request, column_name, row_text from plan._rejects where as_of = '2026-11-22' order by 3"
    )
    assert rejects == [
        ("activities", "plan.xlsx", "Activities!C2", "Owner", ""),
        ("budget_lines", "plan.xlsx", "Budget!F2", "Amount", "per@firma.no, 12 kr"),
    ]
    book.put("budget_lines", "amount", 12).put("activities", "owner", "Bo")
    assert house.load(date(2026, 11, 23)).message == "version 2 of the plan, 7 rows, 2 changes"


def test_a_sheet_the_contract_turns_down_keeps_the_whole_plan_out(house: House, book: Book) -> None:
    house.load()
    book.put("goals", "target", 5).put("budget_lines", "amount", 99)

    @dataclass
    class Outcome:
        table: str
        check: str = "planted"
        status: str = "failed"
        severity: str = "critical"
        observed: str = "a fault"

    report = load_source(
        SPEC, house.settings, NIGHT, lambda spec, package: [Outcome("goals")] if "goals" in package else []
    )
    assert report.status == "failed"
    assert "goals: check planted failed" in report.message
    assert house.raw("select max(version) from plan.plan_versions") == [(1,)]
    assert house.raw("select count(*) from plan.budget_lines where amount = 99") == [(0,)]
    assert house.load().message == "version 2 of the plan, 7 rows, 2 changes"


def test_a_folder_of_csv_is_a_plan_too_and_a_touched_file_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "plan", "no", SMALL)
    monkeypatch.setenv("SOURCES__PLAN__FILE", str(tmp_path / "plan"))
    house = House(tmp_path / "data")
    assert house.load().status == "loaded"
    (tmp_path / "plan" / "Mål.csv").touch()
    assert house.load().status == "unchanged"
    budget = tmp_path / "plan" / "Budsjett.csv"
    budget.write_text(budget.read_text("utf-8-sig").replace("1234,5", "1 300,00", 1), "utf-8")
    assert house.load().message == "version 2 of the plan, 7 rows, 1 change"


def test_a_plan_read_by_another_definition_is_read_again(
    house: House, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    monkeypatch.setattr("ingestion.sources.plan.definition_hash", lambda: "another")
    assert house.load().message == "version 2 of the plan, 7 rows, 0 changes"


def test_an_old_plan_never_grows_stale(house: House) -> None:
    house.load(date(2025, 1, 1))
    report = house.load(date(2026, 11, 20))
    assert (report.status, report.is_stale, report.data_through_date) == ("unchanged", False, date(2025, 1, 1))
    assert (report.expected_lag_days, report.stale_after_days) == (
        None,
        None,
    )  # nor is it late, which the checks warn of


# --- the commands -----------------------------------------------------------------------------------------------------
def test_check_tells_and_ends_with_one(book: Book) -> None:
    good = CliRunner().invoke(app, ["plan", "check", str(book.path)])
    assert (good.exit_code, good.output) == (0, "plan.xlsx is right: 2 goals, 3 budget, 2 activities\n")
    book.put("goals", "owner", None)
    bad = CliRunner().invoke(app, ["plan", "check", str(book.path)])
    assert bad.exit_code == 1
    assert "Goals!V2: Owner is empty" in bad.output


def test_a_plan_is_never_overwritten(book: Book) -> None:
    with pytest.raises(SourceError, match="is there already"):
        write(book.path, "en")


@pytest.mark.parametrize("command", [["plan"], ["plan", "template"], ["plan", "check"]])
def test_help_is_there(command: list[str]) -> None:
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


def test_the_template_has_drop_downs_limits_and_instructions(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "template", "--language", "no", str(tmp_path / "ny.xlsx")])
    assert done.exit_code == 0, done.output
    book = openpyxl.load_workbook(tmp_path / "ny.xlsx")
    assert book.sheetnames == ["Les meg", *(s.no for s in SHEETS), "_lists"]
    assert book["_lists"].sheet_state == "hidden"
    rules = {str(r.sqref): (r.type, r.formula1) for r in book["Budsjett"].data_validations.dataValidation}
    assert rules["A2:A2000"] == ("list", "'Aktiviteter'!$A$2:$A$2000")
    assert rules["E2:E2000"][0] == "list"
    assert rules["F2:F2000"] == ("decimal", "0")
    assert [c.value for c in book["Budsjett"][1]] == [f.no for f in BY_NAME["budget_lines"].fields]
    told = {(row[0], row[1]) for row in book["Les meg"].iter_rows(values_only=True)}
    assert {("", f.no) for s in SHEETS for f in s.fields} <= {(a or "", b) for a, b in told}


# --- the simulated company's plan -------------------------------------------------------------------------------------
def test_the_example_names_the_companys_campaigns_and_costs_what_they_cost(tiny_company: Path, tmp_path: Path) -> None:
    world = World.open(tiny_company)
    write_example(tmp_path / "plan.xlsx", world, NIGHT)
    plan = check(read_book(tmp_path / "plan.xlsx"))
    assert [str(p) for p in plan.problems] == []
    names = (
        world.con()
        .execute("select lower(arg_min(name, valid_from)) from world.ad_campaigns group by campaign_id")
        .fetchall()
    )
    planned = {c for a in plan.rows["activities"].values() for c in (a["utm_campaigns"] or "").split(", ")}
    assert {n for (n,) in names} <= planned
    # the tiny company's 20 days from 31 October on: planned for all of November, spent on 19 of its 30 days
    november = [
        r for r in plan.rows["budget_lines"].values() if r["month"] == date(2026, 11, 1) and r["category"] == "media"
    ]
    spent = (
        world.con()
        .execute("""
        select sum(cost_micros / 1e6 * case currency when 'EUR' then 11.6 when 'USD' then 10.1 else 1 end)
        from world.ad_delivery join world.ad_accounts using (platform, account_id) where date >= '2026-11-01'
    """)
        .fetchall()[0][0]
    )
    assert 0.7 < float(sum(r["amount"] for r in november)) * 19 / 30 / spent < 1.4


def test_the_demos_plan_is_written_once(tiny_company: Path, tmp_path: Path) -> None:
    world, path = World.open(tiny_company), tmp_path / "plan.xlsx"
    write_example(path, world, NIGHT)
    before = path.read_bytes()
    write_example(path, world, date(2027, 2, 1))
    assert path.read_bytes() == before


def test_the_docs_name_every_sheet_and_column_as_they_are() -> None:
    text = (PROJECT_DIR / "docs" / "plan.md").read_text("utf-8")
    assert text.endswith(reference("en")), "run `python -m ingestion plan sheets` and put it at the end of docs/plan.md"


def test_the_demo_reads_the_plan_beside_its_company(
    tiny_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.sandbox.demo.SEED", SEED)
    missing = tmp_path / "none.yml"
    settings = Settings(_env_file=None, data_dir=tmp_path, demo=True, demo_size="tiny", files_catalogue=missing)  # type: ignore[call-arg]
    copy_of(tiny_company, tmp_path / "sandbox" / "tiny")
    with demo_if_needed(settings, NIGHT) as used:
        assert SPEC.configured(used).message == str(tmp_path / "sandbox" / "tiny" / "plan.xlsx")
        assert load_source(SPEC, used, NIGHT).status == "loaded"
    assert not SPEC.configured(settings).ready
