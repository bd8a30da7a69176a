"""A workbook's cells as Google Sheets tells them: value, how it is shown in a Norwegian spreadsheet, and its number format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from ingestion.sandbox.server.vendor import Desk

_DAY_ZERO = datetime(1899, 12, 30)
_ERRORS = {
    "#NULL!": "NULL_VALUE", "#DIV/0!": "DIVIDE_BY_ZERO", "#VALUE!": "VALUE", "#REF!": "REF", "#NAME?": "NAME",
    "#NUM!": "NUM", "#N/A": "N_A", "#ERROR!": "ERROR", "Loading...": "LOADING",
}  # fmt: skip
_MORE_ROWS = 100  # empty ones that a sheet has below its last


def book_of(desk: Desk) -> Any:
    """The workbook beside the company, else the example on the clock's day."""
    import openpyxl

    from ingestion.sandbox.company import Company
    from ingestion.sandbox.plan import example
    from ingestion.sandbox.sizes import SIZES
    from ingestion.sources.plan.template import workbook

    file = desk.world.folder / "plan.xlsx"
    if file.exists():
        return openpyxl.load_workbook(file, data_only=True)
    company = Company(desk.world.seed, SIZES[desk.world.size], desk.world.start_date)
    return workbook("no", example(company, desk.clock.year, "no"))


@dataclass(frozen=True)
class Cell:
    """One cell of openpyxl's, in Google's words."""

    value: Any
    is_error: bool
    pattern: str

    @property
    def format_type(self) -> str:
        from openpyxl.styles.numbers import is_date_format

        if self.pattern == "General":
            return ""
        if self.pattern == "@":
            return "TEXT"
        if is_date_format(self.pattern):
            has_time = any(c in self.pattern.lower() for c in "hs")
            return ("DATE_TIME" if "d" in self.pattern.lower() else "TIME") if has_time else "DATE"
        return "PERCENT" if "%" in self.pattern else "NUMBER"

    @property
    def is_moment(self) -> bool:
        return isinstance(self.value, (date, time))

    @property
    def plain(self) -> Any:
        """The value unformatted; days and times as serial numbers."""
        value = self.value
        if isinstance(value, time):
            value = _DAY_ZERO + timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime):
            days = (value - _DAY_ZERO) / timedelta(days=1)
            return int(days) if days == int(days) else days
        return "" if value is None else value

    @property
    def formatted(self) -> str:
        value, pattern = self.value, self.pattern
        if value is None:
            return ""
        if isinstance(value, bool):
            return "SANN" if value else "USANN"
        if self.is_moment:
            return f"{value:%Y-%m}" if pattern == "yyyy-mm" else str(value).removesuffix(" 00:00:00")
        if not isinstance(value, (int, float)):
            return str(value)
        if "%" in pattern:
            return f"{value * 100:.{pattern.count('0') - 1}f} %".replace(".", ",")
        text = f"{value:,.2f}" if pattern == "#,##0.00" else f"{value:g}" if abs(value) < 1e6 else str(value)
        return text.replace(",", "\u00a0").replace(".", ",")

    def data(self) -> Mapping[str, Any]:
        """As CellData; an empty cell that is formatted has its format alone."""
        found: dict[str, Any] = {}
        if self.value is not None:
            found = {"effectiveValue": self._effective(), "formattedValue": self.formatted}
        if kind := self.format_type:
            shown = {"numberFormat": {"type": kind, "pattern": self.pattern}}
            found |= {"userEnteredFormat": shown, "effectiveFormat": shown}
        return found

    def _effective(self) -> Mapping[str, Any]:
        if self.is_error:
            return {"errorValue": {"type": _ERRORS.get(str(self.value), "ERROR"), "message": "Something is wrong."}}
        if isinstance(self.value, bool):
            return {"boolValue": self.value}
        if isinstance(self.value, str):
            return {"stringValue": self.value}
        return {"numberValue": self.plain}


class Page:
    """One sheet."""

    def __init__(self, index: int, sheet: Any) -> None:
        self._sheet, self.title = sheet, sheet.title
        self.n_rows, self.n_columns = sheet.max_row + _MORE_ROWS, max(sheet.max_column, 26)
        self.properties: dict[str, Any] = {
            "sheetId": index * 1_000 + 17 if index else 0, "title": self.title, "index": index, "sheetType": "GRID",
            "gridProperties": {"rowCount": self.n_rows, "columnCount": self.n_columns},
        }  # fmt: skip
        if sheet.sheet_state != "visible":
            self.properties["hidden"] = True

    @property
    def merges(self) -> list[Mapping[str, int]]:
        """GridRanges: from 0, their ends not in them."""
        return [
            {
                "sheetId": self.properties["sheetId"], "startRowIndex": m.min_row - 1, "endRowIndex": m.max_row,
                "startColumnIndex": m.min_col - 1, "endColumnIndex": m.max_col,
            }
            for m in self._sheet.merged_cells.ranges
        ]  # fmt: skip

    def rows(self, first: int, last: int, left: int, right: int) -> Sequence[Sequence[Cell]]:
        """Rows from 1, both ends; columns from 0, without the end. What is empty at the ends is left out."""
        found = [list(self._row(n, left, right)) for n in range(first, min(last, self._sheet.max_row) + 1)]
        while found and not found[-1]:
            found.pop()
        return found

    def _row(self, number: int, left: int, right: int) -> Iterator[Cell]:
        cells = self._sheet[number][left:right]
        while cells and cells[-1].value is None:
            cells = cells[:-1]
        for cell in cells:
            yield Cell(cell.value, cell.data_type == "e", getattr(cell, "number_format", "General") or "General")

    def name_of(self, first: int, last: int, left: int, right: int) -> str:
        from openpyxl.utils import get_column_letter

        title = self.title if self.title.isalnum() else "'" + self.title.replace("'", "''") + "'"
        return f"{title}!{get_column_letter(left + 1)}{first}:{get_column_letter(right)}{last}"


def pages(book: Any) -> list[Page]:
    return [Page(i, sheet) for i, sheet in enumerate(book.worksheets)]
