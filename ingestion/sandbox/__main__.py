"""`python -m ingestion.sandbox`: make the simulated company and serve its vendors on loopback."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingestion.sandbox import cli
from ingestion.sandbox.demo import SEED, company_folder, export_folder, of_company, plan_file
from ingestion.settings import get_settings

app = typer.Typer(add_completion=False, help=__doc__)
app.registered_commands += cli.app.registered_commands
PORT = 8905
Folder = Annotated[
    Path | None, typer.Option(help="the company's folder; the demo's by default, made when it is absent")
]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day it stands on; today by default")]
Port = Annotated[int, typer.Option(help="port on 127.0.0.1; 0 takes a free one")]


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Without a command: serve the demo's company on port 8905."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    folder: Folder = None,
    as_of: AsOf = None,
    port: Port = PORT,
    with_parent: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Serve a company's vendors until Ctrl-C. The first line is the address; `env` prints the settings to read it with."""
    from ingestion.sandbox.ga4 import extend_events
    from ingestion.sandbox.server.run import end_with, serve
    from ingestion.sandbox.store import World

    if with_parent:
        end_with(with_parent)
    settings = get_settings()
    day: date = as_of.date() if as_of else settings.today()
    target = folder or company_folder(settings)
    if not (target / "company.json").exists() or folder is None:
        World.create_or_extend(target, settings.demo_size, SEED, day - timedelta(days=1))
    if not with_parent:  # a night that starts the server has written it
        extend_events(World.open(target), export_folder(target), day)
    serve(target, day, port)


@app.command()
def env(
    url: Annotated[str, typer.Option(help="the server's address")] = f"http://127.0.0.1:{PORT}",
    folder: Folder = None,
    everything: Annotated[bool, typer.Option("--all", help="also of vendors that the demo does not read")] = False,
) -> None:
    """Print the settings under which the demo's sources read the sandbox, as `export` lines."""
    from ingestion.sandbox.plan import write_example
    from ingestion.sandbox.server.app import environment
    from ingestion.sandbox.store import World

    target = folder or company_folder(get_settings())
    world = World.open(target)
    write_example(plan_file(target), world, world.through_date)
    console = Console(highlight=False, soft_wrap=True)
    for key, value in sorted((environment(url, demo=not everything) | of_company(target, world.start_date)).items()):
        console.print(f"export {key}='{value}'", markup=False)


if __name__ == "__main__":
    app()
