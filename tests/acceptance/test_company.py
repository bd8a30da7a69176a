"""Nights on the simulated company: every krone, click and impression of five platforms against the books, whatever happens."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox.store import World
from tests.acceptance.nights import Warehouse
from tests.sandbox import SEED, THROUGH, Sandbox, copy_of, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLATFORMS = ("google_ads", "linkedin_ads", "meta_ads", "microsoft_ads", "tiktok_ads")
LAST = THROUGH + timedelta(days=6)
FIRST_NIGHT = THROUGH + timedelta(days=1)
# two that stay, and what a source gets over by itself
FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("/meta_ads/", "server_error", {"times": -1}),
    ("/tiktok_ads/.*report/integrated", "malformed_row", {}),
    ("/google_ads/.*googleAds", "rate_limit", {"after": 3}),
    ("/linkedin_ads/.*adAnalytics", "expired_token", {"after": 2}),
    ("/microsoft_ads/", "reset", {"after": 4}),
    ("/norges_bank/", "slow", {"seconds": 2}),
    ("/google_ads/.*googleAds", "truncated", {"after": 9}),
)
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
        ours = tuple(f"SOURCES__{name.upper()}__" for name in (*PLATFORMS, "norges_bank"))
        settings = {k: v for k, v in sandbox.environment().items() if k.startswith(ours)}
        yield sandbox, Warehouse(data_dir, data_dir / "no-drop" / "catalogue.yml", FIRST_NIGHT, settings)


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


def test_the_mart_agrees_with_the_books_after_restatement_missed_nights_faults_and_kills(
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

        # a night on which everything happens at once
        fourth = third + timedelta(days=1)
        before = the_mart(house)
        for route, kind, more in FAULTS:
            sandbox.order(route, kind, **more)
        code, said = night(house, sandbox, fourth)
        assert {kind for kind, _ in sandbox.struck()} == {kind for _, kind, _ in FAULTS}
        sandbox.clear_faults()
        assert code == 1, said
        assert "RED, 2 problems; published " in said, said
        assert "source meta_ads failed: " in said, said
        assert f"(raw keeps its data of {third})" in said, said
        assert "source tiktok_ads loaded in part: " in said, said
        for name in ("google_ads", "linkedin_ads", "microsoft_ads", "norges_bank"):
            assert f"{name}: loaded, " in said, said
        books, mart = the_books(sandbox), the_mart(house)
        assert of(mart, "meta_ads") == of(before, "meta_ads")  # yesterday's good data stays
        for name in ("google_ads", "linkedin_ads", "microsoft_ads"):
            assert of(mart, name) == of(books, name) != of(before, name), name
        _, rejected = replace(house, as_of=fourth).run(
            command=[sys.executable, "-m", "ingestion", "rejects", "tiktok_ads"]
        )
        assert str(fourth) in rejected, rejected

        # killed while it loads, twice: everything of the process group is gone
        fifth = fourth + timedelta(days=1)
        sandbox.set_clock(fifth)
        for n_loaded in (1, 3):
            killed_when(replace(house, as_of=fifth), n_loaded)
        code, said = night(house, sandbox, fifth)
        assert code == 0, said
        agree(sandbox, house)


def of(books: Books, platform: str) -> Books:
    return {k: v for k, v in books.items() if k[0] == platform}


def killed_when(house: Warehouse, n_loaded: int) -> None:
    """Start a night and kill it with all it started when that many sources have loaded, while others are at it."""
    cut = house.start()
    assert cut.stdout
    n_seen = 0
    for line in cut.stdout:
        n_seen += ": loaded, " in line
        if n_seen == n_loaded:
            break
    os.killpg(cut.pid, signal.SIGKILL)
    cut.stdout.close()
    assert cut.wait(10) == -signal.SIGKILL, "the night ended before it could be killed"
