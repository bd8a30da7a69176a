"""One file -> a DuckDB table of text cells with line numbers, whatever its format, encoding and compression.

Gives `cells(_line bigint, "<column>" ..., )` and the rows that are broken as rows. What cells mean is conversion.py's.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import shutil
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.sources.files.catalogue import FORMATS, Dataset
from ingestion.sources.files.problems import FileProblem

_CHUNK = 1 << 20
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of password-protected XLSX, and of old .xls
NO_HEADER = "(no header)"  # prefix of the name that a column without a header gets here


@dataclass(frozen=True)
class BrokenRow:
    """A row that is no row of this table: (line, reason)."""

    line: int
    reason: str


@dataclass(frozen=True)
class Cells:
    """A file as a table: its columns with their DuckDB types (VARCHAR unless Parquet), and the broken rows."""

    columns: dict[str, str]
    broken: list[BrokenRow] = field(default_factory=list)


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def format_of(name: str, dataset: Dataset) -> str:
    """The file's format: declared, or by its ending. Raises FileProblem for an unknown one."""
    if dataset.format:
        return dataset.format
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    found = {"jsonl": "ndjson", "txt": "csv", "xlsm": "xlsx"}.get(ending, ending)
    if found not in FORMATS:
        raise FileProblem(f"unknown format .{ending}; expected one of {', '.join(FORMATS)}, or set `format`")
    return found


def read_cells(con: duckdb.DuckDBPyConnection, path: Path, name: str, dataset: Dataset, scratch: Path) -> Cells:
    """Create the temp view `cells` over the file. Raises FileProblem for a file that cannot be used."""
    if path.stat().st_size == 0:
        raise FileProblem("the file is empty (0 bytes); was it still being written?")
    form = format_of(name, dataset)
    if name.lower().endswith(".gz") and form != "parquet":
        path = _unzip(path, scratch / "unzipped")
    if form == "parquet":
        return _parquet(con, path)
    if form == "xlsx":
        return _xlsx(con, path, dataset)
    text = _as_utf8(path, dataset.encoding, scratch / "text")
    return _ndjson(con, text) if form == "ndjson" else _delimited(con, text, form, dataset)


def _unzip(path: Path, target: Path) -> Path:
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, _CHUNK)
    except EOFError as e:
        raise FileProblem("the gzip is cut off; copy the file again") from e
    except (gzip.BadGzipFile, zlib.error) as e:
        raise FileProblem(f"not a readable gzip ({e}); copy the file again") from e
    if target.stat().st_size == 0:
        raise FileProblem("the gzip holds an empty file")
    return target


def _as_utf8(path: Path, encoding: str, target: Path) -> Path:
    """The file as UTF-8 without a byte order mark; the file itself when it is that already."""
    name = codecs.lookup(encoding).name
    with path.open("rb") as f:
        marked = f.read(3).startswith(codecs.BOM_UTF8)
    if name in ("utf-8", "utf-8-sig", "ascii"):
        _decode(path, "utf-8", None, encoding)
        if not marked:
            return path
        with path.open("rb") as f, target.open("wb") as out:
            f.seek(3)
            shutil.copyfileobj(f, out, _CHUNK)
        return target
    if not name.startswith("utf"):
        _refuse_utf8(path, encoding)
    _decode(path, name, target, encoding)
    return target


def _decode(path: Path, encoding: str, target: Path | None, declared: str) -> None:
    """Decode the whole file, writing it as UTF-8 to `target` if given. Raises FileProblem with the line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as f, target.open("wb") if target else open_nowhere() as out:
        while True:
            chunk = f.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as e:
                line += e.object[: e.start].count(b"\n")
                raise FileProblem(
                    f"not {declared} at line {line} (byte 0x{e.object[e.start]:02x}); "
                    f"set `encoding` to what the file is, often windows-1252"
                ) from e
            if target:
                out.write(text.encode())
            line += chunk.count(b"\n")
            if not chunk:
                return


class open_nowhere:
    """A file that takes everything and keeps nothing."""

    def __enter__(self) -> open_nowhere:
        return self

    def __exit__(self, *_: object) -> None: ...

    def write(self, data: bytes) -> None: ...


def _refuse_utf8(path: Path, declared: str) -> None:
    """A one-byte encoding reads any UTF-8 file, and turns each ø into two wrong letters: refuse it instead."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    beyond_ascii = False
    with path.open("rb") as f:
        while chunk := f.read(_CHUNK):
            try:
                beyond_ascii |= not decoder.decode(chunk).isascii()
            except UnicodeDecodeError:
                return
    if beyond_ascii:
        raise FileProblem(f"the catalogue says {declared}, but the file is UTF-8; set `encoding: utf-8`")


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Cells:
    try:
        con.execute(
            "create or replace temp view cells as select (file_row_number + 1) as _line, * exclude (file_row_number) "
            f"from read_parquet({_quoted(str(path))}, file_row_number = true)"
        )
    except duckdb.Error as e:
        raise FileProblem(f"not a readable Parquet file ({_first_line(e)}); write it again") from e
    columns = {r[0]: r[1] for r in con.execute("describe cells").fetchall() if r[0] != "_line"}
    return Cells(columns)


def _xlsx(con: duckdb.DuckDBPyConnection, path: Path, dataset: Dataset) -> Cells:
    import pandas as pd

    with path.open("rb") as f:
        if f.read(8) == _OLE_MAGIC:
            f.seek(0)
            if "EncryptedPackage".encode("utf-16-le") in f.read():
                raise FileProblem("the workbook is protected by a password; save it without one")
            raise FileProblem("an old .xls workbook; save it as .xlsx")
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            sheet = dataset.sheet if dataset.sheet is not None else book.sheet_names[0]
            if sheet not in book.sheet_names:
                names = ", ".join(str(s) for s in book.sheet_names)
                raise FileProblem(f"no sheet {sheet!r}; the workbook has {names}")
            frame = book.parse(sheet, header=None, dtype=object, skiprows=dataset.skip_lines)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as e:
        raise FileProblem(f"not a readable XLSX workbook ({_first_line(e)}); save it again") from e
    if frame.empty:
        raise FileProblem(f"sheet {sheet!r} is empty; expected a header")
    columns = _header([None if pd.isna(v) else str(v) for v in frame.iloc[0]])
    body = frame.iloc[1:].set_axis(columns, axis=1).map(_cell_text)
    body.insert(0, "_line", [int(i) + 1 + dataset.skip_lines for i in body.index])
    body = body[body.drop(columns="_line").notna().any(axis=1)]
    body = body.astype({c: "string" for c in columns} | {"_line": "int64"})
    con.register("xlsx_frame", body)
    con.execute("create or replace temp table xlsx_cells as select * from xlsx_frame")
    con.unregister("xlsx_frame")
    con.execute("create or replace temp view cells as select * from xlsx_cells")
    return Cells(dict.fromkeys(columns, "VARCHAR"))


def _cell_text(value: object) -> str | None:
    """A workbook's cell as text: whole numbers without .0, moments as ISO 8601."""
    import pandas as pd

    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("T00:00:00", "")
    return str(value)


def _ndjson(con: duckdb.DuckDBPyConnection, path: Path) -> Cells:
    con.execute(
        f"create or replace temp table json_lines as select line from read_csv({_quoted(str(path))}, "
        "auto_detect = false, header = false, columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', "
        "max_line_size = 16777216)"
    )
    keys = [
        r[0]
        for r in con.execute(
            "select distinct unnest(json_keys(line)) as k from json_lines "
            "where json_valid(line) and json_type(line) = 'OBJECT' order by k"
        ).fetchall()
    ]
    broken = [
        BrokenRow(r[0], "not a JSON object")
        for r in con.execute(
            "select rowid + 1 as _line from json_lines where line is not null and trim(line) <> '' and "
            "(not json_valid(line) or json_type(case when json_valid(line) then line end) <> 'OBJECT') order by _line"
        ).fetchall()
    ]
    if not keys:
        raise FileProblem("no line holds a JSON object; expected one object a line")
    paths = ", ".join(_quoted('$."' + k.replace('"', '\\"') + '"') for k in keys)
    picked = ", ".join(f"v[{i + 1}] as {_ident(k)}" for i, k in enumerate(keys))
    con.execute(
        f"create or replace temp view cells as select _line, {picked} from ("
        f"select rowid + 1 as _line, json_extract_string(line, [{paths}]) as v from json_lines "
        "where json_valid(line) and json_type(line) = 'OBJECT')"
    )
    return Cells(dict.fromkeys(keys, "VARCHAR"), broken)


def _delimited(con: duckdb.DuckDBPyConnection, path: Path, form: str, dataset: Dataset) -> Cells:
    delimiter = dataset.delimiter or ("\t" if form == "tsv" else ",")
    with path.open(encoding="utf-8", newline="") as f:
        for _ in range(dataset.skip_lines):
            f.readline()
        reader = csv.reader(f, delimiter=delimiter)
        header = next(reader, None)
    if header is None or not any(cell.strip() for cell in header):
        raise FileProblem("no header in the first line; expected the columns' names")
    columns = _header(header)
    types = ", ".join(f"{_quoted(f'c{i}')}: 'VARCHAR'" for i in range(len(columns)))
    named = ", ".join(f"c{i} as {_ident(c)}" for i, c in enumerate(columns))
    first = dataset.skip_lines + 1
    con.execute("drop table if exists csv_errors; drop table if exists csv_scans")
    try:
        con.execute(
            f"create or replace temp table csv_cells as select * from read_csv({_quoted(str(path))}, "
            f"auto_detect = false, header = false, skip = {first}, columns = {{{types}}}, delim = {_quoted(delimiter)}, "
            "quote = '\"', escape = '\"', store_rejects = true, rejects_table = 'csv_errors', rejects_scan = 'csv_scans', "
            "max_line_size = 16777216)"
        )
    except duckdb.Error as e:
        raise FileProblem(f"not readable as {form.upper()} ({_first_line(e)})") from e
    broken = [
        BrokenRow(line, _row_reason(kind, message, len(columns)))
        for line, kind, message in con.execute(
            "select line, any_value(error_type::varchar), any_value(error_message) from csv_errors group by line order by line"
        ).fetchall()
    ]
    n_rows = len_of(con, "csv_cells")
    if n_rows + len(broken) + first == _count_lines(path):
        # one line a row: the k-th broken row shifts the rows behind it by one more line
        shifts = [(b.line - i, i + 1) for i, b in enumerate(broken)]
        con.execute("create or replace temp table line_shifts (start bigint, shift bigint)")
        if shifts:
            con.executemany("insert into line_shifts values (?, ?)", shifts)
        line = f"rowid + 1 + {first}" + (" + coalesce(shift, 0)" if shifts else "")
        join = f"asof left join line_shifts on csv_cells.rowid + 1 + {first} >= start" if shifts else ""
    else:
        # line breaks inside quotes, or blank lines: Python's own CSV reader knows the lines
        lines, bad = _physical_lines(path, delimiter, dataset.skip_lines, len(columns))
        if len(bad) == len(broken):
            broken = [BrokenRow(at, b.reason) for at, b in zip(bad, broken, strict=True)]
        lines.extend(
            range(len(lines) + first + 1, n_rows + first + 1)
        )  # readers that disagree: the row's number stands in
        con.register("line_numbers", pa.table({"n": range(1, n_rows + 1), "line": lines[:n_rows]}))
        con.execute("create or replace temp table csv_lines as select * from line_numbers")
        con.unregister("line_numbers")
        line, join = "line", "join csv_lines on n = csv_cells.rowid + 1"
    con.execute(
        f"create or replace temp view cells as select {line.replace('rowid', 'csv_cells.rowid')} as _line, {named} from csv_cells {join}"
    )
    return Cells(dict.fromkeys(columns, "VARCHAR"), broken)


def len_of(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows a relation has."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _physical_lines(path: Path, delimiter: str, skip: int, width: int) -> tuple[array[int], list[int]]:
    """(lines of the rows with the right number of fields, lines of the others): Python's own CSV reader knows."""
    good: array[int] = array("q")
    bad: list[int] = []
    with path.open(encoding="utf-8", newline="") as f:
        for _ in range(skip):
            f.readline()
        reader = csv.reader(f, delimiter=delimiter)
        next(reader)
        before = reader.line_num
        for fields in reader:
            if fields:
                (good if len(fields) == width else bad).append(before + 1 + skip)
            before = reader.line_num
    return good, bad


def _row_reason(kind: str, message: str, width: int) -> str:
    reasons = {
        "TOO MANY COLUMNS": f"too many fields; expected {width}",
        "MISSING COLUMNS": f"too few fields; expected {width}",
        "UNQUOTED VALUE": "a quote that is never closed, or closed too early",
        "INVALID ENCODING": "bytes that are no text",
        "LINE SIZE OVER MAXIMUM": "longer than 16 MiB",
    }
    return reasons.get(kind, kind.lower() or message)


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    for chunk in _chunks(path):
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    return lines + (last != b"\n")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as f:
        while chunk := f.read(_CHUNK):
            yield chunk


def _header(cells: Sequence[str | None]) -> list[str]:
    """Trimmed names; a column without one gets a name nobody can map. Raises FileProblem for a name that stands twice."""
    names = [(c or "").strip() or f"{NO_HEADER} {i + 1}" for i, c in enumerate(cells)]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise FileProblem(f"the header names {twice[0]!r} twice")
    if "_line" in names:
        raise FileProblem("the header names '_line', which is our own; rename the column")
    return names


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]
