"""Making the simulated company, measured: `make benchmark ARGS='--only company'` (the large one takes a quarter of an hour).

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
# most seconds to make it, most GiB in either step, least events, least events a second
TARGETS: dict[str, tuple[float, float, float, float]] = {
    "small": (20, 6, 0, 0),
    "medium": (float("inf"), 6, 10e6, 0),
    "large": (float("inf"), 6, 100e6, 300_000),
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


def measured(name: str) -> tuple[str, ...]:
    """(size, made in s, peak GiB, GA4 events, written in s, events/s, peak GiB, target, verdict), as text."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        made, written = (_in_a_process(step, name, home) for step in ("make", "ga4"))
    speed = written["rows"] / written["seconds"]
    seconds, gib, events, least = TARGETS[name]
    wanted = [f"{seconds:.0f} s"] * (seconds < float("inf")) + [f"{gib:.0f} GiB"]
    wanted += [f"{events / 1e6:.0f} million events"] * (events > 0) + [f"{least:,.0f} events/s"] * (least > 0)
    peak = max(made["peak_gib"], written["peak_gib"])
    # a size's events are named in round numbers: a tenth less is still that size
    met = made["seconds"] <= seconds and peak <= gib and written["rows"] >= 0.9 * events and speed >= least
    return (
        name, f"{made['seconds']:.1f}", f"{made['peak_gib']:.2f}", f"{written['rows']:,.0f}",
        f"{written['seconds']:.1f}", f"{speed:,.0f}", f"{written['peak_gib']:.2f}", ", ".join(wanted),
        "met" if met else "MISSED",
    )  # fmt: skip


def _in_a_process(step: str, size: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sandbox", "--step", step, size, folder]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    said = subprocess.run(
        command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    result: dict[str, float] = json.loads(said)
    return result


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
