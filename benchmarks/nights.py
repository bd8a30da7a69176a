"""Whole nights as people start them, with wall time and the memory of all their processes together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion.settings import PROJECT_DIR

_EVERY = 0.1  # seconds between two looks at the memory


@dataclass(frozen=True)
class Night:
    seconds: float
    peak_mib: float  # proportional set size of all processes together: a shared page counts once
    said: str


def run_night(data_dir: Path, catalogue: Path, as_of: date) -> Night:
    """One `python -m orchestration nightly`. Ends the benchmark when the night is not green."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WAREHOUSE_")} | {
        "WAREHOUSE_DATA_DIR": str(data_dir),
        "WAREHOUSE_FILES_CATALOGUE": str(catalogue),
        "WAREHOUSE_HASH_KEY": "a key for benchmarks only",
        "PYTHONPATH": str(PROJECT_DIR),
    }
    command = [sys.executable, "-m", "orchestration", "nightly", "--as-of", str(as_of)]
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=PROJECT_DIR, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        memory = _Memory(process.pid)
        memory.start()
        said, _ = process.communicate()
        seconds = time.perf_counter() - started
        memory.stop()
    if process.returncode:
        raise SystemExit(f"the night ended with {process.returncode}:\n{said}")
    return Night(seconds, memory.peak / 1024, said)


class _Memory(threading.Thread):
    """Samples /proc for a process and all below it; keeps the highest sum, in KiB."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.peak = 0
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(_EVERY):
            self.peak = max(self.peak, sum(_pss(pid) for pid in _family(self.root)))

    def stop(self) -> None:
        self._end.set()
        self.join()


def _family(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended while we looked
    found, new = [root], [root]
    while new:
        new = [pid for pid, parent in parents.items() if parent in new]
        found += new
    return found


def _pss(pid: int) -> int:
    """Proportional set size in KiB; the resident size where the kernel does not tell the other."""
    for name, label in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            for line in (Path("/proc") / str(pid) / name).read_text().splitlines():
                if line.startswith(label):
                    return int(line.split()[1])
        except OSError:
            continue
    return 0
