"""Dagster's event log with connections that are kept: its own opens one, and an engine, for each of a night's 4,000 writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listen

_KEPT = 8  # files: the index, the run that is written, runs that people look at


def _commit_without_waiting(connection: Any, record: Any) -> None:
    """In WAL mode a power cut may take the last events and breaks nothing; a commit need not wait for the disk."""
    connection.execute("pragma synchronous = normal")


class EventLog(SqliteEventLogStorage):
    """Named in dagster.yaml. The files are Dagster's own, where its default puts them: without that line they are read
    as before."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> EventLog:
        # not a setting: a data folder may be moved or restored elsewhere with its dagster.yaml
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:  # threads take turns on it
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            if len(self._engines) >= _KEPT:
                self._engines.pop(next(name for name in self._engines if name != "index")).dispose()
            how = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = create_engine(self.conn_string_for_shard(shard), pool_size=1, connect_args=how)
            listen(engine, "connect", _commit_without_waiting)
            self._initdb(engine)
            self._engines[shard] = engine
        return self._engines[shard]

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
