"""One writer: an OS lock in the data folder, taken by the job, single loads, publishing and deletion."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingestion.settings import Settings

_held: dict[Path, int] = {}  # how often this process holds each lock: writers may nest
_guard = threading.RLock()


@contextmanager
def writer_lock(
    settings: Settings, purpose: str, on_wait: Callable[[str], None] = lambda message: None
) -> Iterator[None]:
    """Hold the data folder's writer lock; wait for another process, saying once whom for.

    The system gives the lock back when a process dies, however it dies. Re-entrant within a process.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.data_dir / ".writer.lock"
    with _guard:
        if _held.get(path, 0):
            _held[path] += 1
            handle = None
        else:
            handle = _acquire(path, purpose, on_wait)
            _held[path] = 1
    try:
        yield
    finally:
        with _guard:
            _held[path] -= 1
            if handle is not None:
                os.ftruncate(handle, 0)
                os.close(handle)


def _acquire(path: Path, purpose: str, on_wait: Callable[[str], None]) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(f"waiting for {_holder(path)} to finish writing in {path.parent}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        note = {
            "pid": os.getpid(),
            "purpose": purpose,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(note).encode(), 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text())
        return f"{note['purpose']} (process {note['pid']}, since {note['since']})"
    except (ValueError, KeyError, OSError):
        return "another writer"
