"""A plan's file -> sheets of cells; of Google Sheets see google_sheets.py. What cells mean is cells.py's."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingestion.errors import SourceError
from ingestion.sources.plan.sheets import SOURCE

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of password-protected XLSX, and of old .xls
_MAX_FILE_BYTES = 50_000_000
_MAX_BYTES = 300_000_000  # unpacked: some ten times a plan of 50,000 rows; more is a mistake, or an attack on memory
MAX_ROWS = 200_000
# in a sheet's XML, whatever prefix its writer uses: merged ranges, and formulas without the value a program last worked out
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+\d+(?::[A-Z]+\d+)?)"')
_UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\s(?![^>]*t="str")[^>]*?r="([A-Z]+\d+)"[^>]*>\s*<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)'
    rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)

_FORMULA_ERROR = re.compile(r"^\s*#(N/A|I/T|[A-ZÆØÅ/0]{2,10}[!?])\s*$")  # as a spreadsheet writes it into a CSV


@dataclass(frozen=True)
class Fault:
    """A cell that holds no value one could read: a formula's error, or a formula nobody has worked out."""

    shown: str
    expected: str


@dataclass(frozen=True)
class Percent:
    """A number shown in per cent: 0.2 where the cell says 20 %."""

    value: float


Value = str | int | float | bool | date | datetime | Fault | Percent | None


@dataclass(frozen=True)
class Grid:
    """A sheet: its title as it stands there, and rows of cells with their row numbers, the header first."""

    title: str
    rows: Sequence[tuple[int, Sequence[Value]]]
    merged: Sequence[str] = ()  # ranges, such as B3:B7


@dataclass(frozen=True)
class Book:
    """A plan as it lies there. `sha256` changes with its content."""

    name: str
    sha256: str
    grids: Sequence[Grid] = field(default_factory=tuple)


def content_hash(path: Path) -> str:
    """SHA-256 of the workbook, or of the folder's CSV files with their names. Raises SourceError when there is none."""
    if path.is_dir():
        whole = hashlib.sha256()
        for file in _csv_files(path):
            whole.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            whole.update(file.read_bytes())
        return whole.hexdigest()
    try:
        if (size := path.stat().st_size) > _MAX_FILE_BYTES:
            raise _refuse(
                path, f"is {size // 1_000_000} MB large; a plan has less than one: delete pictures and empty rows"
            )
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as e:
        raise SourceError(
            SOURCE, f"{path} cannot be read ({e.strerror}); set SOURCES__PLAN__FILE to the plan's workbook or folder"
        ) from e


def read_book(path: Path) -> Book:
    """The plan at `path`: a workbook, or a folder with a CSV file a sheet. Raises SourceError for what cannot be opened."""
    sha256 = content_hash(path)
    if path.is_dir():
        return Book(path.name, sha256, tuple(_csv_grid(f) for f in _csv_files(path)))
    return Book(path.name, sha256, tuple(_xlsx_grids(path)))


def position(name: str) -> tuple[int, int]:
    """(row from 1, column from 0) of E14."""
    letters = name.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(name[len(letters) :]), column - 1


def cell_name(row: int, column: int) -> str:
    """E14 for row 14 and the column with number 4, counted from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def _refuse(path: Path, message: str) -> SourceError:
    return SourceError(SOURCE, f"{path.name}: {message}")


# --- workbooks -------------------------------------------------------------------------------------------------------
def _xlsx_grids(path: Path) -> Iterator[Grid]:
    import openpyxl

    content = path.read_bytes()
    _refuse_other_kinds(path, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = set(packed.namelist())
            if sum(i.file_size for i in packed.infolist()) > _MAX_BYTES:
                raise _refuse(
                    path, f"unpacks to more than {_MAX_BYTES // 1_000_000} MB; delete empty rows and pictures"
                )
            if any(n.endswith("vbaProject.bin") for n in names):
                raise _refuse(path, "holds macros; save it as .xlsx without them (File, Save as, Excel workbook)")
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            for sheet in book.worksheets:
                xml = packed.read(
                    sheet._worksheet_path
                )  # merged cells and open formulas are not told when only reading
                merged = tuple(m.decode() for m in _MERGED.findall(xml))
                uncomputed = {m.decode() for m in _UNCOMPUTED.findall(xml)}
                del xml
                yield Grid(sheet.title, _xlsx_rows(path, sheet, uncomputed), merged)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as e:  # SyntaxError: broken XML
        said = " ".join(str(e).split())[:200]
        raise _refuse(path, f"is no readable workbook ({type(e).__name__}: {said}); open it and save it again") from e


def _refuse_other_kinds(path: Path, content: bytes) -> None:
    if not content:
        raise _refuse(path, "is empty (0 bytes); was it still being saved?")
    if content.startswith(_OLE_MAGIC):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise _refuse(path, "is protected by a password; save it without one (File, Info, Protect workbook)")
        raise _refuse(path, "is an old .xls workbook; save it as .xlsx")
    if path.suffix.lower() in (".xlsm", ".xltm", ".xlam"):
        raise _refuse(path, "is a workbook with macros; save it as .xlsx (File, Save as, Excel workbook)")
    if path.suffix.lower() != ".xlsx":
        raise _refuse(path, f"is a {path.suffix or 'file without ending'}; expected .xlsx, or a folder of .csv files")


def _xlsx_rows(path: Path, sheet: Any, uncomputed: set[str]) -> list[tuple[int, Sequence[Value]]]:
    rows: list[tuple[int, Sequence[Value]]] = []
    sheet.reset_dimensions()  # what the file says of its own size may be wrong
    faulty: dict[int, dict[int, Fault]] = {}
    for name in uncomputed:
        row, column = position(name)
        faulty.setdefault(row, {})[column] = Fault(
            "a formula without a value", "a calculated workbook: open it and save it again"
        )
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        faults = faulty.get(number, {})
        if not faults and all(c.value is None for c in cells):
            continue
        if len(rows) >= MAX_ROWS:
            raise _refuse(path, f"sheet {sheet.title} has more than {MAX_ROWS:,} rows; a plan has some hundred")
        rows.append((number, [faults.get(i) or _xlsx_value(c) for i, c in enumerate(cells)]))
    return rows


def _xlsx_value(cell: Any) -> Value:
    value = cell.value
    if value is None or (isinstance(value, str) and cell.data_type != "e"):
        return value
    if cell.data_type == "e":
        return Fault(str(value), "a formula without an error")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and "%" in (cell.number_format or ""):
        return Percent(value)
    return value  # type: ignore[no-any-return]


# --- folders of CSV --------------------------------------------------------------------------------------------------
def _csv_files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and not p.name.startswith("."))
    if not found:
        raise SourceError(
            SOURCE, f"{folder} holds no .csv file; write a sheet each (`python -m ingestion plan template {folder}`)"
        )
    return found


def _csv_grid(path: Path) -> Grid:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")  # what Excel writes as "CSV" in this part of the world
        except UnicodeDecodeError as e:
            raise _refuse(path, "is neither UTF-8 nor Windows-1252; save it as CSV UTF-8") from e
    first = text.split("\n", 1)[0]
    delimiter = max(";\t,", key=first.count)
    rows: list[tuple[int, Sequence[Value]]] = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
            if any(c.strip() for c in cells):
                rows.append((number, [_csv_value(c) for c in cells]))
    except csv.Error as e:
        raise _refuse(path, f"is no readable CSV ({e})") from e
    return Grid(path.stem, rows)


def _csv_value(cell: str) -> Value:
    return Fault(cell.strip(), "a formula without an error") if _FORMULA_ERROR.match(cell) else cell


def titles(grids: Sequence[Grid]) -> Mapping[str, Sequence[Grid]]:
    """The grids by their title, however it is written."""
    found: dict[str, list[Grid]] = {}
    for grid in grids:
        found.setdefault(grid.title.strip().casefold(), []).append(grid)
    return found
