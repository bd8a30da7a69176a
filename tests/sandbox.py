"""The simulated company for tests: a tiny one made once a process, and its server on loopback with clock and faults at hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from ingestion.sandbox.demo import start_dates
from ingestion.sandbox.server.app import environment, make_app
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.store import World

THROUGH = date(2026, 11, 19)  # the tiny company's last day; the clock then stands on the day after
SEED = 7


@dataclass
class Sandbox:
    """A running server: its address, its company, and what a test turns or orders."""

    url: str
    app: Starlette
    world: World

    def environment(self) -> dict[str, str]:
        """The settings under which the sources read it."""
        return environment(self.url) | start_dates(self.world.start_date)

    def set_clock(self, day: date) -> None:
        httpx.post(f"{self.url}/_sandbox/clock", json={"as_of": day.isoformat()}).raise_for_status()

    def order(self, route: str, kind: str, **more: Any) -> None:
        """Order a fault: `route` is a regular expression on the path, kinds are in sandbox/server/faults.py."""
        httpx.post(f"{self.url}/_sandbox/faults", json={"route": route, "kind": kind, **more}).raise_for_status()

    def struck(self) -> list[tuple[str, str]]:
        """The faults that were met: (kind, path)."""
        return [(kind, path) for kind, path in httpx.get(f"{self.url}/_sandbox/state").json()["struck"]]

    def clear_faults(self) -> None:
        httpx.delete(f"{self.url}/_sandbox/faults").raise_for_status()

    def books(self, platform: str) -> dict[tuple[str, date], tuple[int, int, Decimal]]:
        """(account, day) -> (impressions, clicks, cost in account currency) of the truth's ledger at the clock."""
        rows = (
            self.world.con()
            .execute(
                """select account_id, date, sum(impressions)::bigint, sum(clicks)::bigint,
                          sum(cost_micros)::decimal(24, 0) * 0.000001::decimal(7, 6)
                   from truth.ledger_daily where platform = ? and posted_date <= ? group by all
                   having sum(impressions) <> 0 or sum(clicks) <> 0 or sum(cost_micros) <> 0""",
                [platform, self.app.state.desk.clock],
            )
            .fetchall()
        )
        return {(r[0], r[1]): (r[2], r[3], Decimal(r[4]).quantize(Decimal("0.000001"))) for r in rows}


@pytest.fixture(scope="session")
def tiny_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny company; read it, or copy it to extend it."""
    folder = tmp_path_factory.mktemp("company") / "tiny"
    World.create_or_extend(folder, "tiny", SEED, THROUGH)
    return folder


@contextmanager
def serving(folder: Path, clock: date) -> Iterator[Sandbox]:
    """A server of its own over the company in `folder`."""
    world = World.open(folder)
    app = make_app(world, clock)
    with served_in_thread(app) as url:
        yield Sandbox(url, app, world)


@pytest.fixture
def sandbox(tiny_company: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A server over the tiny company the day after its last, with the sources' settings in the environment."""
    with serving(tiny_company, THROUGH + timedelta(days=1)) as running:
        set_all(monkeypatch, running.environment())
        yield running


def copy_of(folder: Path, target: Path) -> Path:
    """The company in a folder of its own, to be extended."""
    return Path(shutil.copytree(folder, target))


def set_all(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        monkeypatch.setenv(key, value)
