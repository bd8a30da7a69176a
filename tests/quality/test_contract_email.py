"""The contract of source kind email on load packages: green on a sound package, red by each planted fault."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from ingestion.registry import get_spec
from ingestion.settings import Settings
from ingestion.spec import SourceSpec, Table
from quality.run import run_contract
from tests.quality.conftest import AS_OF

SOUND = {
    "text": "'x' || range", "bigint": "range", "timestamp": "timestamptz '2026-10-20 08:00:00+00'", "date": "date '2026-10-20'",
    "bool": "true", "json": "'[]'", "decimal": "range",
}  # fmt: skip
OWN = {"status": "'subscribed'", "consent": "'SUBSCRIBED'"}


def package(spec: SourceSpec, folder: Path, over: Mapping[str, Mapping[str, str]]) -> dict[str, list[Path]]:
    """Every table with 20 sound rows as a load package's parquet; `over` replaces columns' SQL of some tables."""

    def write(table: Table) -> list[Path]:
        stored = [c for c in table.columns if not c.hard_delete]
        columns = {c.name: OWN.get(c.name, SOUND[c.type]) for c in stored} | over.get(table.name, {})
        select = ", ".join(f'({columns[c.name]})::{c.duckdb_type()} as "{c.name}"' for c in stored)
        path = folder / f"{table.name}.parquet"
        with duckdb.connect() as con:
            con.execute(f"copy (select {select} from range(20)) to '{path}'")
        return [path]

    return {t.name: write(t) for t in spec.tables if t.name != "_rejects"}


def failed(
    spec: SourceSpec, settings: Settings, folder: Path, over: Mapping[str, Mapping[str, str]]
) -> set[tuple[str, str, str]]:
    results = run_contract(spec, package(spec, folder, over), settings, AS_OF)
    assert {r.table for r in results} == {t.name for t in spec.tables} - {"_rejects"}
    return {(r.table, r.check, r.severity) for r in results if r.status != "passed"}


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("mailchimp", {}),
        ("klaviyo", {}),
        (
            "mailchimp",
            {  # table -> (column, fault, check, severity)
                "members": ("email_address", "null", "address_known", "critical"),
                "campaign_reports": ("opens_total", "-1", "counters_not_negative", "critical"),
                "sent_to": ("campaign_id", "null", "campaign_known", "critical"),
                "unsubscribes": ("email_id", "null", "recipient_known", "critical"),
                "email_activity": ("date_day", "date '2026-12-24'", "day_is_over", "critical"),
                "open_details": ("date_day", "null", "recipient_known", "critical"),
                "address_changes": ("old_email", "null", "old_address_known", "critical"),
                "lists": ("account_id", "null", "account_known", "critical"),
            },
        ),
        ("mailchimp", {"members": ("status", "'gone'", "status_is_a_known_one", "warning")}),
        (
            "klaviyo",
            {
                "profiles": ("consent", "'MAYBE'", "consent_is_a_known_one", "warning"),
                "events": ("metric_id", "null", "event_known", "critical"),
            },
        ),
        ("klaviyo", {"events": ("date_day", "date '2026-12-24'", "day_is_over", "critical")}),
    ],
)
def test_a_fault_turns_its_check_red_and_no_other(
    settings: Settings, tmp_path: Path, source: str, faults: dict[str, tuple[str, str, str, str]]
) -> None:
    spec = get_spec(source)
    sound = {t.name: {c.name: OWN.get(c.name, SOUND[c.type]) for c in t.columns} for t in spec.tables}
    over = {
        name: {column: f"case when range = 7 then {fault} else {sound[name][column]} end"}
        for name, (column, fault, _, _) in faults.items()
    }
    assert failed(spec, settings, tmp_path, over) == {
        (name, check, severity) for name, (_, _, check, severity) in faults.items()
    }


def test_a_row_twice_is_seen(settings: Settings, tmp_path: Path) -> None:
    spec = get_spec("klaviyo")
    twice = {"account_id": "'a'", "event_id": "case when range = 7 then 'x0' else 'x' || range end"}
    assert failed(spec, settings, tmp_path, {"events": twice}) == {("events", "row_unique", "critical")}
