"""GA4's export as tables of a BigQuery dataset: which there are at the clock, their schema, and their rows as tabledata.list tells them.

A day's table is written on the morning after it and rewritten until its late events have come (ingestion/sandbox/ga4.py). What is read
page by page is one state of a table, also when the clock is turned meanwhile, for as long as that state is kept.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.sandbox.ga4 import PROPERTY_ID, RESTATED_DAYS, counted, events_query
from ingestion.sandbox.server.vendor import Desk

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = f"analytics_{PROPERTY_ID}"
KEPT = 16  # states of tables that may still be read on
BYTES_A_ROW = 1_100  # about what Google says such an event weighs
_WRITTEN_AT = time(4, 30, tzinfo=UTC)
_TYPES = {"VARCHAR": "STRING", "BIGINT": "INTEGER", "INTEGER": "INTEGER", "DOUBLE": "FLOAT", "BOOLEAN": "BOOLEAN"}

Schema = Sequence[Mapping[str, Any]]  # TableFieldSchema: {name, type, mode, fields}


@dataclass
class Limits:
    """What BigQuery limits answers by; tests change them."""

    page_bytes: int = 10_000_000
    intraday_days: int = 0  # so many of the last days have no daily table yet
    stream_rows: int = 1_000  # of the Storage API: rows that are worth a stream of their own
    batch_rows: int = 200  # and rows of a message
    session_user: bool = True  # whether the user has the role BigQuery Read Session User


LIMITS = Limits()


@dataclass(frozen=True)
class Table:
    """A table at the clock. `seen_on`: the morning it was written last."""

    id: str
    day: date
    seen_on: date
    n_rows: int

    @property
    def created_ms(self) -> int:
        return _ms(self.day + timedelta(days=1))

    @property
    def modified_ms(self) -> int:
        return _ms(self.seen_on)


@dataclass
class Pages:
    """The page tokens given out: which state of a table they go on with, where, and what they were asked for with."""

    _given: dict[str, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def give(self, state: str, first: int) -> str:
        with self._lock:
            token = secrets.token_urlsafe(12)
            self._given[token] = state, first
            return token

    def take(self, token: str) -> tuple[str, int] | None:
        """(state, first row); None for one that was not given out, or is over. A token may be used again."""
        with self._lock:
            return self._given.get(token)

    def expire(self) -> None:
        """Forget every token."""
        with self._lock:
            self._given.clear()


PAGES = Pages()


class Export:
    """The dataset as it stands at the desk's clock."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._states: dict[str, None] = {}  # names of DuckDB tables, last used last
        self._counted: tuple[date, dict[date, int]] | None = None
        self._schema: Schema = ()

    def tables(self) -> dict[str, Table]:
        """By id, in order."""
        clock = self._desk.clock
        with self._lock:
            if self._counted is None or self._counted[0] != clock:
                rows = self._desk.rows(counted(clock))
                self._counted = clock, {r["date"]: r["n_events"] for r in rows}
            n_events = self._counted[1]
        found = []
        last = clock - timedelta(days=1)
        for n in range((min(last, self._desk.world.through_date) - self._desk.world.start_date).days + 1):
            day = self._desk.world.start_date + timedelta(days=n)
            kind = "intraday_" if (clock - day).days <= LIMITS.intraday_days else ""
            seen_on = min(clock, day + timedelta(days=1 + RESTATED_DAYS))
            found.append(Table(f"events_{kind}{day:%Y%m%d}", day, seen_on, n_events.get(day, 0)))
        return {t.id: t for t in sorted(found, key=lambda t: t.id)}

    def schema(self) -> Schema:
        with self._lock:
            if not self._schema:
                world = self._desk.world
                day = world.start_date
                none = world.con().sql(f"select * from ({events_query(world, day, self._desk.clock)}) limit 0")
                self._schema = [_field(n, k) for n, k in zip(none.columns, none.types, strict=True)]
            return self._schema

    def state_of(self, table: Table) -> str:
        """The name of the table's state, made when it is first read."""
        name = f"{table.id}_{table.seen_on:%Y%m%d}"
        with self._lock:
            con = self._desk.world.con()
            if name not in self._states:
                con.execute("create schema if not exists bigquery")
                query = events_query(self._desk.world, table.day, table.seen_on)
                con.execute(f"create table bigquery.{name} as {query}")
            self._states.pop(name, None)
            self._states[name] = None
            while len(self._states) > KEPT:
                oldest = next(iter(self._states))
                del self._states[oldest]
                con.execute(f"drop table bigquery.{oldest}")
        return name

    def holds(self, state: str) -> bool:
        with self._lock:
            return state in self._states

    def count(self, state: str) -> int:
        return int(self._desk.rows(f"select count(*) as n from bigquery.{state}")[0]["n"])

    def table(self, state: str, schema: Schema, first: int, n: int) -> pa.Table:
        """`n` rows from `first` as Arrow, typed as the Storage API types them."""
        columns = ", ".join(f"{_nested(_named(f), f)} as {_named(f)}" for f in schema)
        found = self._desk.arrow(
            f"select {columns} from bigquery.{state} where rowid >= {first} and rowid < {first + n} order by rowid"
        )
        return found.cast(arrow_schema(schema))

    def rows(self, state: str, schema: Schema, first: int, n: int) -> list[bytes]:
        """Up to `n` rows from `first` as JSON, as many as a page takes, at least one."""
        cells = ", ".join(_cell(_named(f), f) for f in schema)
        found = self._desk.arrow(
            f"""select json_object('f', json_array({cells}))::varchar as row from bigquery.{state}
                where rowid >= {first} and rowid < {first + n} order by rowid"""
        )["row"]
        page, size = [], 0
        for row in found.to_pylist():
            page.append(row.encode())
            size += len(page[-1])
            if size > LIMITS.page_bytes:
                return page[: max(1, len(page) - 1)]
        return page


def picked(schema: Schema, paths: Sequence[str]) -> list[Mapping[str, Any]]:
    """The fields at these paths ("a", "e.d.f"), in the schema's order. Raises KeyError for one that is not there."""
    wanted: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        wanted.setdefault(name, []).append(rest)
    if unknown := sorted(set(wanted) - {f["name"] for f in schema}):
        raise KeyError(unknown[0])
    found: list[Mapping[str, Any]] = []
    for f in schema:
        inner = wanted.get(f["name"])
        if inner is None:
            continue
        if "" in inner:
            found.append(f)
        elif "fields" not in f:
            raise KeyError(f"{f['name']}.{inner[0]}")
        else:
            found.append({**f, "fields": picked(f["fields"], inner)})
    return found


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of a table: a repeated field and what it repeats are never null."""
    import pyarrow as pa

    types = {"STRING": pa.string(), "INTEGER": pa.int64(), "FLOAT": pa.float64(), "BOOLEAN": pa.bool_()}

    def field(about: Mapping[str, Any]) -> pa.Field:
        kind = pa.struct([field(f) for f in about["fields"]]) if about["type"] == "RECORD" else types[about["type"]]
        if about["mode"] == "REPEATED":
            return pa.field(about["name"], pa.list_(pa.field("item", kind, nullable=False)), nullable=False)
        return pa.field(about["name"], kind)

    return pa.schema([field(f) for f in schema])


def _field(name: str, kind: Any) -> dict[str, Any]:
    mode = "NULLABLE"
    if kind.id == "list":
        mode, kind = "REPEATED", kind.children[0][1]
    if kind.id == "struct":
        return {"name": name, "type": "RECORD", "mode": mode, "fields": [_field(n, k) for n, k in kind.children]}
    return {"name": name, "type": _TYPES[str(kind)], "mode": mode}


def _cell(expr: str, about: Mapping[str, Any], depth: int = 0) -> str:
    """SQL of a cell: {"v": ..}, where all values are text, a record is {"f": [cells]} and a repeated field a list of cells."""
    if about["mode"] == "REPEATED":
        x = f"x{depth}"
        inner = _cell(x, {**about, "mode": "NULLABLE"}, depth + 1)
        return f"json_object('v', to_json(list_transform(coalesce({expr}, []), lambda {x}: {inner})))"
    if about["type"] == "RECORD":
        cells = ", ".join(_cell(f"{expr}.{_named(f)}", f, depth) for f in about["fields"])
        return f"json_object('v', case when {expr} is not null then json_object('f', json_array({cells})) end)"
    return f"json_object('v', {expr}::varchar)"


def _nested(expr: str, about: Mapping[str, Any], depth: int = 0) -> str:
    """SQL of a column with the fields that are asked for."""
    if about["mode"] == "REPEATED":
        x = f"x{depth}"
        inner = _nested(x, {**about, "mode": "NULLABLE"}, depth + 1)
        return f"list_transform(coalesce({expr}, []), lambda {x}: {inner})"
    if about["type"] == "RECORD":
        parts = (f"{_named(f)}: {_nested(f'{expr}.{_named(f)}', f, depth)}" for f in about["fields"])
        return f"case when {expr} is not null then {{{', '.join(parts)}}} end"
    return expr


def _named(about: Mapping[str, Any]) -> str:
    return f'"{about["name"]}"'


def _ms(day: date) -> int:
    return int(datetime.combine(day, _WRITTEN_AT).timestamp() * 1000)
