"""What the house knows of its own nights, for dbt and the checks to read: as-of, load status, volumes.

Lives in raw_ops.duckdb, schema `ops`. No wall-clock times in what dbt reads: the same raw and the same as-of give the
same marts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from ingestion.settings import Settings

if TYPE_CHECKING:
    from ingestion.pipeline import LoadReport

TABLES: dict[str, str] = {
    "run": "as_of DATE, reporting_time_zone VARCHAR",
    "load_status": (
        "source VARCHAR, status VARCHAR, is_configured BOOLEAN, last_good_as_of DATE, data_through_date DATE, "
        "expected_lag_days INTEGER, stale_after_days INTEGER, is_stale BOOLEAN, message VARCHAR, "
        "rows_loaded BIGINT, rows_rejected BIGINT"
    ),
    "coverage": "source VARCHAR, provides VARCHAR, through_date DATE",
    "load_log": (  # wall-clock times, for people; dbt does not read it
        "source VARCHAR, status VARCHAR, as_of DATE, finished_at TIMESTAMPTZ, seconds DOUBLE, rows_loaded BIGINT, "
        "rows_rejected BIGINT, message VARCHAR"
    ),
    "backfill": "source VARCHAR, first_date DATE, last_date DATE, finished_at TIMESTAMPTZ",  # for people and --again
    "table_volume": "as_of DATE, relation VARCHAR, n_rows BIGINT",
}


@contextmanager
def _open(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    settings.raw_dir.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(settings.ops_file), read_only=read_only)
    try:
        if not read_only:
            con.execute("set timezone = 'UTC'; create schema if not exists ops")
            for name, columns in TABLES.items():
                con.execute(f"create table if not exists ops.{name} ({columns})")
        yield con
    finally:
        con.close()


def start_run(settings: Settings, as_of: date) -> None:
    """Set the one clock of this night: dbt's `as_of()` reads it here."""
    with _open(settings) as con:
        con.begin()
        con.execute("delete from ops.run")
        con.execute("insert into ops.run values (?, ?)", [as_of, settings.reporting_time_zone])
        con.commit()


def has_run(settings: Settings) -> bool:
    """Whether a night has set the clock."""
    with _open(settings) as con:
        return bool(con.execute("select count(*) from ops.run").fetchall()[0][0])


def write_load_status(settings: Settings, reports: Iterable[LoadReport], as_of: date) -> None:
    """Keep what became of each source: the status dbt reads, and a log line with the time."""
    with _open(settings) as con:
        con.begin()
        for r in reports:
            n_rows = sum(r.rows.values())
            con.execute("delete from ops.load_status where source = ?", [r.source])
            con.execute(
                "insert into ops.load_status values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    r.source,
                    r.status,
                    r.status != "not configured",
                    r.last_good_as_of,
                    r.data_through_date,
                    r.expected_lag_days,
                    r.stale_after_days,
                    r.is_stale,
                    r.message,
                    n_rows,
                    r.rejected,
                ],
            )
            if r.delivered is not None:
                con.execute("delete from ops.coverage where source = ?", [r.source])
                for provides, day in sorted(r.delivered.items()):
                    con.execute("insert into ops.coverage values (?, ?, ?)", [r.source, provides, day])
            if r.status != "not configured":
                con.execute(
                    "insert into ops.load_log values (?, ?, ?, ?, ?, ?, ?, ?)",
                    [r.source, r.status, as_of, datetime.now(UTC), r.seconds, n_rows, r.rejected, r.message],
                )
        con.commit()


def mark_stale(settings: Settings, source: str, message: str) -> None:
    """Mark a source stale after a check traced a fault to it; the next good load clears the mark."""
    with _open(settings) as con:
        con.execute("update ops.load_status set is_stale = true, message = ? where source = ?", [message, source])


def read_load_status(settings: Settings) -> dict[str, dict[str, Any]]:
    """The status of each source as of its last load, with `finished_at` of the last attempt; {} before the first."""
    if not settings.ops_file.exists():
        return {}
    with _open(settings, read_only=True) as con:
        cursor = con.execute(
            """select s.*, l.finished_at, g.last_good_at
               from ops.load_status s
               left join (select source, max(finished_at) as finished_at from ops.load_log group by source) l using (source)
               left join (select source, max(finished_at) as last_good_at from ops.load_log
                          where status in ('loaded', 'unchanged', 'partial') group by source) g using (source)"""
        )
        names = [d[0] for d in cursor.description or []]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def note_backfill(settings: Settings, source: str, first: date, last: date) -> None:
    """Keep that a range of days was pulled again, so that a call that was cut off goes on where it was."""
    with _open(settings) as con:
        con.execute("insert into ops.backfill values (?, ?, ?, ?)", [source, first, last, datetime.now(UTC)])


def is_backfilled(settings: Settings, source: str, first: date, last: date) -> bool:
    """Whether one earlier range holds all of these days."""
    with _open(settings) as con:
        sql = "select count(*) from ops.backfill where source = ? and first_date <= ? and last_date >= ?"
        return bool(con.execute(sql, [source, first, last]).fetchall()[0][0])


def forget_backfill(settings: Settings, source: str) -> None:
    with _open(settings) as con:
        con.execute("delete from ops.backfill where source = ?", [source])


def record_volumes(settings: Settings, as_of: date, volumes: Mapping[str, int]) -> None:
    """Keep tonight's row counts, for the volume checks of the nights to come. A rerun of a night replaces its own."""
    with _open(settings) as con:
        con.begin()
        con.execute("delete from ops.table_volume where as_of = ?", [as_of])
        con.executemany("insert into ops.table_volume values (?, ?, ?)", [[as_of, k, v] for k, v in volumes.items()])
        con.commit()
