"""Tiny DuckDB warehouses and load packages for the checks: no dbt, no dlt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from ingestion.settings import Settings
from quality.suites import Suites, load_suites

AS_OF = date(2026, 11, 1)

MakeSuites = Callable[..., Suites]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data")  # type: ignore[call-arg]


@pytest.fixture
def suites(tmp_path: Path) -> MakeSuites:
    """Suites from YAML texts by file name."""

    def make(**files: str) -> Suites:
        folder = tmp_path / f"suites_{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.yml").write_text(dedent(text), encoding="utf-8")
        return load_suites(folder)

    return make


@pytest.fixture
def warehouse(settings: Settings) -> Callable[[str], None]:
    """Run SQL on warehouse.duckdb, which has the schema marts."""

    def execute(sql: str) -> None:
        settings.warehouse_file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(settings.warehouse_file)) as con:
            con.execute("create schema if not exists marts")
            con.execute(sql)

    return execute


@pytest.fixture
def nights(settings: Settings) -> Callable[[str, list[int]], None]:
    """Row counts of a mart in the nights before AS_OF, newest last."""

    def write(relation: str, counts: list[int]) -> None:
        settings.raw_dir.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(settings.ops_file)) as con:
            con.execute("create schema if not exists ops")
            con.execute("create table if not exists ops.table_volume (as_of date, relation varchar, n_rows bigint)")
            for age, count in enumerate(reversed(counts), start=1):
                con.execute(
                    "insert into ops.table_volume values (?, ?, ?)",
                    [AS_OF - timedelta(days=age), relation, count],
                )

    return write


def mart(checks: str, table: str = "fct_sale", key: str = "sale_key") -> str:
    """A mart suite's YAML with these checks (each a line of flow YAML without severity and reason)."""
    lines = "\n".join(
        f"  - {{severity: critical, reason: planted in a test, {line}}}" for line in checks.strip().splitlines()
    )
    return (
        f"suite: mart_{table}\nrelation: marts.{table}\ndescription: a mart made up for a test\n"
        f"owner: nobody\nkey: [{key}]\nchecks:\n{lines}\n"
    )
