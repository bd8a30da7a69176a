"""A served CRM and a data folder that loads it, for the tests of CRM sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.faults import Order
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendor import Vendor
from ingestion.sandbox.server.vendors import _crm as crm_room
from ingestion.sandbox.server.vendors._crm import Crm, crm_of
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.spec import SourceSpec
from tests.house import NIGHT, ServedHouse

FIRST_DAY, LAST_DAY = date(2026, 10, 7), date(2026, 11, 26)


@dataclass
class House(ServedHouse):
    """A served company, and a data folder that loads it."""

    new_ids: bool

    def crm(self) -> Crm:
        return crm_of(self.app.state.desk, self.new_ids)

    def fault(self, kind: str, route: str, times: int = 1, after: int = 0) -> None:
        self.app.state.orders.place(Order(route, kind, times, after))


@contextmanager
def edited(*edits: Callable[[Crm], None]) -> Iterator[None]:
    """The system with something done to it."""
    crm_room.EDITS.extend(edits)
    try:
        yield
    finally:
        for edit in edits:
            crm_room.EDITS.remove(edit)


def make_company(folder: Path) -> Path:
    """Seven weeks of a tiny company: long enough for deals to end and to go back."""
    World.create_or_extend(folder, "tiny", 7, FIRST_DAY + timedelta(days=19))
    World.create_or_extend(folder, "tiny", 7, LAST_DAY)
    return folder


@contextmanager
def housed(
    spec: SourceSpec, vendor: Vendor, company: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, new_ids: bool
) -> Iterator[House]:
    monkeypatch.setattr(server, "all_vendors", lambda: (vendor,))
    app = server.make_app(World.open(company), NIGHT)
    settings = Settings(_env_file=None, data_dir=data_dir, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore
    with served_in_thread(app) as url:
        for name, value in vendor.environment(url).items():
            monkeypatch.setenv(name, value)
        yield House(spec, f"{url}/{vendor.name}", app, settings, new_ids)
