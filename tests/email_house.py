"""A served company and a data folder that loads one e-mail system of it: what the tests of the e-mail sources have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.mails import ready
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendor import Vendor
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.spec import SourceSpec
from tests.house import NIGHT, ServedHouse

THROUGH = date(2026, 11, 25)


@dataclass
class House(ServedHouse):
    """`books` asks the company at the clock (schemas now, world, mail), `raw` what was loaded."""

    def all_of_raw(self) -> dict[str, list[Any]]:
        tables = {t.name: ", ".join(c.name for c in t.columns) for t in self.spec.tables}
        return {t: self.raw(f'select {columns} from "{t}" order by all') for t, columns in tables.items()}

    def books(self, sql: str) -> list[Any]:
        ready(self.app.state.desk)
        return [tuple(r.values()) for r in self.app.state.desk.rows(sql)]

    def happens(self, *changes: tuple[str, str, str, str | None]) -> None:
        """What becomes of contacts: (address first known, moment, address|name|status|deleted, value)."""
        ready(self.app.state.desk)
        for change in changes:
            self.app.state.desk._con.execute("insert into mail.changes values (?, ?, ?, ?)", list(change))

    def fault(self, kind: str, route: str = "", times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(f"/{self.spec.name}/.*{route}", kind, times, after))


@contextmanager
def serving(
    spec: SourceSpec, vendor: Vendor, company: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (vendor,))
    app = server.make_app(World.open(company), NIGHT)
    with served_in_thread(app) as url:
        for name, value in vendor.environment(url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(f"SOURCES__{spec.name.upper()}__START_DATE", "2026-11-01")
        yield House(spec, url, app, Settings(data_dir=data, hash_key="0123456789abcdef0123456789abcdef"))  # type: ignore[arg-type]


def make_company(folder: Path) -> Path:
    World.create_or_extend(folder, "tiny", 7, THROUGH)
    return folder
