"""What each channel really brought: the whole simulation again with the channel switched off, everybody's luck held equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sandbox.ad_setup import CHANNELS
from ingestion.sandbox.company import Company, epoch
from ingestion.sandbox.simulate import Simulation
from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.store import World
from ingestion.sandbox.tables import TABLES

SWITCHES = (*CHANNELS, "email")


@dataclass(frozen=True)
class Result:
    """What a company achieved: counts, and revenue without VAT in øre (goods of orders, deals won, before refunds)."""

    orders: int
    leads: int
    deals_won: int
    revenue_ore: int

    def less(self, other: Result) -> Result:
        return Result(**{k: v - getattr(other, k) for k, v in asdict(self).items()})


def result_of(seed: int, size: str, start: date, through: date, off: frozenset[str] = frozenset()) -> Result:
    """Simulate start..through without the channels in `off` and count. Deals count when they began in the period."""
    simulation = Simulation(Company(seed, SIZES[size], start), off)
    orders = leads = deals_won = revenue = 0
    for day in range(epoch(start), epoch(through) + 1):
        out = simulation.step(day)
        orders += len(out["orders"]["ordered_at"])
        leads += len(out["leads"]["created_at"])
        won = out["deals"]["is_won"]
        deals_won += int(won.sum())
        goods = out["orders"]["amount_ore"] - out["orders"]["shipping_ore"]
        revenue += int(goods.sum() * 4 // 5 + out["deals"]["amount_ore"][won].sum())
    return Result(orders, leads, deals_won, revenue)


def incremental(
    world: World,
    channels: Iterable[str] = SWITCHES,
    progress: Callable[[str], None] | None = None,
    workers: int = 2,
) -> dict[str, Result]:
    """Each channel's incremental result, company as it is less company without it; also written to truth/incremental."""
    about = (world.seed, world.size, world.start_date, world.through_date)
    runs: dict[str, frozenset[str]] = {"": frozenset(), **{c: frozenset({c}) for c in channels}}
    results: dict[str, Result] = {}
    with ProcessPoolExecutor(workers) as pool:
        waiting = {pool.submit(result_of, *about, off): name for name, off in runs.items()}
        for done in as_completed(waiting):
            results[waiting[done]] = done.result()
            if progress:
                progress(waiting[done] or "as it is")
    everything = results.pop("")
    gained = {channel: everything.less(results[channel]) for channel in runs if channel}
    _write(world.folder, world.through_date, gained)
    return gained


def _write(folder: Path, through: date, gained: dict[str, Result]) -> None:
    rows = [{"channel": c, "through_date": through, **asdict(r)} for c, r in gained.items()]
    path = folder / "truth" / "incremental" / "all.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, TABLES["incremental"].schema), path)
