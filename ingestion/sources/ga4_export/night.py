"""One night of the export: which days are new or changed, and what becomes of each. Ends in Parquet files for dlt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingestion.errors import SourceError, root_message
from ingestion.settings import Settings
from ingestion.sources.files.problems import FileProblem
from ingestion.sources.ga4_export import flatten
from ingestion.sources.ga4_export.days import Day, Days
from ingestion.sources.ga4_export.tables import EVENT_DAYS, EVENTS
from ingestion.spec import LoadContext

# Days that are read by one query, as long as nothing is wrong with any: a hundred columns cost a tenth of a second to plan.
BATCH_DAYS = 31
BATCH_BYTES = 64_000_000
NEWEST_DAYS = 4  # read apart from the older ones: the next night replaces them, and with them the file they lie in
FETCHES = 4  # files fetched from a bucket side by side


@dataclass(frozen=True)
class DayState:
    """A row of `event_days`."""

    date_day: date
    kind: str | None = None
    status: str = "loaded"
    message: str | None = None
    files: str | None = None
    size_bytes: int | None = None
    n_events: int | None = None
    n_rejected: int | None = None
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None
    reader_version: int | None = None
    loaded_as_of: date | None = None

    def holds(self, day: Day) -> bool:
        """Whether raw has this day as it lies there. Daily events are final beside intraday ones."""
        if self.kind == "daily" and day.kind == "intraday":
            return True
        return (self.status, self.kind, self.files, self.reader_version) == (
            "loaded",
            day.kind,
            day.fingerprint,
            flatten.READER_VERSION,
        )


@dataclass(frozen=True)
class _Opened:
    """A day whose files are on this machine. `shape`: its columns and types, as text."""

    day: Day
    scan: flatten.Scan
    shape: str


@dataclass
class Changes:
    """What one night brings."""

    events: list[tuple[Path, int]] = field(default_factory=list)
    emptied: list[date] = field(default_factory=list)
    states: list[DayState] = field(default_factory=list)


class Night:
    """One pass over the export. Everything that goes wrong with one day stays with that day."""

    def __init__(self, context: LoadContext, days: Days, scratch: Path, first: date | None) -> None:
        import duckdb

        self._context, self._days, self._scratch, self._first = context, days, scratch, first
        self._known, self._held = _in_raw(context.settings)
        self._changes = Changes()
        self._con = duckdb.connect(
            str(scratch / "scratch.duckdb"),
            config={
                "temp_directory": str(scratch / "spill"),
                "preserve_insertion_order": "false",
                "memory_limit": context.settings.memory_limit,
            },
        )

    def run(self) -> Changes:
        notes = self._context.notes
        notes.rows = {EVENTS.name: 0}
        try:
            listing = self._days.listing()
        except FileProblem as e:
            raise SourceError("ga4_export", f"{e} ({self._days.place})") from e
        except Exception as e:  # a bucket's client has errors of its own
            raise SourceError("ga4_export", f"{self._days.place} cannot be listed: {root_message(e)}") from e
        if listing.unknown:
            some = ", ".join(sorted(listing.unknown)[:3])
            notes.remarks.append(
                f"{len(listing.unknown)} files are named like no day of an export and were not read: {some}"
            )
        if not listing.days and not listing.refused:
            notes.problems.append(f"no events_YYYYMMDD* or events_intraday_YYYYMMDD* in {self._days.place}")
        if ahead := sorted(d for d in listing.days if d > self._context.as_of):
            notes.problems.append(
                f"{listing.days[ahead[0]].names} is of a day that has not come; is the file named right?"
            )
        for day, why in sorted(listing.refused.items()):
            if self._wants(day):
                self._refuse(day, why)
        wanted = [d for date_, d in sorted(listing.days.items()) if self._wants(date_) and self._is_new(d)]
        if EVENTS.name not in self._context.exclude_tables:
            with closing(self._con):
                self._read(wanted)
        self._changes.states = sorted(self._known.values(), key=lambda s: s.date_day)
        notes.all_failed = bool(notes.problems) and not any(s.n_events is not None for s in self._changes.states)
        return self._changes

    def _wants(self, day: date) -> bool:
        if self._context.window:
            return self._context.window[0] <= day <= self._context.window[1] and day < self._context.as_of
        # the night's own day is not over
        return (self._first is None or day >= self._first) and day < self._context.as_of

    def _is_new(self, day: Day) -> bool:
        known = self._known.get(day.date)
        if self._context.window:
            return not (known and known.kind == "daily" and day.kind == "intraday")
        return known is None or not known.holds(day)

    def _read(self, wanted: Sequence[Day]) -> None:
        self._con.execute("set timezone = 'UTC'")
        with ThreadPoolExecutor(FETCHES) as pool:
            for batch in _batches(wanted):
                self._context.progress(f"reading {batch[0].date} to {batch[-1].date} (of {wanted[-1].date})")
                alike: dict[tuple[str, str], list[_Opened]] = {}
                for day, opened in zip(batch, pool.map(self._open, batch), strict=True):
                    if isinstance(opened, Exception):
                        self._refuse_for(day, opened)
                    else:
                        alike.setdefault((day.kind, opened.shape), []).append(opened)
                for days in alike.values():
                    self._write(days)
                for day in batch:
                    shutil.rmtree(self._home(day), ignore_errors=True)

    def _open(self, day: Day) -> _Opened | Exception:
        try:
            with closing(self._con.cursor()) as con:
                scan = self._days.scan(con, day, self._home(day))
                return _Opened(day, scan, str(flatten.shape(con, scan.sql())))
        except Exception as e:  # noqa: BLE001 - one day's trouble is its own; the others go on
            return e

    def _write(self, opened: Sequence[_Opened]) -> None:
        """Examine days and write their events to one file. Where anything is wrong, each day alone."""
        first = opened[0].day
        path = self._scratch / f"events-{first.date}-{first.kind}-{len(opened)}.parquet"
        try:
            found = flatten.examine(self._con, {o.day.date: o.scan for o in opened}, first.kind == "intraday")
            if found.is_clean or len(opened) == 1:
                # small row groups: so many columns of a thread's rows are written before they leave the processor's cache
                how = "format parquet, compression lz4_raw, row_group_size 61440"
                done = self._con.execute(f"copy ({found.select}) to '{path}' ({how})").fetchone()
                self._take(opened, found, path, int(done[0]) if done else 0)
                return
        except Exception as e:  # noqa: BLE001 - one day's trouble is its own; the others go on
            path.unlink(missing_ok=True)
            if len(opened) == 1:
                self._refuse_for(first, e)
                return
        for one in opened:
            self._write([one])

    def _take(self, opened: Sequence[_Opened], found: flatten.Examined, path: Path, n: int) -> None:
        if n:
            self._changes.events.append((path, n))
        assert self._context.notes.rows is not None
        self._context.notes.rows[EVENTS.name] += n
        for day in (o.day for o in opened):
            counts = found.days[day.date]
            if not counts.n_events and day.date in self._held:
                self._changes.emptied.append(day.date)
            self._known[day.date] = DayState(
                day.date, day.kind, "loaded", None, day.fingerprint, day.size, counts.n_events, counts.n_rejected,
                counts.first_at, counts.last_at, flatten.READER_VERSION, self._context.as_of,
            )  # fmt: skip
        if not found.is_clean:  # a day alone
            self._tell_rejects(opened[0].day, found)

    def _tell_rejects(self, day: Day, found: flatten.Examined) -> None:
        notes = self._context.notes
        n_rejected = found.days[day.date].n_rejected
        if n_rejected:
            notes.problems.append(
                f"{day.names}: {n_rejected:,} events were kept aside, first: {found.rejects[0].reason}"
            )
        for name, n in found.unreadable.items():
            notes.problems.append(
                f"{day.names}: {n:,} values of parameter {name} could not be read; they stay in params_rest"
            )
        notes.rejected += n_rejected + sum(found.unreadable.values())
        notes.rejects += [
            {
                "as_of": self._context.as_of,
                "table_name": EVENTS.name,
                "account_id": day.date.isoformat(),
                "request": day.names,
                "position": n,
                "column_name": r.column,
                "reason": r.reason,
                "row_text": r.text,
            }
            for n, r in enumerate(found.rejects)
        ]

    def _refuse_for(self, day: Day, error: Exception) -> None:
        """Refuse a day for what its files are; of several, the one at fault is told."""
        names, said = day.names, _said(error)
        for part in day.parts if len(day.parts) > 1 else ():
            alone = replace(day, parts=(part,))
            try:
                scan = self._days.scan(self._con, alone, self._home(day))
                flatten.examine(self._con, {day.date: scan}, is_intraday=False)
            except Exception as e:  # noqa: BLE001 - that is what is asked
                names, said = alone.names, _said(e)
                break
        self._refuse(day.date, said if said.startswith(names) else f"{names}: {said}")

    def _refuse(self, day: date, why: str) -> None:
        """Keep what was loaded of the day before, and say why its files were not taken."""
        self._known[day] = replace(self._known.get(day, DayState(day)), status="refused", message=why)
        self._context.notes.problems.append(f"{day}: {why}")

    def _home(self, day: Day) -> Path:
        return self._scratch / day.date.isoformat()


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, FileProblem) else root_message(error)


def _batches(days: Sequence[Day]) -> Iterator[list[Day]]:
    batch: list[Day] = []
    for n, day in enumerate(days):
        is_full = len(batch) == BATCH_DAYS or sum(d.size for d in (*batch, day)) > BATCH_BYTES
        if batch and (is_full or n == len(days) - NEWEST_DAYS):
            yield batch
            batch = []
        batch.append(day)
    if batch:
        yield batch


def states_table(states: Sequence[DayState]) -> Any:
    """Rows of `event_days` as an Arrow table."""
    import pyarrow as pa

    from ingestion.arrow import arrow_schema

    return pa.Table.from_pylist([asdict(s) for s in states], arrow_schema(EVENT_DAYS))


def _in_raw(settings: Settings) -> tuple[dict[date, DayState], set[date]]:
    """What raw says of each day, and the days it has events of: these differ when the contract kept one table out."""
    import duckdb

    names = ", ".join(c.name for c in EVENT_DAYS.columns)
    with closing(duckdb.connect(str(settings.raw_file("ga4_export")), read_only=True)) as con:
        con.execute("set timezone = 'UTC'")
        known = {row[0]: DayState(*row) for row in con.execute(f"select {names} from ga4_export.event_days").fetchall()}
        held = {row[0] for row in con.execute("select distinct event_date from ga4_export.events").fetchall()}
    return known, held
