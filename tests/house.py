"""A served company and a data folder that loads one source of it: what the tests of CRM and e-mail sources have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from ingestion import ops
from ingestion.pipeline import Contract, LoadReport, load_source
from ingestion.settings import Settings
from ingestion.spec import SourceSpec

NIGHT = date(2026, 11, 20)


@dataclass(frozen=True)
class Said:
    """What a contract says of a table."""

    table: str
    check: str
    status: str
    severity: str = "critical"
    observed: str = "3 of 3"


def turning_down(*tables: str) -> Contract:
    """A contract that does not hold for these tables."""
    return lambda spec, package: [Said(t, "unique", "failed" if t in tables else "passed") for t in package]


@dataclass
class ServedHouse:
    spec: SourceSpec
    url: str
    app: Any
    settings: Settings

    def load(self, as_of: date = NIGHT, contract: Contract | None = None) -> LoadReport:
        self.app.state.desk.set_clock(as_of)
        report = load_source(self.spec, self.settings, as_of, contract)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file(self.spec.name)), read_only=True) as con:
            con.execute(f"set timezone = 'UTC'; set schema = '{self.spec.name}'")
            return con.execute(sql).fetchall()

    def struck(self) -> list[tuple[str, str]]:
        return list(self.app.state.orders.struck)
