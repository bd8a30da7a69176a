"""The contract of source kind search on load packages: green on a sound package, red by each planted fault."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import Settings
from ingestion.sources.search_console import SPEC
from ingestion.spec import Table
from quality.run import run_contract
from tests.quality.conftest import AS_OF

SOUND = {
    "account_id": "'sc-domain:a' || range", "permission_level": "'siteOwner'", "search_type": "'web'",
    "date_day": "date '2026-10-20'", "query": "'kontorstol ' || range", "page": "'https://a.example/' || range",
    "country": "'nor'", "device": "'MOBILE'", "clicks": "range", "impressions": "range * 2", "position": "1 + range",
    "_dlt_valid_from": "timestamptz '2026-10-20 00:00:00+00' + interval (range) day", "_dlt_valid_to": "null",
}  # fmt: skip
TABLES = [t for t in SPEC.tables if t.name != "_rejects"]


def package(folder: Path, over: Mapping[str, Mapping[str, str]]) -> dict[str, list[Path]]:
    """Every table with 20 sound rows as a load package's parquet; `over` replaces columns' SQL of some tables."""

    def write(table: Table) -> list[Path]:
        columns = {**SOUND, **over.get(table.name, {})}
        stored = [c for c in table.columns if not c.hard_delete]
        select = ", ".join(f'({columns[c.name]})::{c.duckdb_type()} as "{c.name}"' for c in stored)
        path = folder / f"{table.name}.parquet"
        with duckdb.connect() as con:
            con.execute(f"copy (select {select} from range(20)) to '{path}'")
        return [path]

    return {t.name: write(t) for t in TABLES}


def failed(settings: Settings, folder: Path, over: Mapping[str, Mapping[str, str]]) -> set[tuple[str, str, str]]:
    results = run_contract(SPEC, package(folder, over), settings, AS_OF)
    assert {r.table for r in results} == {t.name for t in TABLES}
    return {(r.table, r.check, r.severity) for r in results if r.status != "passed"}


def test_a_sound_package_passes(settings: Settings, tmp_path: Path) -> None:
    assert failed(settings, tmp_path, {}) == set()


@pytest.mark.parametrize(
    "faults",
    [
        {  # table -> (column, fault, check, severity)
            "property_daily": ("date_day", "null", "day_known", "critical"),
            "query_daily": ("query", "null", "query_known", "critical"),
            "page_daily": ("clicks", "999", "clicks_within_impressions", "warning"),
            "query_page_daily": ("position", "0", "position_from_one", "warning"),
            "sites": ("account_id", "null", "account_known", "critical"),
        },
        {
            "property_daily": ("search_type", "null", "search_type_known", "critical"),
            "query_daily": ("clicks", "-1", "counts_not_negative", "critical"),
            "page_daily": ("date_day", "date '2026-12-24'", "day_is_over", "critical"),
            "query_page_daily": ("impressions", "null", "counts_known", "critical"),
        },
        {"property_daily": ("account_id", "'sc-domain:a0'", "row_unique", "critical")},  # as the first row
    ],
)
def test_a_fault_turns_its_check_red_and_no_other(
    settings: Settings, tmp_path: Path, faults: dict[str, tuple[str, str, str, str]]
) -> None:
    over = {
        name: {column: f"case when range = 7 then {fault} else {SOUND[column]} end"}
        for name, (column, fault, _, _) in faults.items()
    }
    assert failed(settings, tmp_path, over) == {
        (name, check, severity) for name, (_, _, check, severity) in faults.items()
    }
