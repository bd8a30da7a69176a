"""One ad platform loaded from the sandbox, and the floor beside it: `python -m benchmarks.platforms <source> <data> <company>`.

The floor asks for the very same pages in one bare loop (httpx), parses them with orjson and throws them away. Prints JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import httpx
import orjson

from ingestion.settings import PROJECT_DIR

_RUN = re.compile(r"/meta_ads/v[\d.]+/(\d+)(?=[/?]|$)")
PLATFORMS = ("google_ads", "microsoft_ads", "meta_ads", "linkedin_ads", "tiktok_ads")


def measured(source: str, data: Path, company: Path) -> dict[str, float]:
    """{rows, calls, seconds, floor_seconds} of one load in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.platforms", source, str(data), str(company)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    done = subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the load failed:\n{done.stdout}{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def floor(url: str, calls: list[dict[str, object]]) -> float:
    """Seconds to ask for all of it again and throw it away; files that are no JSON are only read.

    Meta's report runs are started again too, and theirs are the pages: else the server would only hand out what it kept.
    """
    runs = sorted({m[1] for c in calls if (m := _RUN.search(str(c["url"])))}, key=int)
    names: dict[str, str] = {}  # the load's runs, in the order they were started -> this loop's
    started = time.perf_counter()
    with httpx.Client(base_url=url, timeout=60) as client:
        for call in calls:
            path = _RUN.sub(lambda m: m[0].replace(m[1], names.get(m[1], m[1])), str(call["url"]))
            answer = client.request(
                str(call["method"]), path, headers=call["headers"], content=b64decode(str(call["body"]))
            )
            if answer.headers.get("content-type", "").startswith("application/json"):
                found = orjson.loads(answer.content)
                if "report_run_id" in found:
                    names[runs[len(names)]] = found["report_run_id"]
    return time.perf_counter() - started


def main(source: str, data: Path, company: Path) -> None:
    from ingestion.pipeline import load_source
    from ingestion.raw import prepare_tables
    from ingestion.registry import get_spec
    from ingestion.sandbox.demo import start_dates
    from ingestion.sandbox.server.app import environment
    from ingestion.sandbox.server.run import served
    from ingestion.sandbox.store import World
    from ingestion.settings import Settings

    world = World.open(company)
    settings = Settings(_env_file=None, data_dir=data, hash_key="a key for benchmarks only")  # type: ignore[call-arg,arg-type]
    as_of = world.through_date + timedelta(days=1)
    spec = get_spec(source)
    with served(company, as_of) as url:
        os.environ.update(environment(url) | start_dates(world.start_date))
        prepare_tables(settings, [spec])
        httpx.post(f"{url}/_sandbox/record")
        report = load_source(spec, settings, as_of)
        calls = httpx.get(f"{url}/_sandbox/record").json()
        if report.status != "loaded":
            raise SystemExit(f"{source}: {report.status}: {report.message}")
        again = min(floor(url, calls) for _ in range(2))
    n_rows = sum(report.rows.values())
    print(json.dumps({"rows": n_rows, "calls": len(calls), "seconds": report.seconds, "floor_seconds": again}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
