"""One load of one catalogue into raw, timed, in the process that is started for it: `python -m benchmarks.loading`.

Prints a JSON object: seconds and rows of the first load, seconds of a second one with nothing new.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

from ingestion import pipeline, raw
from ingestion.registry import get_spec
from ingestion.settings import Settings

AS_OF = date(2010, 12, 31)


def measure(data_dir: Path, catalogue: Path) -> dict[str, float]:
    settings = Settings(_env_file=None, data_dir=data_dir, files_catalogue=catalogue)  # type: ignore[call-arg]
    spec = get_spec("files")
    raw.prepare_tables(settings, [spec])  # as on every night but the first: the tables are there
    out: dict[str, float] = {}
    for name in ("first", "again"):
        started = time.perf_counter()
        report = pipeline.load_source(spec, settings, AS_OF)
        out[f"{name}_seconds"] = time.perf_counter() - started
        out[f"{name}_rows"] = sum(report.rows.values())
        expected = "loaded" if name == "first" else "unchanged"
        if report.status != expected:
            raise SystemExit(f"the load is {report.status}, not {expected}: {report.message}")
    return out


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
