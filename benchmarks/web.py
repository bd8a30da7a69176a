"""GA4's export at volume: files to sessions, conversions and pages, beside a bare script that does the least of it.

`make benchmark ARGS='--only web'` (medium, 10 million events); `--only web_large` (100 million, and medium's next day beside it) takes
half an hour. Each step runs in a process of its own, so that the peak of memory is that step's.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks.sandbox import SEED, THROUGH
from ingestion.pipeline import Outcome
from ingestion.settings import PROJECT_DIR, get_settings
from ingestion.spec import SourceSpec

UPSTREAM = (
    "+dim_campaign",
    "+int_ad_clicks__unioned",
    "+int_rates__daily",
    "+int_channels__traffic",
)  # of other sources
MODELS = (
    "path:models/staging/ga4_export", "int_web_days__unioned", "int_web_session_days__unioned", "int_web_pages__unioned",
    "int_web_key_events__unioned", "int_web_conversions__counted", "fct_session", "fct_web_conversion", "fct_page_daily",
)  # fmt: skip
MARTS = ("fct_session", "fct_web_conversion", "fct_page_daily")
RATIO = 3.0  # times the bare script, at most
GIB = {"medium": 6.0, "large": 8.0}
ONE_DAY = ("load, one day more", "models, one day more")
GROWTH = 1.3  # times medium's, at most: one day more on top of large


def bare(export: Path, target: Path) -> float:
    """The floor: one query that reads the files, takes the declared parameters out, and writes the sessions. Seconds."""
    import duckdb

    from ingestion.sources.ga4_export.tables import PARAMS

    value = {"text": "string_value", "bigint": "int_value", "decimal": "double_value"}
    params = ", ".join(
        f"list_filter(event_params, lambda p: p.key = '{p.key}')[1].value.{value[p.type]} as \"{p.name}\""
        for p in PARAMS
    )
    first = ", ".join(f'any_value("{p.name}") as "any_{p.name}"' for p in PARAMS)
    con = duckdb.connect(config={"threads": 2, "preserve_insertion_order": "false"})
    started = time.perf_counter()
    con.execute(
        f"""copy (
            with events as (
                select event_date, event_timestamp, event_name, user_pseudo_id, device.category as device, geo.country as country,
                    collected_traffic_source.manual_source as utm_source, collected_traffic_source.manual_medium as utm_medium,
                    {params}
                from read_parquet('{export}/events_*.parquet')
            )
            select user_pseudo_id, ga_session_id, min(event_timestamp) as started_at, max(event_timestamp) as ended_at,
                count(*) as n_events, count(*) filter (event_name = 'page_view') as n_page_views,
                sum(engagement_time_msec) as engagement, arg_min(page_location, event_timestamp) as landing,
                arg_max(page_location, event_timestamp) as exit, arg_min(utm_source, event_timestamp) as utm_source,
                arg_min(utm_medium, event_timestamp) as utm_medium, any_value(device) as device, any_value(country) as country,
                {first}
            from events where user_pseudo_id is not null group by all
        ) to '{target}' (format parquet)"""
    )
    return time.perf_counter() - started


def load(as_of: date) -> float:
    """The source's own load of a night, as the settings in the environment say. Seconds, without the first night's empty tables."""
    from ingestion.pipeline import load_all
    from ingestion.raw import prepare_tables

    prepare_tables(get_settings())
    started = time.perf_counter()
    (report,) = load_all(get_settings(), as_of, ["ga4_export"])
    if report.status != "loaded":
        raise SystemExit(f"the load is {report.status}: {report.message}")
    return time.perf_counter() - started


def model(*select: str) -> float:
    """Some models built by dbt: the seconds that it ran, without its start."""
    from orchestration.manifest import run_dbt

    settings = get_settings()
    if run_dbt(settings, ["build", "--exclude-resource-types", "test", "unit_test", "--select", *select]).returncode:
        raise SystemExit("dbt failed")
    (results,) = settings.dbt_dir.rglob("run_results.json")
    return float(json.loads(results.read_text())["elapsed_time"])


def contract(as_of: date) -> float:
    """The day loaded once more with its contract checked: seconds of the contract alone."""
    from ingestion.pipeline import load_all
    from quality.run import run_contract

    settings, spent = get_settings(), 0.0

    def timed(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> Sequence[Outcome]:
        nonlocal spent
        started = time.perf_counter()
        found = run_contract(spec, package, settings, as_of)
        spent += time.perf_counter() - started
        return found

    (report,) = load_all(settings, as_of, ["ga4_export"], timed)
    if report.status != "loaded":
        raise SystemExit(f"the load is {report.status}: {report.message}")
    return spent


def check(as_of: date) -> float:
    """The marts' own suites, as before a publication. Seconds."""
    from quality.run import run_marts
    from quality.suites import Suites, load_suites

    suites = load_suites()
    started = time.perf_counter()
    results = run_marts(get_settings(), as_of, suites=Suites({mart: suites.marts[mart] for mart in MARTS}))
    if crashed := [r.check for r in results if r.status == "error"]:
        raise SystemExit(f"checks crashed: {crashed}")
    return time.perf_counter() - started


def publish(as_of: date) -> float:
    """All marts that were built, written as a generation. Seconds."""
    from orchestration.publish import publish

    started = time.perf_counter()
    publish(get_settings(), as_of)
    return time.perf_counter() - started


def measured(size: str, home: Path) -> list[tuple[str, float, float]]:
    """(step, seconds, peak GiB) of each step. `home`: an empty folder; holds the company and the data."""
    environment = {
        "WAREHOUSE_DATA_DIR": str(home / "data"),
        "WAREHOUSE_DEMO": "false",
        "WAREHOUSE_HASH_KEY": "a key for benchmarks only",
        "SOURCES__GA4_EXPORT__FOLDER": str(home / "ga4"),
    }
    _step(environment, "make", size, str(home), THROUGH.isoformat())
    steps = [
        ("bare script", ["bare", str(home / "ga4"), str(home / "bare.parquet")]),
        ("load", ["load", THROUGH.isoformat()]),
        ("", ["model", *UPSTREAM]),
        ("models", ["model", *MODELS]),
        ("", ["make", size, str(home), (THROUGH + timedelta(days=1)).isoformat()]),
        (ONE_DAY[0], ["load", (THROUGH + timedelta(days=1)).isoformat()]),
        (ONE_DAY[1], ["model", *MODELS]),
        ("contract, one day more", ["contract", (THROUGH + timedelta(days=1)).isoformat()]),
        ("checks of the marts", ["check", (THROUGH + timedelta(days=1)).isoformat()]),
        ("publishing", ["publish", (THROUGH + timedelta(days=1)).isoformat()]),
    ]
    found = []
    for name, step in steps:
        seconds, gib = _step(environment, *step)
        if name:
            found.append((name, seconds, gib))
            print(f"{size}: {name}: {seconds:.1f} s, {gib:.2f} GiB", flush=True)
    return found


def make(size: str, home: Path, as_of: date) -> float:
    """The company up to the day before `as_of`, and its export as it stands on that morning."""
    from ingestion.sandbox.ga4 import extend_events
    from ingestion.sandbox.store import World

    world = World.create_or_extend(home / "company", size, SEED, as_of - timedelta(days=1))
    extend_events(world, home / "ga4", as_of)
    return 0.0


def _step(environment: dict[str, str], *step: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.web", *step],
        cwd=PROJECT_DIR,
        env={**os.environ, **environment, "PYTHONPATH": str(PROJECT_DIR)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{step[0]} failed:\n{done.stdout[-3000:]}")
    seconds, gib = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), float(gib)


_NIGHT = {"load": load, "contract": contract, "check": check, "publish": publish}


def _main(what: str, *args: str) -> None:
    if what == "bare":
        seconds = bare(Path(args[0]), Path(args[1]))
    elif what in _NIGHT:
        seconds = _NIGHT[what](date.fromisoformat(args[0]))
    elif what == "make":
        seconds = make(args[0], Path(args[1]), date.fromisoformat(args[2]))
    else:
        seconds = model(*args)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    print(json.dumps([seconds, peak]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
