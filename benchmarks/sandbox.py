"""Making the simulated company, measured: `python -m benchmarks.sandbox small medium` (`large` takes a quarter of an hour).

Each size is made, and its GA4 export written, in a process of its own, so that the peak of memory is that step's.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from ingestion.settings import PROJECT_DIR

THROUGH = date(2026, 11, 22)
SEED = 20
TARGETS = {
    "small": "made in 20 s",
    "medium": "10 million events",
    "large": "100 million events, 6 GiB, 300,000 events/s",
}


def measure(step: str, size: str, folder: Path) -> dict[str, float]:
    """One step ('make' or 'ga4') in this process: seconds, peak memory in GiB, rows of delivery or events."""
    from ingestion.sandbox.ga4 import write_events
    from ingestion.sandbox.store import World

    started = time.perf_counter()
    if step == "make":
        world = World.create_or_extend(folder, size, SEED, THROUGH)
        seconds = time.perf_counter() - started
        found = world.con().execute("select count(*) from world.ad_delivery").fetchone()
        rows = found[0] if found else 0
    else:
        rows = write_events(World.open(folder))
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "peak_gib": peak, "rows": rows}


def sizes(names: list[str]) -> list[tuple[str, ...]]:
    """(size, made in s, peak GiB, GA4 events, written in s, events/s, peak GiB, target) of each size, as text."""
    table = []
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            made, written = (_in_a_process(step, name, home) for step in ("make", "ga4"))
        speed = written["rows"] / written["seconds"]
        table.append(
            (
                name, f"{made['seconds']:.1f}", f"{made['peak_gib']:.2f}", f"{written['rows']:,.0f}",
                f"{written['seconds']:.1f}", f"{speed:,.0f}", f"{written['peak_gib']:.2f}", TARGETS[name],
            )
        )  # fmt: skip
    return table


def _in_a_process(step: str, size: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sandbox", "--step", step, size, folder]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    said = subprocess.run(
        command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    result: dict[str, float] = json.loads(said)
    return result


if __name__ == "__main__":
    if sys.argv[1] == "--step":
        print(json.dumps(measure(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
    else:
        for row in sizes(sys.argv[1:]):
            print(" | ".join(row))
