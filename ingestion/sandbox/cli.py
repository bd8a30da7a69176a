"""Commands that make and measure the simulated company; `python -m ingestion.sandbox` has them beside `serve`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.store import World
from ingestion.settings import get_settings

app = typer.Typer()


@app.command()
def make(
    size: Annotated[str, typer.Option(help=", ".join(SIZES))] = "small",
    seed: Annotated[int, typer.Option(help="the same seed and days give the same company")] = 20,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="its last day is the one before")] = None,
    out: Annotated[Path | None, typer.Option(help="its folder; data/sandbox/<size> by default")] = None,
) -> None:
    """Make a company, or extend it to a later day."""
    settings = get_settings()
    day = as_of.date() if as_of else settings.today()
    folder = out or settings.data_dir / "sandbox" / size
    with Console().status("making the company") as status:
        world = World.create_or_extend(
            folder,
            size,
            seed,
            day - timedelta(days=1),
            progress=lambda first, at, last: status.update(f"{at} of {first} to {last}"),
        )
    Console(highlight=False, soft_wrap=True).print(f"{folder}: {size}, {world.start_date} to {world.through_date}")
