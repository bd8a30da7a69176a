"""Writes a plan: a workbook with drop-downs, validation and instructions, or a folder of CSV; empty or with rows.

Everything in it follows from sheets.py.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.errors import SourceError
from ingestion.sources.plan.fields import Field, Language, Sheet
from ingestion.sources.plan.history import as_text
from ingestion.sources.plan.reading import cell_name
from ingestion.sources.plan.sheets import BY_NAME, SHEETS, SOURCE

Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # by sheet; values as raw holds them
_LAST_ROW = 2_000  # how far down a sheet the drop-downs reach
_LISTS = "_lists"
_WIDTHS = {
    "text": 24,
    "list": 34,
    "choice": 20,
    "date": 13,
    "month": 11,
    "number": 14,
    "percent": 12,
    "integer": 11,
    "bool": 12,
}
_FORMATS = {
    "date": "yyyy-mm-dd",
    "month": "yyyy-mm",
    "number": "#,##0.00",
    "percent": "0.##",
    "integer": "0",
    "text": "@",
}
_BOOL = {"no": ("ja", "nei"), "en": ("yes", "no")}
_ABOUT: Mapping[Language, tuple[str, Sequence[str]]] = {
    "no": (
        "Les meg",
        (
            "Markedsplanen som levende data. Lagre den som .xlsx uten passord og makroer; natten leser den når den er endret.",
            "En rad er én ting. Overskriftene i rad 1 må stå som de er, i fri rekkefølge; egne kolonner og ark leses ikke.",
            "Mørke overskrifter må ha verdi i hver rad. Slå aldri sammen celler. Id-er er korte, og endres ikke.",
            "Tall: 1234,50 eller 1 234,50. Dager: 2026-12-31 eller 31.12.2026. Måneder: 2026-12.",
            "Skriv hvorfor i «Grunn til endring» når du endrer en rad: endringen lagres med dag, gammel og ny verdi og grunnen.",
            "Feil stopper hele planen: forrige gode plan gjelder til de er rettet. Se dem før natten: python -m ingestion plan check FIL",
        ),
    ),
    "en": (
        "Read me",
        (
            "The marketing plan as living data. Save it as .xlsx without password and macros; the night reads it when it has changed.",
            "A row is one thing. Keep the headers in row 1 as they are, in any order; columns and sheets of your own are not read.",
            "Dark headers must have a value in every row. Never merge cells. Ids are short and never change.",
            "Numbers: 1234.50 or 1,234.50. Days: 2026-12-31 or 31.12.2026. Months: 2026-12.",
            "Say why under “Reason for change” when you change a row: the change is kept with day, old and new value and the reason.",
            "A mistake stops the whole plan: the last good one stays in force. See before the night: python -m ingestion plan check FILE",
        ),
    ),
}  # fmt: skip
_COLUMNS: Mapping[Language, tuple[str, ...]] = {
    "no": ("Ark", "Kolonne", "Må fylles ut", "Form", "Hva"),
    "en": ("Sheet", "Column", "Required", "Form", "What"),
}
_FORMS: Mapping[str, tuple[str, str]] = {
    "text": ("tekst", "text"), "list": ("verdier med komma imellom", "values with commas between"),
    "choice": ("fra listen", "from the list"), "date": ("dag", "day"), "month": ("måned", "month"),
    "number": ("tall", "number"), "percent": ("prosent", "per cent"), "integer": ("helt tall", "whole number"),
    "bool": ("ja eller nei", "yes or no"),
}  # fmt: skip


def write(path: Path, language: Language, rows: Rows | None = None) -> None:
    """Write a plan to `path`: a workbook for .xlsx, a folder of CSV without an ending. Raises SourceError rather than overwrite."""
    if path.exists():
        raise SourceError(SOURCE, f"{path} is there already; give another name, a plan is never overwritten")
    if path.suffix and path.suffix.lower() != ".xlsx":
        raise SourceError(SOURCE, f"{path.name}: expected a name that ends in .xlsx, or a folder without an ending")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        workbook(language, rows or {}).save(path)
    else:
        _folder(path, language, rows or {})


def form(f: Field, language: Language) -> str:
    """How a column's cells look, in words."""
    at = 0 if language == "no" else 1
    if f.ref in BY_NAME:
        what = ("id fra", "id of")[at]
        return f"{what} {BY_NAME[f.ref].title(language)}"
    if f.choices:
        return ", ".join(names[at] for names in f.choices.values())
    said = _FORMS[f.type][at]
    if f.low is not None and f.high is not None:
        return f"{said} {f.low}-{f.high}"
    return said


def reference(language: Language) -> str:
    """All sheets and columns as Markdown tables: what docs/plan.md holds."""
    parts = []
    for sheet in SHEETS:
        key = ", ".join(sheet.field(k).header(language) for k in sheet.key)
        head = _COLUMNS[language]
        lines = [
            f"### {sheet.title(language)}",
            "",
            f"{sheet.help(language)} One row: {key}. Raw table `{sheet.name}`.",
            "",
        ]
        lines += [f"| {head[1]} | {head[2]} | {head[3]} | {head[4]} | in raw |", "|---|---|---|---|---|"]
        for f in sheet.fields:
            needed = _BOOL[language][0] if f.required else ""
            name = (
                f.header(language)
                if f.no == f.en
                else f"{f.header(language)} · {f.header('no' if language == 'en' else 'en')}"
            )
            lines.append(f"| {name} | {needed} | {form(f, language)} | {f.help(language)} | `{f.name}` |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


# --- a workbook ------------------------------------------------------------------------------------------------------
def workbook(language: Language, rows: Rows) -> Any:
    """The plan as a workbook of openpyxl, not saved."""
    from openpyxl import Workbook

    book = Workbook()
    _instructions(book.active, language)
    lists = book.create_sheet(_LISTS)
    ranges: dict[str, str] = {}
    for sheet in SHEETS:
        _sheet(book.create_sheet(sheet.title(language)), sheet, language, rows.get(sheet.name, ()), lists, ranges)
    book.move_sheet(lists, len(SHEETS))
    lists.sheet_state = "hidden"
    return book


def _instructions(page: Any, language: Language) -> None:
    from openpyxl.styles import Alignment, Font

    title, lines = _ABOUT[language]
    page.title = title
    for line in lines:
        page.append([line])
    page.append([])
    page.append(list(_COLUMNS[language]))
    for cell in page[page.max_row]:
        cell.font = Font(bold=True)
    page["A1"].font = Font(bold=True)
    for sheet in SHEETS:
        page.append([sheet.title(language), "", "", "", sheet.help(language)])
        page.cell(page.max_row, 1).font = Font(bold=True)
        for f in sheet.fields:
            needed = _BOOL[language][0] if f.required else ""
            page.append(["", f.header(language), needed, form(f, language), f.help(language)])
            page.cell(page.max_row, 4).alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABCDE", (22, 26, 13, 40, 90), strict=True):
        page.column_dimensions[letter].width = width


def _sheet(
    page: Any,
    sheet: Sheet,
    language: Language,
    rows: Sequence[Mapping[str, Any]],
    lists: Any,
    ranges: dict[str, str],
) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill

    dark, light = PatternFill("solid", start_color="1F3864"), PatternFill("solid", start_color="D9E2F3")
    page.freeze_panes = "A2"
    for i, f in enumerate(sheet.fields):
        letter = cell_name(1, i)[:-1]
        head = page.cell(1, i + 1, f.header(language))
        head.fill = dark if f.required else light
        head.font = Font(bold=True, color="FFFFFF" if f.required else "000000")
        head.comment = Comment(f"{f.help(language)}\n({form(f, language)})", "plan", width=300, height=110)
        page.column_dimensions[letter].width = _WIDTHS[f.type]
        page.column_dimensions[letter].number_format = _FORMATS.get(f.type, "General")
        if rule := _validation(f, language, lists, ranges):
            rule.add(f"{letter}2:{letter}{_LAST_ROW}")
            page.add_data_validation(rule)
    for number, row in enumerate(rows, start=2):
        for i, f in enumerate(sheet.fields):
            if (value := _cell(f, row.get(f.name), language)) is not None:
                page.cell(number, i + 1, value).number_format = _FORMATS.get(f.type, "General")
    page.auto_filter.ref = f"A1:{cell_name(max(len(rows) + 1, 2), len(sheet.fields) - 1)}"


def _validation(f: Field, language: Language, lists: Any, ranges: dict[str, str]) -> Any:
    """The drop-down or limit of a column, None where anything goes. Lists of several values cannot have one."""
    from openpyxl.worksheet.datavalidation import DataValidation

    at = 0 if language == "no" else 1
    said = {"promptTitle": f.header(language)[:32], "prompt": f.help(language)[:255], "showInputMessage": True}
    refuse = {"allow_blank": True, "showErrorMessage": True, **said}
    if f.type == "list":
        return None
    if options := f.options():
        key = f.ref or ",".join(options)
        if key not in ranges:
            column = len(ranges) + 1
            for row, names in enumerate(options.values(), start=1):
                lists.cell(row, column, names[at])
            letter = cell_name(1, column - 1)[:-1]
            ranges[key] = f"{_LISTS}!${letter}$1:${letter}${len(options)}"
        return DataValidation(type="list", formula1=ranges[key], **refuse)
    if f.ref:
        target = BY_NAME[f.ref]
        place = next(i for i, x in enumerate(target.fields) if x.name == target.key[0])
        letter = cell_name(1, place)[:-1]
        return DataValidation(type="list", formula1=f"'{target.title(language)}'!${letter}$2:${letter}${_LAST_ROW}", **refuse)  # fmt: skip
    if f.type == "bool":
        return DataValidation(type="list", formula1=f'"{",".join(_BOOL[language])}"', **refuse)
    if f.type in ("date", "month"):
        return DataValidation(type="date", operator="between", formula1="36526", formula2="73415", **refuse)
    if f.type == "integer":
        return DataValidation(type="whole", operator="between", formula1=str(f.low), formula2=str(f.high), **refuse)
    if f.type in ("number", "percent"):
        low, high = (-(10**12) if f.low is None else f.low), (10**12 if f.high is None else f.high)
        return DataValidation(type="decimal", operator="between", formula1=str(low), formula2=str(high), **refuse)
    return None


def _cell(f: Field, value: Any, language: Language) -> Any:
    """A value of raw as a person reads it."""
    if value is None:
        return None
    at = 0 if language == "no" else 1
    if f.type == "bool":
        return _BOOL[language][0 if value else 1]
    if f.type == "list" and f.ref:
        return ", ".join(f.options()[part][at] for part in str(value).split(", "))
    if f.options():
        return f.options()[value][at]
    return float(value) if isinstance(value, Decimal) else value


# --- a folder of CSV -------------------------------------------------------------------------------------------------
def _folder(path: Path, language: Language, rows: Rows) -> None:
    path.mkdir()
    for sheet in SHEETS:
        with (path / f"{sheet.title(language)}.csv").open("w", encoding="utf-8-sig", newline="") as f:
            out = csv.writer(f, delimiter=";" if language == "no" else ",")
            out.writerow([x.header(language) for x in sheet.fields])
            for row in rows.get(sheet.name, ()):
                out.writerow([_text(x, row.get(x.name), language) for x in sheet.fields])


def _text(f: Field, value: Any, language: Language) -> str:
    shown = _cell(f, value, language)
    if f.type == "month" and isinstance(shown, date):
        return f"{shown:%Y-%m}"
    if f.type in ("number", "percent") and shown is not None:
        shown = Decimal(str(shown))
    text = as_text(shown) or ""
    return text.replace(".", ",") if isinstance(shown, Decimal) and language == "no" else text
