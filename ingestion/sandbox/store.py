"""A company's folder: made, extended and read. `tables.py` says what the tables hold.

company.json                         what the folder holds; written last and whole: only chunks it names count
state-<through>.npz                  the agents after `through`, to go on from
<room>/<table>/<from>_<through>.parquet   facts; entities are one file, all.parquet
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sandbox.ad_setup import ACTION_CATEGORIES, COUNTRIES, DEVICES, MATCH_TYPES, NETWORKS, PLATFORMS
from ingestion.sandbox.books import Columns
from ingestion.sandbox.company import MAX_DAYS, Company, epoch, from_epoch
from ingestion.sandbox.simulate import RATES, RATES_BEFORE, Simulation, rates_of_day
from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.tables import TABLES, Table
from ingestion.sandbox.words import WORDS

VERSION = 6
ROW_GROUP = 20_000  # rows: a reader of one day skips most of a chunk, and two threads share it
SERVED = ("ad", "lead_form", "exchange_rates")  # tables the vendors' servers read, by how their names begin
Progress = Callable[[date, date, date], None]  # (first, day, last)
Span = tuple[date, date]  # first and last day of a chunk


@dataclass(frozen=True)
class World:
    """A made company, ready to be read. Cheap to open; safe to read from many threads, each with its own `con()`.

    Shows the company as it was when opened, also while it is extended once; after that, open it again.
    """

    folder: Path
    seed: int
    size: str
    start_date: date
    through_date: date
    _connection: duckdb.DuckDBPyConnection
    _chunks: list[Span]

    @staticmethod
    def open(folder: Path) -> World:
        """The company in a folder. Raises FileNotFoundError if none was made there."""
        about = _read_about(folder)
        if about is None:
            raise FileNotFoundError(
                f"{folder}: no company here; `python -m ingestion.sandbox make --out {folder}` makes one"
            )
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        for room in ("world", "truth"):
            connection.execute(f"create schema {room}")
        spans = _spans(about)
        in_memory = SIZES[about["size"]].in_memory
        for table in TABLES.values():
            files = [str(p) for p in _files(folder, table, spans) if table.kind == "fact" or p.exists()]
            source = f"read_parquet({files!r})" if files else f"({_empty(table)})"
            held = in_memory and table.room == "world" and table.name.startswith(SERVED)
            connection.execute(
                f"create {'table' if held else 'view'} {table.room}.{table.name} as select * from {source}"
            )
        return World(
            folder, about["seed"], about["size"], date.fromisoformat(about["start_date"]),
            date.fromisoformat(about["through_date"]), connection, spans,
        )  # fmt: skip

    @staticmethod
    def create_or_extend(
        folder: Path,
        size: str,
        seed: int,
        through: date,
        start: date | None = None,
        progress: Progress | None = None,
    ) -> World:
        """Make the company through the end of `through`, or add the missing days; an earlier day changes nothing.

        A company once made keeps its start, size and seed: asking for another size or seed raises ValueError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with _one_maker(folder):
            about = _read_about(folder)
            if about is None:
                first = start or through - timedelta(days=SIZES[size].days - 1)
                about = {
                    "version": VERSION, "seed": seed, "size": size, "start_date": first.isoformat(),
                    "through_date": (first - timedelta(days=1)).isoformat(), "chunks": [],
                }  # fmt: skip
            elif (about["size"], about["seed"]) != (size, seed):
                made = f"size {about['size']}, seed {about['seed']}"
                raise ValueError(
                    f"{folder}: holds a company of {made}; asked for size {size}, seed {seed}: use another folder"
                )
            _extend(folder, about, through, progress)
        return World.open(folder)

    def chunks(self, table: str, first: date, last: date) -> list[str]:
        """Files of a fact table that may hold something of first..last: those of these days and of the day before."""
        spans = [(a, b) for a, b in self._chunks if b >= first - timedelta(days=1) and a <= last]
        return [str(p) for p in _files(self.folder, TABLES[table], spans)]

    def con(self) -> duckdb.DuckDBPyConnection:
        """A cursor over the views world.<table> and truth.<table>, in UTC."""
        return self._connection.cursor()


@contextmanager
def _one_maker(folder: Path) -> Iterator[None]:
    import fcntl

    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _read_about(folder: Path) -> dict[str, Any] | None:
    path = folder / "company.json"
    if not path.exists():
        return None
    about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if about["version"] != VERSION:
        raise ValueError(
            f"{path}: made by version {about['version']} of the simulation, this is {VERSION}: delete the folder"
        )
    return about


def _files(folder: Path, table: Table, spans: list[Span]) -> list[Path]:
    home = folder / table.room / table.name
    if table.kind == "entity":
        return [home / "all.parquet"]
    return [home / f"{first}_{last}.parquet" for first, last in spans]


def _empty(table: Table) -> str:
    types = {"text": "varchar", "decimal": "decimal(18, 6)"}
    return (
        "select " + ", ".join(f"null::{types.get(c.type, c.type)} as {c.name}" for c in table.columns) + " where false"
    )


def _extend(folder: Path, about: dict[str, Any], through: date, progress: Progress | None) -> None:
    done, start = date.fromisoformat(about["through_date"]), date.fromisoformat(about["start_date"])
    if through <= done:
        return
    if (through - start).days >= MAX_DAYS:
        raise ValueError(
            f"{folder}: the company's plan ends {MAX_DAYS} days after {start}; asked for {through}: make a new one"
        )
    spans = _spans(about)
    _sweep(folder, spans)
    company = Company(about["seed"], SIZES[about["size"]], start)
    simulation = Simulation(company)
    facts = Facts(company)
    if done >= start:
        with np.load(folder / f"state-{done}.npz") as saved:
            simulation.restore({k: saved[k] for k in saved.files})
    else:
        _write(folder, {"persons": simulation.people.truth(start).cast(TABLES["persons"].schema)}, "all")
        for day in range(epoch(start) - RATES_BEFORE, epoch(start)):
            facts.add({"exchange_rates": rates_of_day(company.seed, day)})
    first = begin = done + timedelta(days=1)
    while begin <= through:
        end = min(begin + timedelta(days=company.size.chunk_days - 1), through)
        for day in range(epoch(begin), epoch(end) + 1):
            facts.add(simulation.step(day))
            if progress:
                progress(first, from_epoch(day), through)
        _write(folder, facts.flush(), f"{begin}_{end}")
        spans.append((begin, end))
        begin = end + timedelta(days=1)
    spans = _merged(folder, spans, company.size.chunk_days)
    entities = company.entities(through)
    _write(folder, {n: pa.Table.from_pylist(rows, TABLES[n].schema) for n, rows in entities.items()}, "all")
    np.savez(folder / f"state-{through}.npz", **simulation.saved())  # type: ignore[arg-type]
    about["through_date"] = through.isoformat()
    about["chunks"] = [{"from": a.isoformat(), "through": b.isoformat()} for a, b in spans]
    fresh = folder / "company.json.new"
    with fresh.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(about, indent=1))
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(folder / "company.json")


def _spans(about: dict[str, Any]) -> list[Span]:
    return [(date.fromisoformat(c["from"]), date.fromisoformat(c["through"])) for c in about["chunks"]]


def _write(folder: Path, tables: dict[str, pa.Table], name: str) -> None:
    """Each table to <room>/<table>/<name>.parquet, replaced whole."""
    for table, data in tables.items():
        path = folder / TABLES[table].room / table / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        pq.write_table(data, fresh, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
        fresh.replace(path)


def _merged(folder: Path, spans: list[Span], at_most: int) -> list[Span]:
    """Join the last chunk with the one before while that is no longer: after n nights there are some log2(n) chunks."""

    def days(span: Span) -> int:
        return (span[1] - span[0]).days + 1

    spans = list(spans)
    while len(spans) > 1 and days(spans[-2]) <= days(spans[-1]) and days(spans[-2]) + days(spans[-1]) <= at_most:
        pair, spans = spans[-2:], [*spans[:-2], (spans[-2][0], spans[-1][1])]
        name = f"{spans[-1][0]}_{spans[-1][1]}"
        for table in TABLES.values():
            if table.kind == "fact":
                parts = [pq.read_table(p) for p in _files(folder, table, pair)]
                _write(folder, {table.name: pa.concat_tables(parts)}, name)
    return spans


def _sweep(folder: Path, spans: list[Span]) -> None:
    """Take out files that company.json does not name: of a run that died, and those merged the last time but one.

    What a merge replaced stays until the next extension, for readers that opened the company before.
    """
    about = _read_about(folder)
    named = {f"{a}_{b}.parquet" for a, b in spans} | {"all.parquet"}
    for room in ("world", "truth"):
        for path in (folder / room).glob("*/*"):
            if path.name not in named:
                path.unlink()
    for path in folder.glob("state-*.npz"):
        if about is None or path.name != f"state-{about['through_date']}.npz":
            path.unlink()


class Facts:
    """Collects days of columns and turns them into Arrow tables: codes become their words, days dates, -1 null."""

    def __init__(self, company: Company) -> None:
        self._days: dict[str, list[Columns]] = {}
        ids = {
            "platform": list(PLATFORMS), "account_id": [a.account_id for a in company.accounts],
            "campaign_id": [c.campaign_id for c in company.campaigns], "ad_group_id": company.group_ids,
            "ad_id": company.ad_ids, "keyword_id": company.keyword_ids, "network": list(NETWORKS),
            "device": list(DEVICES), "country": list(COUNTRIES), "search_term": company.search_terms,
            "match_type": list(MATCH_TYPES), "currency": list(RATES),
        }  # fmt: skip
        self._words = {name: pa.array(words, pa.string()) for name, words in {**ids, **WORDS}.items()}
        actions = [company.action_id(a, c) for a in range(len(company.accounts)) for c in ACTION_CATEGORIES]
        self._words["action_id"] = pa.array(actions, pa.string())

    def add(self, day: dict[str, Columns]) -> None:
        for name, columns in day.items():
            self._days.setdefault(name.partition("/")[0], []).append(columns)

    def flush(self) -> dict[str, pa.Table]:
        """One table a name, complete in columns and types; forgets them."""
        out = {name: self._table(TABLES[name], days) for name, days in self._days.items()}
        self._days = {}
        return out

    def _table(self, table: Table, days: list[Columns]) -> pa.Table:
        arrays = [self._column(table.name, c.name, c.type, [d[c.name] for d in days]) for c in table.columns]
        return pa.Table.from_arrays(arrays, schema=table.schema)

    def _column(self, table: str, name: str, kind: str, parts: list[Any]) -> pa.Array | pa.ChunkedArray:
        if isinstance(parts[0], pa.Array):
            return pa.chunked_array(parts, parts[0].type)
        values = np.concatenate(parts)
        if kind == "text":
            words = self._words[f"{table}.{name}" if f"{table}.{name}" in self._words else name]
            return words.take(pa.array(values, mask=values < 0))
        if kind == "date":
            return pa.array(values.astype("datetime64[D]"), mask=values < 0)
        if kind == "timestamptz":
            return pa.array(values, pa.int64(), mask=values < 0).cast(pa.timestamp("us", tz="UTC"))
        if kind == "decimal":
            return pa.array([Decimal(f"{v:.6f}") for v in values], pa.decimal128(18, 6))
        if kind == "bigint":
            return pa.array(
                values.astype(np.int64), mask=values < 0 if name in ("person_id", "device_id", "satisfaction") else None
            )
        return pa.array(values)
