"""The export in BigQuery itself, over its REST API v2: which tables there are, and a day's events page by page. Where that is
switched on, a day's events come over the Storage read API instead (storage.py); all else is the same.

A row comes as values by place, all of them text: {"f": [{"v": ..}, ..]}, a record within as another such. A page goes to a file as it
came, and DuckDB names and casts its cells by the table's schema: no cell passes through Python. tabledata.list costs nothing
at Google, and needs no right to run queries. Discovery document bigquery v2, revision 20261009.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.ads import setting
from ingestion.errors import SourceError
from ingestion.http import google_auth, google_client
from ingestion.sources.files.locations import FoundFile
from ingestion.sources.files.problems import FileProblem
from ingestion.sources.ga4_export.days import Day, Kind, Listing, day_of
from ingestion.sources.ga4_export.flatten import Scan
from ingestion.sources.ga4_export.tables import FIELDS

if TYPE_CHECKING:
    import duckdb

    from ingestion.sources.ga4_export.storage import Storage

BASE_URL = "https://bigquery.googleapis.com"
PAGE_ROWS = 10_000  # BigQuery gives fewer where they are more than it sends at once
TABLES_A_PAGE = 1_000  # of the list of tables
LOOKS = 8  # tables looked at side by side: a list does not tell when they changed
ATTEMPTS = 3  # for a page that was cut off
NEXT_STEPS = {
    "authError": "the token is not accepted; grant access anew and set SOURCES__GA4_EXPORT__REFRESH_TOKEN",
    "insufficientPermissions": "grant access anew with the scope cloud-platform.read-only (bigquery for the Storage read API)",
    "accessDenied": "give the user the role BigQuery Data Viewer on the dataset",
    "readSessionsDenied": "give the user the role BigQuery Read Session User on the project, or unset SOURCES__GA4_EXPORT__STORAGE_API",
    "accessNotConfigured": "switch the API on in the Google Cloud project",
    "notFound": "check SOURCES__GA4_EXPORT__PROJECT and SOURCES__GA4_EXPORT__DATASET; does GA4 export to there?",
    "quotaExceeded": "the project's quota of BigQuery is used up; the next night goes on",
    "rateLimitExceeded": "too many calls a second; the next night goes on",
    "UNAVAILABLE": "the service does not answer and is not asked again in this run; is it up?",
    "DEADLINE_EXCEEDED": "the service does not answer and is not asked again in this run; is it up?",
}
# no table's own: the next one would meet it too
_FOR_ALL = (
    "quotaExceeded", "readSessionsDenied", "insufficientPermissions", "accessNotConfigured", "UNAVAILABLE", "DEADLINE_EXCEEDED",
)  # fmt: skip
_TABLE = re.compile(r"^events_(intraday_)?(\d{8})$")  # events_fresh_, users_ and others are not read
_READABLE = ("TABLE", "SNAPSHOT")  # what tabledata.list takes
_STATE = "type,numRows,numBytes,lastModifiedTime,streamingBuffer"
_TYPES = {
    "INTEGER": "BIGINT", "INT64": "BIGINT", "FLOAT": "DOUBLE", "FLOAT64": "DOUBLE", "BOOLEAN": "BOOLEAN", "BOOL": "BOOLEAN",
    "NUMERIC": "DECIMAL(38, 9)", "DATE": "DATE",
}  # fmt: skip
_CELLS = '{"f":[{"v":"VARCHAR"}]}'  # what is nested within a cell stays JSON text

Field = Mapping[str, Any]  # a TableFieldSchema: {name, type, mode, fields}


@dataclass(frozen=True)
class _Table:
    """A table as it stands."""

    n_rows: int
    n_streamed: int  # about so many beside them, of a table that is written on
    size: int
    modified_at: datetime
    fields: Sequence[Field] = field(default=(), compare=False)


class BigQueryDays:
    """The tables of a dataset, of the days `first` to `last`. Raises SourceError when the sign-in fails."""

    def __init__(self, first: date | None, last: date) -> None:
        name = "ga4_export"
        self._project, dataset = str(setting(name, "project")), str(setting(name, "dataset"))
        self._dataset = f"analytics_{dataset}" if dataset.isdigit() else dataset
        auth = google_auth(name)
        self._storage = _storage(name, auth)
        self._client = google_client(
            name,
            BASE_URL,
            "bigquery/v2/",
            auth=auth,
            next_steps=NEXT_STEPS,
            throttled=("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"),
            timeout=180.0,
        )
        self._tables = f"projects/{self._project}/datasets/{self._dataset}/tables"
        self._page_rows = int(setting(name, "page_rows", PAGE_ROWS))
        self._first, self._last = first, last
        self._over: SourceError | None = None

    @property
    def place(self) -> str:
        return f"BigQuery's dataset {self._dataset} of project {self._project}"

    def listing(self) -> Listing:
        tables: dict[date, tuple[str, Kind]] = {}
        for table in self._names():
            name = _TABLE.match(table)
            day = day_of(name[2]) if name else None
            if name and day and (self._first or day) <= day <= self._last and not (day in tables and name[1]):
                tables[day] = table, "intraday" if name[1] else "daily"
        with ThreadPoolExecutor(LOOKS) as pool:
            found = dict(zip(tables, pool.map(self._looked_at, tables.values()), strict=True))
        errors = [f for f in found.values() if isinstance(f, SourceError)]
        # no day's own: the service is down, or nobody may read any
        if errors and (len(errors) == len(found) or any(e.code in ("", "quotaExceeded") for e in errors)):
            raise errors[0]
        refused = {day: str(f) for day, f in found.items() if isinstance(f, FileProblem)}
        refused |= {day: f"{tables[day][0]}: {f.detail}" for day, f in found.items() if isinstance(f, SourceError)}
        days = {
            day: Day(
                day, tables[day][1], (FoundFile(tables[day][0], f.size, f.modified_at, None),), f.n_rows + f.n_streamed
            )
            for day, f in found.items()
            if isinstance(f, _Table)
        }
        return Listing(days, refused)

    def scan(self, con: duckdb.DuckDBPyConnection, day: Day, scratch: Path) -> Scan:
        table = day.names
        scratch.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                before = self._state(table, f"{_STATE},schema")
                n_rows, paths = self._fetch(con, table, before, scratch)
                # an intraday table is written on; its pages are those of one moment, that of the first
                if day.kind == "intraday" or self._state(table) == before:
                    break
            except _TokenIsOver:
                continue
            except SourceError as e:
                raise FileProblem(_gone(table) if e.code == "notFound" else e.detail) from e
        else:
            raise FileProblem(
                f"{table} changed or its page token expired while it was read, twice; the next night reads it"
            )
        if n_rows < before.n_rows or (day.kind == "daily" and n_rows > before.n_rows):
            raise FileProblem(f"{table}: {n_rows:,} rows came of {before.n_rows:,}; did the API change?")
        return Scan("read_parquet", tuple(str(p) for p in paths), "hive_partitioning = false")

    def _ask(self, ask: Callable[..., Any], *asked: Any) -> Any:
        """An answer; when the quota is used up or nothing may be read, BigQuery is not asked again in this run."""
        if self._over:
            raise self._over
        try:
            return ask(*asked)
        except SourceError as e:
            if e.code in _FOR_ALL:
                self._over = e
            raise

    def _names(self) -> list[str]:
        """Ids of the dataset's tables, in order: daily before intraday."""
        found, token = [], None
        while True:
            params = {"maxResults": TABLES_A_PAGE} | ({"pageToken": token} if token else {})
            answer = self._ask(self._client.get, self._tables, params)
            found += [str(t["tableReference"]["tableId"]) for t in answer.get("tables") or ()]
            if not (token := answer.get("nextPageToken")):
                return sorted(found)

    def _looked_at(self, table: tuple[str, Kind]) -> _Table | SourceError | FileProblem | None:
        """The table as it stands, why it cannot be read, or None: it is gone since it was listed."""
        try:
            return self._state(table[0])
        except SourceError as e:
            return None if e.code == "notFound" else e
        except FileProblem as e:
            return e

    def _state(self, table: str, fields: str = _STATE) -> _Table:
        about = self._ask(self._client.get, f"{self._tables}/{table}", {"fields": fields})
        try:
            if about["type"] not in _READABLE:
                raise FileProblem(f"{table} is a {about['type']}; expected a table of the export")
            return _Table(
                int(about["numRows"]),
                int((about.get("streamingBuffer") or {}).get("estimatedRows", 0)),
                int(about["numBytes"]),
                datetime.fromtimestamp(int(about["lastModifiedTime"]) / 1000, UTC),
                (about.get("schema") or {}).get("fields") or (),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise FileProblem(f"{table}: {e!r} in what tables.get tells; did the API change?") from e

    def _fetch(
        self, con: duckdb.DuckDBPyConnection, table: str, about: _Table, scratch: Path
    ) -> tuple[int, list[Path]]:
        """(rows, Parquet files) of a table, a file a page or stream. Raises SourceError, FileProblem, _TokenIsOver."""
        fields = _picked(about.fields, _wanted())
        if not fields:
            raise FileProblem(f"{table} has no column of the export; is this an event export of GA4?")
        if self._storage:
            return self._stream(self._storage, table, list(_paths(fields)), scratch)
        select, page = _select(fields), scratch / "page.json"
        odd = f"'a row has ' || coalesce(len(r.f), 0) || ' cells, {len(fields)} were asked for; did the API change?'"
        whole = f"case when len(r.f) = {len(fields)} then true else error({odd}) end"
        params: dict[str, Any] = {
            "maxResults": self._page_rows,
            "selectedFields": ",".join(_paths(fields)),
            "formatOptions.useInt64Timestamp": "true",
            "prettyPrint": "false",
        }
        n_rows, paths = 0, list[Path]()
        while True:
            try:
                token = self._page(con, f"{self._tables}/{table}/data", params, page)
            except SourceError as e:
                # the same parameters were good for the page before
                if e.code in ("invalid", "invalidPageToken", "badRequest") and "pageToken" in params:
                    raise _TokenIsOver from e
                raise
            paths.append(scratch / f"{len(paths)}.parquet")
            rows = f"(select unnest(rows) as r from {_rows(page)})"
            copy = f"copy (select {select} from {rows} where {whole}) to {_quoted(paths[-1])} (format parquet)"
            done = con.execute(copy).fetchone()
            n_rows += int(done[0]) if done else 0
            page.unlink()
            if not token:
                return n_rows, paths
            params["pageToken"] = token

    def _stream(self, storage: Storage, table: str, fields: list[str], scratch: Path) -> tuple[int, list[Path]]:
        try:
            found: tuple[int, list[Path]] = self._ask(
                storage.read, self._project, f"{self._tables}/{table}", fields, scratch
            )
            return found
        except SourceError as e:
            if e.code == "FAILED_PRECONDITION":  # a session holds for some hours
                raise _TokenIsOver from e
            raise

    def _page(self, con: duckdb.DuckDBPyConnection, path: str, params: dict[str, Any], file: Path) -> str | None:
        """Writes a page to `file`; returns the token of the next. One that is no whole JSON is asked for again."""
        import duckdb

        for attempt in range(ATTEMPTS):
            file.write_bytes(self._ask(self._client.read, path, params))
            try:
                token = f"select json_extract_string(content, '$.pageToken') from read_text({_quoted(file)})"
                (found,) = con.execute(token).fetchall()[0]
                return str(found) if found else None
            except duckdb.InvalidInputException as e:
                if attempt == ATTEMPTS - 1:
                    raise FileProblem(f"{path}: the page is no JSON, {ATTEMPTS} times; was it cut off?") from e
        raise AssertionError


class _TokenIsOver(Exception):
    """A page's token, or a session of the Storage read API, is no longer taken: the table must be read from its beginning."""


def _storage(name: str, auth: Any) -> Storage | None:
    """The Storage read API's client; None where it is not switched on."""
    if str(setting(name, "storage_api", "false")).lower() != "true":
        return None
    try:
        from ingestion.sources.ga4_export.storage import ADDRESS, Storage
    except ImportError as e:
        if (e.name or "").split(".")[0] not in ("google", "grpc"):
            raise
        raise SourceError(
            name,
            "SOURCES__GA4_EXPORT__STORAGE_API is true, which needs the package google-cloud-bigquery-storage; `make setup` installs "
            "it, elsewhere `pip install google-cloud-bigquery-storage` does. Or unset it, to read over the REST API",
        ) from e
    return Storage(name, str(setting(name, "storage_address", ADDRESS)), auth, NEXT_STEPS)


def _gone(table: str) -> str:
    return f"{table} is gone since it was listed; the next night reads what stands in its place"


def _wanted() -> dict[str, Any]:
    """The tree of an event's fields that raw reads; {} is all that is there."""
    tree: dict[str, Any] = {"event_date": {}, "event_timestamp": {}, "event_params": {}}
    for path in (f.path for f in FIELDS):
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


def _picked(fields: Sequence[Field], wanted: Mapping[str, Any]) -> list[Field]:
    """The fields of a table's schema that are wanted, in its order: that in which BigQuery sends them."""
    found: list[Field] = []
    for f in fields:
        inner = wanted.get(f["name"])
        if inner and _is_record(f) and f.get("mode") != "REPEATED":
            if parts := _picked(f["fields"], inner):
                found.append({**f, "fields": parts, "partly": True})
        elif inner is not None:
            found.append(f)
    return found


def _paths(fields: Sequence[Field]) -> Iterator[str]:
    """What `selectedFields` takes: a field as a whole, or a field within a record."""
    for f in fields:
        if f.get("partly"):
            yield from (f"{f['name']}.{path}" for path in _paths(f["fields"]))
        else:
            yield f["name"]


def _select(fields: Sequence[Field]) -> str:
    """SQL: the cells of a row `r` as named and typed columns."""
    return ", ".join(f'{_value(f"r.f[{n}].v", f)} as "{f["name"]}"' for n, f in enumerate(fields, 1))


def _value(text: str, field: Field, depth: int = 0) -> str:
    """SQL of a cell, whose text is JSON where it nests, as the schema types it; a text that is no such value is an error."""
    if field.get("mode") == "REPEATED":
        one, x = {**field, "mode": "NULLABLE"}, f"x{depth}"
        inner = _record(f"{x}.v.f", field, depth + 1) if _is_record(field) else _value(f"{x}.v", one)
        shape = f'[{{"v":{_CELLS}}}]' if _is_record(field) else '[{"v":"VARCHAR"}]'
        return f"list_transform(json_transform({text}, '{shape}'), lambda {x}: {inner})"
    if _is_record(field):
        # named by a lambda, so that the text is taken apart once and not for each of its cells
        c = f"c{depth}"
        cells = f"[json_transform({text}, '{_CELLS}').f]"
        return (
            f"list_transform({cells}, lambda {c}: case when {c} is not null then {_record(c, field, depth + 1)} end)[1]"
        )
    if field["type"] == "TIMESTAMP":
        return f"make_timestamptz({text}::bigint)"
    return f"{text}::{_TYPES[field['type']]}" if field["type"] in _TYPES else text


def _record(cells: str, field: Field, depth: int) -> str:
    parts = (f"'{f['name']}': {_value(f'{cells}[{n}].v', f, depth)}" for n, f in enumerate(field["fields"], 1))
    return f"{{{', '.join(parts)}}}"


def _is_record(field: Field) -> bool:
    return field["type"] in ("RECORD", "STRUCT")


def _rows(page: Path) -> str:
    """SQL: a page's rows, cells as text."""
    columns, most = "{rows: 'STRUCT(f STRUCT(v VARCHAR)[])[]'}", page.stat().st_size + 1024
    return f"read_json({_quoted(page)}, format = 'unstructured', columns = {columns}, maximum_object_size = {most})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
