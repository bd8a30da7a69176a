"""One writer: an OS lock in the data folder, taken by the job, single loads, publishing and deletion.

dbt builds in a process of its own, which outlives a night that is killed alone. So it holds a lock of its own for as
long as it lives (`hold_while_building`), and the next writer waits for that one too.
"""

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
        _outlive_builds(path.parent, on_wait)
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


def _outlive_builds(folder: Path, on_wait: Callable[[str], None]) -> None:
    """Wait for a dbt that a killed night left behind: it still reads raw and writes the warehouse. Also one by hand."""
    handle = os.open(folder / ".build.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(
                f"waiting for a dbt to finish building in {folder} (a night that was killed left it, or it was started by hand)"
            )
            fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)


def hold_while_building(folder: Path) -> None:
    """Called by dbt's process before it opens a database of this data folder: holds its build lock until it ends.

    Raises RuntimeError when a process that did not start this dbt is the writer: the one that did was killed meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    build = os.open(folder / ".build.lock", os.O_RDWR | os.O_CREAT, 0o600)  # never closed: the system does that
    fcntl.flock(build, fcntl.LOCK_SH)
    path = folder / ".writer.lock"
    writer = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(writer, fcntl.LOCK_SH | fcntl.LOCK_NB)  # nobody writes: dbt by hand, or the night is gone already
    except BlockingIOError:
        if _pid(path) != os.getppid():
            os.close(build)
            raise RuntimeError(f"{_holder(path)} writes in {folder}, and did not start this dbt") from None
    finally:
        os.close(writer)


def _pid(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_text())["pid"])
    except (ValueError, KeyError, OSError):
        return None


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text())
        return f"{note['purpose']} (process {note['pid']}, since {note['since']})"
    except (ValueError, KeyError, OSError):
        return "another writer"
