"""Which days an export holds and where their events lie: `Days`, and files in a folder or bucket. BigQuery itself is bigquery.py's."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ingestion.settings import PROJECT_DIR
from ingestion.sources.files.locations import FoundFile, fetch, find
from ingestion.sources.files.problems import FileProblem
from ingestion.sources.ga4_export.flatten import Scan

if TYPE_CHECKING:
    import duckdb

Kind = Literal["daily", "intraday"]
_FORMATS = {"parquet": "parquet", "avro": "avro", "json": "json", "ndjson": "json", "jsonl": "json"}
_NAME = re.compile(r"^events_(intraday_)?(\d{8})(.*?)\.(?:(parquet|avro)|(json|ndjson|jsonl)(?:\.gz)?)$")
# How BigQuery numbers the files of one table: 000000000000, or 00000-of-00003 as other tools write it.
_SHARD = re.compile(r"^[_-]?(\d{12})$|^[_-](\d{5})-of-(\d{5})$")


@dataclass(frozen=True)
class Day:
    """One day of the export: the files, or the table, that hold its events."""

    date: date
    kind: Kind
    parts: tuple[FoundFile, ...]
    n_rows: int | None = None  # of a table; files do not tell

    @property
    def names(self) -> str:
        """The parts as a message tells them."""
        names = [_base(p) for p in self.parts]
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"

    @property
    def fingerprint(self) -> str:
        """Changes when a part does, as far as these tell: JSON [{name, size, modified_at}], and rows of a table."""
        rows = {} if self.n_rows is None else {"rows": self.n_rows}
        return json.dumps(
            [{"name": _base(p), "size": p.size, "modified_at": p.modified_at.isoformat()} | rows for p in self.parts]
        )

    @property
    def size(self) -> int:
        return sum(p.size for p in self.parts)


@dataclass(frozen=True)
class Listing:
    """What there is: the days that can be read, why others cannot, and names nobody understands."""

    days: dict[date, Day]
    refused: dict[date, str]
    unknown: Sequence[str] = ()


class Days(Protocol):
    """A place where an export lies."""

    @property
    def place(self) -> str:
        """As a message tells it."""

    def listing(self) -> Listing:
        """All its days. Raises FileProblem when the place cannot be reached."""

    def scan(self, con: duckdb.DuckDBPyConnection, day: Day, scratch: Path) -> Scan:
        """The day's events with the export's columns, nested as there.

        May be scanned more than once, until `scratch` (a folder of the day's own) is removed.
        Raises FileProblem, or what the reader raises.
        """


@dataclass(frozen=True)
class FolderDays:
    """Files in a local folder (relative to the project) or under a bucket's url.

    `json_columns`: name -> DuckDB type, for files of JSON, which do not tell.
    """

    folder: str
    json_columns: dict[str, str]

    @property
    def place(self) -> str:
        return "SOURCES__GA4_EXPORT__FOLDER"

    def listing(self) -> Listing:
        found: dict[tuple[date, Kind], list[tuple[str, FoundFile]]] = {}
        unknown = []
        for file in find(f"{self.folder.rstrip('/')}/events_*", PROJECT_DIR):
            name = _NAME.match(_base(file))
            day = day_of(name[2]) if name else None
            if name and day:
                found.setdefault((day, "intraday" if name[1] else "daily"), []).append((name[3], file))
            else:
                unknown.append(_base(file))
        days: dict[date, Day] = {}
        refused: dict[date, str] = {}
        for (day, kind), files in sorted(found.items(), key=lambda item: item[0][1]):  # daily before intraday
            if day in days or day in refused:
                continue
            if why := _no_one_table(files):
                refused[day] = why
            else:
                days[day] = Day(day, kind, tuple(f for _, f in files))
        return Listing(days, refused, unknown)

    def scan(self, con: duckdb.DuckDBPyConnection, day: Day, scratch: Path) -> Scan:
        paths = []
        for part in day.parts:
            if part.size == 0:
                raise FileProblem(f"{_base(part)} is empty (0 bytes); was it written to the end?")
            scratch.mkdir(parents=True, exist_ok=True)
            paths.append(str(fetch(part, scratch / _base(part))))
        form = _format(_base(day.parts[0]))
        if form == "json":
            columns = ", ".join(f"'{name}': '{kind}'" for name, kind in self.json_columns.items())
            options = f"format = 'newline_delimited', columns = {{{columns}}}, hive_partitioning = false"
            return Scan("read_json", tuple(paths), options)
        if form == "avro":
            con.execute(f"load '{_avro_extension()}'")
            return Scan("read_avro", tuple(paths))
        return Scan("read_parquet", tuple(paths), "hive_partitioning = false")


def _no_one_table(files: list[tuple[str, FoundFile]]) -> str:
    """Why files cannot be the parts of one table, "" when they can."""
    names = sorted(_base(f) for _, f in files)
    shards = [_SHARD.match(suffix) for suffix, _ in files]
    if len(files) > 1 and not all(shards):
        return f"{' and '.join(names[:3])} hold the same day twice; leave one of them, or number them as BigQuery does"
    if len({_format(n) for n in names}) > 1:
        return f"{' and '.join(names[:3])} are of different formats; parts of one day have the same"
    if not shards[0]:
        return ""
    numbers = sorted(int(s[1] or s[2]) for s in shards if s)
    totals = {int(s[3]) for s in shards if s and s[3]}
    expected = list(range(max([*totals, numbers[-1] + 1])))
    if len(set(numbers)) < len(numbers) or len(totals) > 1:
        return f"{' and '.join(names[:3])} hold the same part twice, or are of two exports; leave one"
    if missing := sorted(set(expected) - set(numbers)):
        return f"part {missing[0]} of {len(expected)} is missing beside {names[0]}; was the export written to the end?"
    return ""


def _avro_extension() -> Path:
    """DuckDB's Avro reader, which comes as a package: nothing is downloaded at night."""
    import importlib.util

    package = importlib.util.find_spec("duckdb_extension_avro")
    if package is None or package.origin is None:
        raise FileProblem("Avro needs the package duckdb-extension-avro; install it, or export as Parquet")
    import duckdb

    file = Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}" / "avro.duckdb_extension"
    if not file.exists():
        raise FileProblem(f"the package duckdb-extension-avro is not for DuckDB {duckdb.__version__}; install that one")
    return file


def _base(file: FoundFile) -> str:
    return file.path.rsplit("/", 1)[-1]


def _format(name: str) -> str:
    return _FORMATS[name.removesuffix(".gz").rsplit(".", 1)[-1]]


def day_of(digits: str) -> date | None:
    """The day 20261101 means; None when there is none such."""
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None
