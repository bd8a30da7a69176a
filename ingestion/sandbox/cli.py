"""Commands that make a company and what is derived from it; `__main__` adds them to those that serve it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ingestion.sandbox.demo import SEED
from ingestion.sandbox.sizes import SIZES
from ingestion.settings import get_settings

app = typer.Typer(add_completion=False, help=__doc__)
_console = Console()

SizeOption = Annotated[
    str, typer.Option(help="one of: " + ", ".join(f"{s.name} ({s.days} days)" for s in SIZES.values()))
]
SeedOption = Annotated[int, typer.Option(help="the same seed and days give the same company")]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="the morning it stands on: made through the day before; today by default"),
]
Out = Annotated[Path | None, typer.Option(help="the company's folder; <data_dir>/sandbox/<size> by default")]


def _folder(out: Path | None, size: str) -> Path:
    if size not in SIZES:
        raise typer.BadParameter(f"no size {size!r}; there are {', '.join(SIZES)}")
    return out or get_settings().data_dir / "sandbox" / size


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=_console, transient=True
    )


@app.command()
def make(size: SizeOption = "small", seed: SeedOption = SEED, as_of: AsOf = None, out: Out = None) -> None:
    """Make a company, or add the days that are missing up to --as-of."""
    from ingestion.sandbox.store import World

    folder = _folder(out, size)
    through = (as_of.date() if as_of else get_settings().today()) - timedelta(days=1)
    began = monotonic()
    with _bar() as bar:
        task = bar.add_task("making", total=None)

        def show(first: date, day: date, last: date) -> None:
            bar.update(task, description=f"{day} ({(day - first).days + 1} of {(last - first).days + 1} days)")

        world = World.create_or_extend(folder, size, seed, through, progress=show)
    _console.print(f"{folder}: {world.start_date} to {world.through_date}, in {monotonic() - began:.1f} s")


@app.command()
def ga4(size: SizeOption = "small", as_of: AsOf = None, out: Out = None) -> None:
    """Write the visits of a company that is made as GA4's daily BigQuery export, to <folder>/ga4."""
    from ingestion.sandbox.ga4 import write_events
    from ingestion.sandbox.store import World

    world = World.open(_folder(out, size))
    began = monotonic()
    with _bar() as bar:
        task = bar.add_task("writing", total=None)
        seen_on = as_of.date() if as_of else None
        n = write_events(world, seen_on, progress=lambda day: bar.update(task, description=f"events of {day}"))
    took = monotonic() - began
    _console.print(f"{world.folder / 'ga4'}: {n:,} events in {took:.1f} s, {n / took:,.0f} a second")


@app.command()
def truth(size: SizeOption = "small", out: Out = None) -> None:
    """What each channel really brought: run a company that is made again without it, luck held equal."""
    from rich.table import Table

    from ingestion.sandbox.store import World
    from ingestion.sandbox.truth import SWITCHES, incremental

    world = World.open(_folder(out, size))
    with _bar() as bar:
        task = bar.add_task(f"running the company {len(SWITCHES) + 1} times")
        gained = incremental(world, progress=lambda name: bar.update(task, description=f"done: {name}"))
    table = Table("channel", "orders", "leads", "deals won", "revenue, NOK without VAT")
    for channel, r in gained.items():
        table.add_row(channel, f"{r.orders:,}", f"{r.leads:,}", f"{r.deals_won:,}", f"{r.revenue_ore / 100:,.0f}")
    _console.print(table)
    _console.print("incremental: what would not have happened without the channel (truth/incremental)")
