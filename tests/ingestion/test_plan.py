"""The plan: what is read and how, every mistake by sheet and cell, versions and changes, and that a bad plan replaces nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.company import Company
from ingestion.sandbox.plan import example
from ingestion.sandbox.sizes import SIZES
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources.plan import SPEC
from ingestion.sources.plan.checking import Plan, check
from ingestion.sources.plan.reading import read_book
from ingestion.sources.plan.sheets import BY_NAME, SHEETS, Language, channels
from ingestion.sources.plan.template import write
from quality.run import run_contract

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
        return load_source(
            SPEC, self.settings, as_of, lambda spec, package: run_contract(spec, package, self.settings, as_of)
        )

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


# --- mistakes ---------------------------------------------------------------------------------------------------------
def _sheet(name: str) -> Callable[[Any], Worksheet]:
    return lambda b: b[name]


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
        lambda b: b["Activities"].cell(2, column("activities", "owner")).__setattr__("value", None),
        "Activities!C2: Owner is empty; expected the role or name of who answers for it",
    ),
    "a goal without owner": (
        lambda b: b["Goals"].cell(2, column("goals", "owner")).__setattr__("value", "  "),
        "Goals!V2: Owner is empty; expected the role or name of who answers for it",
    ),
    "budget without activity and owner": (
        lambda b: b["Budget"].cell(2, 1).__setattr__("value", None),
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
        "Goals!E2: 'Net revenu', expected one of Leads, Qualified leads, Qualified leads per lead, Opportunities, Deals won, "
        "Deals lost, Win rate, Value of won deals, Qualified lead to customer, ... (36 in all); the nearest is 'Net revenue'",
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
        lambda b: b["Activities"].cell(2, column("activities", "start_date"), 46000).__setattr__("number_format", "0"),
        "Activities!D2: '46000', expected a day such as 2026-12-31 or 31.12.2026; the cell holds a number: format it as a date",
    ),
    "days in the wrong order": (
        lambda b: b["Activities"].cell(3, column("activities", "end_date"), date(2026, 2, 1)),
        "Activities!E3: '2026-02-01', expected a day not before Start (2026-03-01)",
    ),
    "an error of a formula": (
        lambda b: b["Budget"].cell(3, column("budget_lines", "amount"), "#REF!").__setattr__("data_type", "e"),
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
        lambda b: b["Activities"].cell(2, column("activities", "effort")).__setattr__("value", None),
        "Activities!S2: expected a value, since Impact has one",
    ),
    "a goal of a channel that serves none": (
        lambda b: b["Goals"].cell(3, 3).__setattr__("value", None),
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
        lambda b: [b["Goals"].cell(3, c).__setattr__("value", None) for c in (9, 10)],
        "Goals!I3: expected the period that the change is against",
    ),
    "a condition without a limit": (
        lambda b: b["Goals"].cell(3, column("goals", "condition_change_pct")).__setattr__("value", None),
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
