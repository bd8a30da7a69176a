"""Who is who among 10 million edges: `make benchmark ARGS='--only identity'`.

The edges look like a company's: most people have two to six identifiers, a few hundreds; hashes as staging makes them. Measured is the
model itself (dbt_project/models/intermediate/identity/int_identity__components.py) with reading its edges and nodes and writing what it
finds; making the edges is not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ingestion.settings import PROJECT_DIR

MODEL = PROJECT_DIR / "dbt_project" / "models" / "intermediate" / "identity" / "int_identity__components.py"
N_EDGES = 10_000_000
SECONDS, GIB = 60.0, 4.0


def the_model() -> ModuleType:
    """The dbt model as a module."""
    spec = importlib.util.spec_from_file_location(MODEL.stem, MODEL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_up(path: Path, n_edges: int) -> int:
    """Write edges and nodes as the models before it do into a database; returns the components there are."""
    rng = np.random.default_rng(1)
    sizes = np.concatenate([rng.integers(2, 7, n_edges // 3), rng.integers(100, 900, max(1, n_edges // 12_500))])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    component = np.repeat(np.arange(len(sizes)), sizes)
    nth = np.arange(sizes.sum()) - first[component]
    one = np.flatnonzero(nth > 0)  # each is joined to an older one of its component
    other = first[component[one]] + (rng.random(len(one)) * nth[one]).astype(np.int64)
    kept = rng.permutation(len(one))[:n_edges]
    a, b = one[kept], other[kept]
    with duckdb.connect(str(path)) as con:
        con.execute("set preserve_insertion_order = false; set memory_limit = '3GB'; set timezone = 'UTC'")
        con.register("pairs", pa.table({"a": a, "b": b, "day": rng.integers(0, 730, len(a))}))
        number = "xor(('0x' || sha256({}::varchar)[1:16])::ubigint, 9::ubigint)"  # the macro node_number
        con.execute(
            f"""create table int_identity__edges as select {number.format("a")} as number_a, {number.format("b")} as number_b,
                   null::varchar as guard, timestamptz '2024-01-01 00:00:00+00' + to_days(day::int) as first_seen_at from pairs"""
        )
        con.execute(
            """create table int_identity__nodes as
               select node_number, 9 as kind_rank, min(first_seen_at) as first_seen_at from (
                   select number_a as node_number, first_seen_at from int_identity__edges
                   union all select number_b, first_seen_at from int_identity__edges
               ) group by node_number"""
        )
    return len(sizes)


class _Dbt:
    """What a model asks of dbt."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def config(self, **_: Any) -> None:
        return None

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self._con.table(name)


def run(path: Path) -> dict[str, float]:
    """{seconds, cpu_seconds, peak_gib, edges, people, merges} of the model over a database's edges, in this process."""
    con = duckdb.connect(str(path), config={"threads": 2, "memory_limit": "2GB", "preserve_insertion_order": "false"})
    started, used = time.perf_counter(), time.process_time()
    found = the_model().model(_Dbt(con), con)
    con.register("found", found)
    con.execute("create or replace table int_identity__components as select * from found")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    [(people, merges)] = con.execute(
        "select count(distinct anchor_number), count(merged_into_number) from int_identity__components"
    ).fetchall()
    [(edges,)] = con.execute("select count(*) from int_identity__edges").fetchall()
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_gib": peak,
        "edges": edges,
        "people": people,
        "merges": merges,
    }


def measured(n_edges: int = N_EDGES) -> dict[str, float]:
    """The same, each step in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        for step in ("make", "run"):
            said = subprocess.run(
                [sys.executable, "-m", "benchmarks.components", step, str(Path(home) / "edges.duckdb"), str(n_edges)],
                cwd=PROJECT_DIR, env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)}, stdout=subprocess.PIPE, text=True, check=True,
            ).stdout  # fmt: skip
    found: dict[str, float] = json.loads(said)
    return found


def row() -> tuple[str, ...]:
    """The same beside its targets, for RESULTS.md."""
    run = measured()
    return (
        f"{run['edges']:,.0f}", f"{run['people']:,.0f}", f"{run['merges']:,.0f}",
        f"{run['seconds']:.1f}", f"{run['cpu_seconds']:.1f}", f"{SECONDS:.0f}", "met" if run["seconds"] <= SECONDS else "MISSED",
        f"{run['peak_gib']:.2f}", f"{GIB:.0f}", "met" if run["peak_gib"] <= GIB else "MISSED",
    )  # fmt: skip


if __name__ == "__main__":
    step, path, n = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print(json.dumps({"components": made_up(path, n)} if step == "make" else run(path)))
