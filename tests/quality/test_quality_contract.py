"""The contract of source kind files on a load package: red by planted faults, personal values masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import Settings
from ingestion.sources.files.entities import TABLES
from ingestion.spec import Configuration, SourceSpec
from quality.run import CheckResult, run_contract
from quality.suites import load_suites
from tests.quality.conftest import AS_OF

SPEC = SourceSpec(
    name="files",
    kind="files",
    description="a source made up for a test",
    owner="nobody",
    tables=TABLES,
    provides=frozenset({"leads"}),
    configured=lambda settings: Configuration(True, ""),
    build=lambda context: pytest.fail("the contract never builds the source"),
)
COMMON = {"_dataset": "'crm'", "_system": "'crm'", "_file_key": "1", "_row": "range", "_line": "range + 2"}
LEADS = COMMON | {
    "lead_id": "'lead-' || range",
    "created_date": "date '2026-10-01'",
    "email": "'kari' || range || '@firma.no'",
    "phone": "'+4799887766'",
    "segment": "'catalogue from ola@firma.no'",
}
LINES = COMMON | {
    "order_id": "range // 2",
    "ordered_date": "date '2026-10-01'",
    "quantity": "2",
    "unit_price": "2.50",
    "currency": "'NOK'",
    "order_type": "'sale'",
    "vat_basis": "'excluded'",
    "customer_id": "'customer ' || range",
}
Package = Callable[..., Path]


@pytest.fixture
def parquet(tmp_path: Path) -> Package:
    """A parquet file of a load package: `over` gives columns' SQL, all other stored columns are null."""

    def write(table: str, columns: Mapping[str, str], n: int = 20, without: tuple[str, ...] = ()) -> Path:
        path = tmp_path / f"{table}.{len(list(tmp_path.iterdir()))}.parquet"
        stored = [c for c in SPEC.table(table).columns if not c.hard_delete and c.name not in without]
        select = ", ".join(f'({columns.get(c.name, "null")})::{c.duckdb_type()} as "{c.name}"' for c in stored)
        with duckdb.connect() as con:
            con.execute("set timezone = 'UTC'")
            con.execute(f"copy (select {select} from range({n})) to '{path}'")
        return path

    return write


def run(settings: Settings, package: Mapping[str, list[Path]], as_of: date = AS_OF) -> dict[str, CheckResult]:
    return {f"{r.table}.{r.check}": r for r in run_contract(SPEC, package, settings, as_of)}


def failed(results: Mapping[str, CheckResult]) -> set[str]:
    return {name for name, r in results.items() if r.status != "passed"}


def one_in_twenty(fault: str, usual: str) -> str:
    return f"case when range = 7 then {fault} else {usual} end"


def test_a_sound_package_passes_and_tables_without_files_have_no_checks(settings: Settings, parquet: Package) -> None:
    results = run(
        settings, {"leads": [parquet("leads", LEADS)], "order_lines": [parquet("order_lines", LINES)], "deals": []}
    )
    assert failed(results) == set()
    assert {r.table for r in results.values()} == {"leads", "order_lines"}
    assert {r.source for r in results.values()} == {"files"}


def test_files_of_one_table_are_checked_together(settings: Settings, parquet: Package) -> None:
    same = [parquet("leads", LEADS), parquet("leads", LEADS)]
    results = run(settings, {"leads": same})
    assert failed(results) == {"leads.row_unique"}
    assert results["leads.row_unique"].n_failing == 40


@pytest.mark.parametrize(
    ("column", "fault", "check", "severity"),
    [
        ("lead_id", "null", "lead_id_known", "critical"),
        ("created_date", "null", "created_known", "critical"),
        ("created_date", "date '2026-11-03'", "created_in_range", "warning"),
        ("created_date", "date '1031-10-26'", "created_in_range", "warning"),
        ("_dataset", "null", "dataset_known", "critical"),
        ("_system", "null", "system_known", "critical"),
        ("_row", "3", "row_unique", "critical"),
    ],
)
def test_a_fault_in_a_lead_turns_its_check_red(
    settings: Settings, parquet: Package, column: str, fault: str, check: str, severity: str
) -> None:
    leads = LEADS | {column: one_in_twenty(fault, LEADS[column])}
    results = run(settings, {"leads": [parquet("leads", leads)]})
    assert failed(results) == {f"leads.{check}"}
    assert (results[f"leads.{check}"].status, results[f"leads.{check}"].severity) == ("failed", severity)


@pytest.mark.parametrize(
    ("column", "fault", "check"),
    [
        ("quantity", "null", "quantity_known"),
        ("unit_price", "null", "unit_price_known"),
        ("order_type", "'return'", "order_type_in_set"),
        ("vat_basis", "'yes'", "vat_basis_in_set"),
        ("currency", "'kroner'", "currency_is_code"),
        ("quantity", "7090012345678", "quantity_in_range"),
    ],
)
def test_a_fault_in_an_order_line_turns_its_check_red(
    settings: Settings, parquet: Package, column: str, fault: str, check: str
) -> None:
    lines = LINES | {column: one_in_twenty(fault, LINES[column])}
    results = run(settings, {"order_lines": [parquet("order_lines", lines)]})
    assert failed(results) == {f"order_lines.{check}"}
    row = results[f"order_lines.{check}"].failing_rows[0]
    assert (row["_dataset"], row["_row"]) == ("crm", 7)


def test_a_rate_of_zero_is_critical(settings: Settings, parquet: Package) -> None:
    rates = COMMON | {
        "date": "date '2026-10-01' + range::int",
        "base_currency": "'EUR'",
        "quote_currency": "'NOK'",
        "rate": one_in_twenty("0", "11.5"),
    }
    results = run(settings, {"exchange_rates": [parquet("exchange_rates", rates)]})
    assert failed(results) == {"exchange_rates.rate_positive"}
    assert results["exchange_rates.rate_positive"].blocks


def test_a_missing_column_is_named(settings: Settings, parquet: Package) -> None:
    results = run(settings, {"leads": [parquet("leads", LEADS, without=("segment", "phone"))]})
    assert failed(results) == {"leads.columns"}
    assert results["leads.columns"].observed == "2 columns"
    assert [(r["column"], r["observed"]) for r in results["leads.columns"].failing_rows] == [
        ("phone", "missing"),
        ("segment", "missing"),
    ]


def test_a_column_of_another_type_or_of_no_spec_is_named(settings: Settings, parquet: Package, tmp_path: Path) -> None:
    sound = parquet("leads", LEADS)
    other = tmp_path / "other.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"copy (select * replace (created_date::varchar as created_date), 1 as surprise from '{sound}') to '{other}'"
        )
    rows = run(settings, {"leads": [other]})["leads.columns"].failing_rows
    assert [(r["column"], r["observed"]) for r in rows] == [("created_date", "VARCHAR"), ("surprise", "INTEGER")]


def test_a_check_that_needs_a_missing_column_is_an_error(settings: Settings, parquet: Package) -> None:
    results = run(settings, {"leads": [parquet("leads", LEADS, without=("lead_id",))]})
    assert results["leads.columns"].status == "failed"
    assert results["leads.lead_id_known"].status == "error"
    assert failed(results) == {"leads.columns", "leads.lead_id_known"}


def test_personal_values_are_masked_in_failing_rows(settings: Settings, parquet: Package) -> None:
    contract = load_suites().contracts["files"]
    spying = contract.model_copy(
        update={
            "tables": {
                "leads": tuple(
                    contract.tables["leads"][0].model_copy(update=change)
                    for change in (
                        {"id": "column", "args": {"column": "email"}, "expectation": "column_values_to_be_unique"},
                        {
                            "id": "renamed",
                            "expectation": "unexpected_rows",
                            "args": {"sql": "select _row, email as x, phone, segment, length(email) as n from {batch}"},
                        },
                        {
                            "id": "value",
                            "expectation": "column_unique_value_count_to_be_between",
                            "args": {"column": "email", "max_value": 0},
                        },
                        {
                            "id": "crash",
                            "expectation": "unexpected_rows",
                            "args": {"sql": "select * from {batch} where email::int > 0"},
                        },
                    )
                )
            }
        }
    )
    leads = LEADS | {"email": "'kari@firma.no'"}
    suites = type(load_suites())({}, {"files": spying})
    results = {
        r.check: r for r in run_contract(SPEC, {"leads": [parquet("leads", leads)]}, settings, AS_OF, suites=suites)
    }
    assert results["column"].failing_rows[0]["email"] == "k***(13)"
    assert results["renamed"].failing_rows[0] == {
        "_row": 0,
        "x": "k***(13)",
        "phone": "+***(11)",
        "segment": "catalogue from o***(12)",  # an address inside another text
        "n": 13,
    }
    assert results["value"].observed == "1***(1)"  # what one sees of a personal column is masked, a count too
    assert results["crash"].status == "error"
    assert "@" not in str([results, (settings.data_dir / "quality" / "contract_files.json").read_text()])


def test_files_that_only_delete_are_no_rows(settings: Settings, parquet: Package, tmp_path: Path) -> None:
    marks = tmp_path / "marks.parquet"
    with duckdb.connect() as con:
        con.execute(f"copy (select 5::bigint as _file_key, true as _deleted) to '{marks}'")
    assert run(settings, {"leads": [marks]}) == {}
    assert failed(run(settings, {"leads": [marks, parquet("leads", LEADS)]})) == set()


def test_an_unreadable_package_is_an_error_of_each_table(settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "leads.parquet"
    broken.write_bytes(b"no parquet")
    results = run(settings, {"leads": [broken]})
    assert [(r.status, r.severity, r.check) for r in results.values()] == [("error", "critical", "suite")]


def test_a_source_kind_without_a_contract_is_an_error(settings: Settings, parquet: Package) -> None:
    results = run_contract(
        SPEC, {"leads": [parquet("leads", LEADS)]}, settings, AS_OF, suites=type(load_suites())({}, {})
    )
    assert [r.status for r in results] == ["error"]
    assert "contract_files.yml" in results[0].observed


def test_nothing_of_the_package_stays_in_the_scratch_folder(settings: Settings, parquet: Package) -> None:
    run(settings, {"leads": [parquet("leads", LEADS)]})
    assert list(settings.scratch_dir.iterdir()) == []


def test_the_contract_speaks_of_every_table_of_the_source() -> None:
    assert set(load_suites().contracts["files"].tables) == {t.name for t in TABLES}
