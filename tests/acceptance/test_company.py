"""Nights on the simulated company: every krone, click and impression of five platforms against the books, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.sandbox.store import World
from tests.acceptance.nights import Warehouse
from tests.sandbox import SEED, THROUGH, Sandbox, copy_of, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLATFORMS = ("google_ads", "linkedin_ads", "meta_ads", "microsoft_ads", "tiktok_ads")
LAST = THROUGH + timedelta(days=6)
FIRST_NIGHT = THROUGH + timedelta(days=1)
Books = dict[tuple[str, str, date], tuple[int, int, Decimal]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, tiny_company: Path) -> Path:
    """The tiny company, six days older: the server's clock decides how much of it is known."""
    folder = copy_of(tiny_company, tmp_path_factory.mktemp("older") / "tiny")
    World.create_or_extend(folder, "tiny", SEED, LAST)
    return folder


@contextmanager
def reading(company: Path, data_dir: Path) -> Iterator[tuple[Sandbox, Warehouse]]:
    """A server over the company, and an installation whose five platforms and exchange rates are configured to read it."""
    with serving(company, FIRST_NIGHT) as sandbox:
        yield sandbox, Warehouse(data_dir, data_dir / "no-drop" / "catalogue.yml", FIRST_NIGHT, sandbox.environment())


def the_books(sandbox: Sandbox) -> Books:
    return {(p, *key): found for p in PLATFORMS for key, found in sandbox.books(p).items()}


def the_mart(house: Warehouse) -> Books:
    """The same from the published mart: (platform, account, day) -> (impressions, clicks, cost in account currency)."""
    rows = house.rows(
        """select platform, account_id, date_day, sum(impressions)::bigint, sum(clicks)::bigint, sum(cost)
           from fct_ad_performance_daily where source_name <> 'files' group by all
           having sum(impressions) <> 0 or sum(clicks) <> 0 or sum(cost) <> 0"""
    )
    return {(r[0], r[1], r[2]): (r[3], r[4], Decimal(r[5]).quantize(Decimal("0.000001"))) for r in rows}


def agree(sandbox: Sandbox, house: Warehouse) -> None:
    """The mart holds what the books hold, to the last øre; in kroner within rounding."""
    books, mart = the_books(sandbox), the_mart(house)
    assert {k[0] for k in books} == set(PLATFORMS)
    wrong = {k: (books.get(k), mart.get(k)) for k in books.keys() | mart.keys() if books.get(k) != mart.get(k)}
    assert not wrong, f"{len(wrong)} of {len(books)} platform-account-days differ, such as {sorted(wrong.items())[:3]}"
    (off,) = house.one(
        """select count(*) from (
               select f.cost, f.cost_reporting, r.rate from fct_ad_performance_daily f
               left join (select currency, date_day, max(cost_reporting / cost) as rate
                          from fct_ad_performance_daily where cost > 1 group by all) r using (currency, date_day)
               where f.cost is not null and abs(f.cost * r.rate - f.cost_reporting) > 0.01)"""
    )
    assert off == 0


def night(house: Warehouse, sandbox: Sandbox, day: date) -> tuple[int, str]:
    sandbox.set_clock(day)
    return replace(house, as_of=day).run()


def test_the_mart_agrees_with_the_books_after_restatement_a_missed_night_and_a_kill(
    company: Path, tmp_path: Path
) -> None:
    with reading(company, tmp_path / "data") as (sandbox, house):
        code, said = night(house, sandbox, FIRST_NIGHT)
        assert code == 0, said
        agree(sandbox, house)
        first = the_mart(house)

        # the next night but two: invalid clicks have been taken back meanwhile, and two days were missed
        third = FIRST_NIGHT + timedelta(days=3)
        code, said = night(house, sandbox, third)
        assert code == 0, said
        agree(sandbox, house)
        restated = {k for k, v in the_mart(house).items() if k in first and first[k] != v}
        assert restated, "nothing was restated: the test would not see a window that is too short"

        # killed while it loads, twice: everything of the process group is gone
        fourth = third + timedelta(days=1)
        sandbox.set_clock(fourth)
        for seconds in (8.0, 11.0):
            cut = replace(house, as_of=fourth).start()
            with pytest.raises(subprocess.TimeoutExpired):
                cut.wait(seconds)
            os.killpg(cut.pid, signal.SIGKILL)
            cut.wait(10)
        code, said = night(house, sandbox, fourth)
        assert code == 0, said
        agree(sandbox, house)
