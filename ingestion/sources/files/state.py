"""What raw knows of each file: a row of `_files`. Decides nothing."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from ingestion.settings import Settings
from ingestion.sources.files.catalogue import SOURCE
from ingestion.sources.files.entities import FILES_TABLE

if TYPE_CHECKING:
    from ingestion.sources.files.locations import FoundFile


@dataclass
class FileState:
    """A row of `_files`: what is known of one file."""

    _file_key: int
    dataset: str
    entity: str
    path: str
    content_hash: str | None = None
    size_bytes: int | None = None
    modified_at: datetime | None = None
    definition_hash: str | None = None
    status: str = "loaded"
    message: str | None = None
    n_rows: int = 0
    n_loaded: int = 0
    n_rejected: int = 0
    n_null_skipped: int = 0
    max_date: date | None = None
    loaded_as_of: date | None = None

    @property
    def key(self) -> int:
        return self._file_key

    def holds(self, file: FoundFile, definition: str) -> bool:
        """Whether the file is the one that was loaded, as far as its size, time and definition tell."""
        return (
            self.status == "loaded"
            and self.size_bytes == file.size
            and self.modified_at == file.modified_at
            and self.definition_hash == definition
        )


def file_key(dataset: str, path: str) -> int:
    """63 bits of a hash: a number is written several times faster than a text that is the same in every row."""
    return int.from_bytes(hashlib.sha256(f"{dataset}|{path}".encode()).digest()[:8]) >> 1


def known_files(settings: Settings) -> dict[int, FileState]:
    """What raw holds of each file, by file key."""
    import duckdb

    names = [c.name for c in FILES_TABLE.columns]
    con = duckdb.connect(str(settings.raw_file(SOURCE)), read_only=True)
    with closing(con):
        con.execute("set timezone = 'UTC'")
        rows = con.execute(f"select {', '.join(names)} from files._files").fetchall()
    states = (FileState(*row) for row in rows)
    return {s.key: _in_utc(s) for s in states}


def _in_utc(state: FileState) -> FileState:
    if state.modified_at:
        state.modified_at = state.modified_at.astimezone(UTC)
    return state
