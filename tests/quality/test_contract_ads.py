"""The contract of source kind ads on load packages: red by planted faults, and green for every platform's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from ingestion.registry import all_specs
from ingestion.settings import Settings
from ingestion.spec import SourceSpec, Table
from quality.run import CheckResult, run_contract
from quality.suites import load_suites
from tests.quality.conftest import AS_OF

ADS = {s.name: s for s in all_specs() if s.kind == "ads"}
GOOGLE = ADS["google_ads"]
Package = Callable[..., Path]
_KINDS = {"text": "'x' || range", "date": "date '2026-10-20'", "bool": "false", "timestamp": "timestamp '2026-10-20'"}


def sound(table: Table) -> dict[str, str]:
    """SQL by column of rows that keep the contract: every row has ids of its own."""
    columns = {c.name: _KINDS.get(c.type, "range") for c in table.columns if not c.hard_delete}
    return columns | {
        "account_id": "'123456789' || range",
        "date_day": "date '2026-10-01' + range::int",
        "currency": "'NOK'",
    }


@pytest.fixture
def parquet(tmp_path: Path) -> Package:
    """A parquet file of a load package: 20 rows, `over` replaces columns' SQL."""

    def write(table: Table, over: Mapping[str, str] | None = None, without: tuple[str, ...] = ()) -> Path:
        columns = sound(table) | dict(over or {})
        stored = [c for c in table.columns if not c.hard_delete and c.name not in without]
        select = ", ".join(f'({columns[c.name]})::{c.duckdb_type()} as "{c.name}"' for c in stored)
        path = tmp_path / f"{table.name}.{len(list(tmp_path.iterdir()))}.parquet"
        with duckdb.connect() as con:
            con.execute("set timezone = 'UTC'")
            con.execute(f"copy (select {select} from range(20)) to '{path}'")
        return path

    return write


def run(settings: Settings, spec: SourceSpec, package: Mapping[str, list[Path]]) -> dict[str, CheckResult]:
    return {f"{r.table}.{r.check}": r for r in run_contract(spec, package, settings, AS_OF)}


def failed(results: Mapping[str, CheckResult]) -> dict[str, tuple[str, str]]:
    return {name: (r.status, r.severity) for name, r in results.items() if r.status != "passed"}


def one_in_twenty(fault: str, usual: str) -> str:
    return f"case when range = 7 then {fault} else {usual} end"


@pytest.mark.parametrize("name", sorted(ADS))
def test_the_contract_speaks_of_every_table_of_a_platform_and_a_sound_package_passes(
    settings: Settings, parquet: Package, name: str
) -> None:
    spec = ADS[name]
    assert {t.name for t in spec.tables} - set(load_suites().contracts["ads"].tables) == set()
    results = run(settings, spec, {t.name: [parquet(t)] for t in spec.tables if t.name != "_rejects"})
    assert failed(results) == {}
    assert {r.table for r in results.values()} == {t.name for t in spec.tables} - {"_rejects"}


@pytest.mark.parametrize(
    "faults",
    [
        {  # table -> (column, fault, check, severity)
            "account_daily": ("account_id", "null", "account_known", "critical"),
            "campaign_daily": ("date_day", "null", "day_known", "critical"),
            "ad_group_daily": ("date_day", "date '2026-11-02'", "day_is_over", "critical"),
            "ad_daily": ("cost_micros", "-10000", "cost_not_negative", "warning"),
            "keyword_daily": ("cost_micros", "null", "cost_known", "critical"),
            "search_term_daily": ("clicks", "-1", "counts_not_negative", "critical"),
            "ad_accounts": ("currency", "'kroner'", "currency_is_code", "critical"),
            "campaigns": ("account_id", "null", "account_known", "critical"),
        },
        {
            "account_daily": ("date_day", "date '1999-12-31'", "day_is_over", "critical"),
            "campaign_daily": ("impressions", "-1", "counts_not_negative", "critical"),
            "conversion_daily": ("date_day", "date '2026-11-02'", "day_is_over", "critical"),
            "conversion_lag_daily": ("date_day", "null", "day_known", "critical"),
            "change_status": ("date_day", "null", "day_known", "critical"),
            "click_view": ("gclid", "null", "click_id_known", "critical"),
            "ad_accounts": ("currency", "null", "currency_known", "critical"),
            "keywords": ("account_id", "null", "account_known", "critical"),
        },
    ],
)
def test_a_fault_turns_its_check_red_and_no_other(
    settings: Settings, parquet: Package, faults: dict[str, tuple[str, str, str, str]]
) -> None:
    package = {}
    for name, (column, fault, _, _) in faults.items():
        table = GOOGLE.table(name)
        package[name] = [parquet(table, {column: one_in_twenty(fault, sound(table)[column])})]
    expected = {f"{table}.{check}": ("failed", severity) for table, (_, _, check, severity) in faults.items()}
    assert failed(run(settings, GOOGLE, package)) == expected


def test_a_page_read_twice_turns_the_key_of_every_table_red(settings: Settings, parquet: Package) -> None:
    tables = [t for t in GOOGLE.tables if t.name != "_rejects"]
    results = run(settings, GOOGLE, {t.name: [parquet(t), parquet(t)] for t in tables})
    assert failed(results) == {f"{t.name}.row_unique": ("failed", "critical") for t in tables}


def test_a_missing_column_is_named(settings: Settings, parquet: Package) -> None:
    file = parquet(GOOGLE.table("account_daily"), without=("conversions",))
    results = run(settings, GOOGLE, {"account_daily": [file]})
    assert failed(results) == {"account_daily.columns": ("failed", "critical")}
    assert [(r["column"], r["observed"]) for r in results["account_daily.columns"].failing_rows] == [
        ("conversions", "missing")
    ]


def test_click_ids_are_masked_in_failing_rows(settings: Settings, parquet: Package) -> None:
    spec = GOOGLE.table("click_view")
    results = run(
        settings,
        GOOGLE,
        {
            "click_view": [
                parquet(
                    spec,
                    {
                        "gclid": one_in_twenty("null", "'Cj0KCQiA'"),
                        "account_id": "'1'",
                        "date_day": "date '2026-10-01'",
                    },
                )
            ]
        },
    )
    row = results["click_view.row_unique"].failing_rows[0]
    assert row["gclid"] == "C***(8)"
