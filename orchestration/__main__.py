"""`python -m orchestration`: the night, what it published, and the tools around it."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from ingestion.lock import writer_lock
from ingestion.settings import PROJECT_DIR, SettingsError, get_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
publish_app = typer.Typer(no_args_is_help=True, help="Published generations: what readers see, and going back.")
app.add_typer(publish_app, name="publish")
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def _say(message: str) -> None:
    out.print(message)


@app.command()
def nightly(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The night to build; default: today in the reporting zone."),
    ] = None,
) -> None:
    """Run the whole night: load, build, check, publish, verdict. Exit 0 green, 1 red, 2 it could not run."""
    from orchestration.shell import run_nightly

    raise typer.Exit(run_nightly(get_settings(), as_of.date() if as_of else None))


@app.command()
def manifest(force: Annotated[bool, typer.Option(help="Parse even when nothing changed.")] = False) -> None:
    """Write dbt's profile and parse the dbt project, which Dagster's graph is read from. Quick when nothing
    changed.
    """
    from orchestration.instance import prepare_home
    from orchestration.manifest import make_manifest, manifest_path

    settings = get_settings()
    prepare_home(settings)
    with writer_lock(settings, "parsing the dbt project", _say):
        parsed = make_manifest(settings, force=force)
    _say(f"{manifest_path(settings)}: {'made' if parsed else 'up to date'}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Run dbt with the generated profile, for instance: dbt -- build --select rpt_kpi"""
    from orchestration.manifest import run_dbt

    settings = get_settings()
    with writer_lock(settings, "dbt from the shell", _say):
        raise typer.Exit(run_dbt(settings, context.args).returncode)


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Dagster's UI and daemon on this machine (development server; docs/operating.md has the services)."""
    from orchestration.instance import prepare_home
    from orchestration.manifest import dbt_environment, make_manifest

    settings = get_settings()
    with writer_lock(settings, "parsing the dbt project", _say):
        make_manifest(settings)
    prepare_home(settings)
    os.environ.update(dbt_environment())
    _say(f"http://127.0.0.1:{port}  (stop with Ctrl-C)")
    sys.stdout.flush()
    program = str(Path(sys.executable).parent / "dagster")
    workspace = str(PROJECT_DIR / "workspace.yaml")
    os.chdir(PROJECT_DIR)
    os.execv(program, [program, "dev", "-w", workspace, "-h", "127.0.0.1", "-p", str(port)])


@app.command()
def alert() -> None:
    """Send a test alert to the configured webhook and e-mail address."""
    from orchestration import alerts

    settings = get_settings()
    if not alerts.is_configured(settings):
        _say("no alert target; set WAREHOUSE_ALERT_WEBHOOK_URL or WAREHOUSE_ALERT_EMAIL_TO")
        raise typer.Exit(1)
    errors = alerts.send_alert(settings, "warehouse: test alert", "If you read this, alerts arrive.", kind="test")
    for line in errors or ["sent"]:
        _say(line)
    raise typer.Exit(bool(errors))


@publish_app.command("list")
def list_() -> None:
    """All generations that are kept, oldest first."""
    from orchestration.publish import list_generations

    table = Table(Column("generation", no_wrap=True), "as-of", "published at", "marts", "rows", "", box=None)
    for g in list_generations(get_settings()):
        made = g.manifest()
        rows = sum(m["rows"] for m in made["marts"].values())
        now = "<- readers see this" if g.is_current else ""
        table.add_row(g.id, str(g.as_of), made["published_at"], str(len(made["marts"])), f"{rows:,}", now)
    out.print(table)


@publish_app.command()
def rollback(
    generation: Annotated[str | None, typer.Argument(help="Default: the one before.")] = None,
) -> None:
    """Let readers see an older generation at once. It holds until the next night publishes."""
    from orchestration import publish

    settings = get_settings()
    try:
        with writer_lock(settings, "rolling back", _say):
            now = publish.rollback(settings, generation)
    except publish.PublishError as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(f"readers now see {now.id} (as-of {now.as_of})")


def main() -> None:
    from orchestration.manifest import ManifestError

    try:
        app()
    except (SettingsError, ManifestError) as error:
        _say(str(error))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
