"""A data folder of its own for each test, small marts to publish, and a night with planted outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import Settings

NIGHT = date(2026, 3, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        data_dir=tmp_path / "data",
        hash_key="a key for tests only",  # type: ignore[arg-type]
        keep_generations=3,
    )


@pytest.fixture
def build(settings: Settings) -> Callable[..., None]:
    """Make warehouse.duckdb hold two marts: `fct_order` with one row an amount, and `dim_channel`."""

    def make(amounts: Sequence[int] = (10, 20, 30), load_id: str = "first") -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect(str(settings.warehouse_file))
        con.execute("create schema if not exists marts")
        con.execute(
            "create or replace table marts.fct_order as "
            "select unnest(?::int[])::decimal(18, 2) as amount, ? as _load_id",
            [list(amounts), load_id],
        )
        con.execute("create or replace table marts.dim_channel as select 'email' as channel_key")
        con.execute("comment on table marts.fct_order is 'Orders. One row an order.'")
        con.close()

    return make
