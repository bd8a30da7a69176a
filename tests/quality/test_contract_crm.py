"""The contract of source kind crm on load packages: red by planted faults, and green for every CRM's tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ingestion.registry import all_specs
from ingestion.settings import Settings
from ingestion.spec import Table
from quality.run import run_contract
from quality.suites import load_suites
from tests.quality.conftest import AS_OF
from tests.quality.test_contract_ads import Package, failed, one_in_twenty, parquet, sound  # noqa: F401 - the fixture

CRMS = {s.name: s for s in all_specs() if s.kind == "crm"}


def good(table: Table) -> dict[str, str]:
    """A sound row, by column: SQL over `range`."""
    columns = sound(table) | {"surviving_id": "'s' || range"}
    return {name: sql for name, sql in columns.items() if name in {c.name for c in table.columns}}


def check(settings: Settings, name: str, package: Mapping[str, list[Path]]) -> dict[str, tuple[str, str]]:
    return failed({f"{r.table}.{r.check}": r for r in run_contract(CRMS[name], package, settings, AS_OF)})


@pytest.mark.parametrize("name", sorted(CRMS))
def test_the_contract_speaks_of_every_table_of_a_crm_and_a_sound_package_passes(
    settings: Settings,
    parquet: Package,  # noqa: F811
    name: str,
) -> None:
    spec = CRMS[name]
    assert {t.name for t in spec.tables} - set(load_suites().contracts["crm"].tables) == set()
    package = {t.name: [parquet(t, good(t))] for t in spec.tables if t.name != "_rejects"}
    assert check(settings, name, package) == {}


@pytest.mark.parametrize("name", sorted(CRMS))
def test_a_fault_turns_its_check_red_and_no_other(
    settings: Settings,
    parquet: Package,  # noqa: F811
    name: str,
) -> None:
    people, changes = {"hubspot": ("contacts", "property_changes"), "pipedrive": ("persons", "deal_changes")}[name]
    faults = {  # table -> (column, fault, check, severity)
        people: ("created_at", "timestamp '1889-01-01'", "made_in_time", "critical"),
        "deals": ("stage_id", "null", "stage_known", "critical"),
        changes: ("changed_at", "timestamp '2031-01-01'", "changed_in_time", "critical"),
        "merges": ("merged_id", "'same'", "not_into_itself", "warning"),
    }
    package = {}
    for table_name, (column, fault, _, _) in faults.items():
        table = CRMS[name].table(table_name)
        over = good(table) | {column: one_in_twenty(fault, good(table)[column])}
        if table_name == "merges":
            over["surviving_id"] = one_in_twenty(fault, good(table)["surviving_id"])
        package[table_name] = [parquet(table, over)]
    expected = {f"{table}.{what}": ("failed", severity) for table, (_, _, what, severity) in faults.items()}
    assert check(settings, name, package) == expected


def test_the_other_faults_are_seen_too(settings: Settings, parquet: Package) -> None:  # noqa: F811
    spec = CRMS["hubspot"]
    contacts, deals = spec.table("contacts"), spec.table("deals")
    late = one_in_twenty("timestamp '2026-01-01'", "timestamp '2026-10-20'")
    package = {
        "contacts": [parquet(contacts, good(contacts) | {"modified_at": late})],
        "deals": [parquet(deals, good(deals) | {"amount": one_in_twenty("-1", "range")})],
    }
    assert check(settings, "hubspot", package) == {
        "contacts.changed_after_made": ("failed", "warning"),
        "deals.amount_not_negative": ("failed", "warning"),
    }
    many = [
        parquet(contacts, good(contacts) | {"contact_id": f"'x' || {n} || '-' || range", "email": "null"})
        for n in range(3)
    ]
    assert check(settings, "hubspot", {"contacts": many}) == {"contacts.some_have_addresses": ("failed", "critical")}
    twice = [parquet(deals, good(deals)), parquet(deals, good(deals))]
    assert check(settings, "hubspot", {"deals": twice}) == {"deals.row_unique": ("failed", "critical")}
