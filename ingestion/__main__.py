"""`python -m ingestion`: which sources there are, what they hold, and loading one alone."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingestion import ops
from ingestion.errors import SourceError
from ingestion.lock import writer_lock
from ingestion.pipeline import Contract, LoadReport, Outcome
from ingestion.registry import all_specs, get_spec
from ingestion.settings import PROJECT_DIR, Settings, SettingsError, get_settings
from ingestion.sources.plan.cli import app as plan_app
from ingestion.spec import SourceSpec, SpecError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The sources of the marketing warehouse.")
app.add_typer(plan_app, name="plan")
_STYLES = {
    "loaded": "green",
    "unchanged": "green",
    "partial": "yellow",
    "failed": "red",
    "not configured": "dim",
}
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day to stand on; today by default")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@app.command("list")
def list_sources() -> None:
    """All sources: configured or not, last load, staleness."""
    from ingestion.sandbox.demo import wants_demo

    settings, console = get_settings(), _console()
    known = ops.read_load_status(settings)
    if wants_demo(settings):
        console.print("no source is configured: nights run on the simulated company (docs/sandbox.md)\n")
    table = Table("source", "kind", "configured", "last load", "rows", "data through", "state", box=None)
    for spec in all_specs():
        configuration = spec.configured(settings)
        status: dict[str, Any] = known.get(spec.name, {})
        state = status.get("status", "never loaded")
        shown = f"[{_STYLES.get(state, '')}]{state}[/]" if state in _STYLES else state
        if status.get("is_stale"):
            shown += " [yellow]stale[/]"
        last = status.get("last_good_at")
        table.add_row(
            spec.name,
            spec.kind,
            ("yes: " if configuration.ready else "no: ") + configuration.message,
            last.strftime("%Y-%m-%d %H:%M") if last else "-",
            f"{status['rows_loaded']:,}" if status.get("rows_loaded") is not None else "-",
            str(status.get("data_through_date") or "-"),
            shown,
        )
    console.print(table)
    for name, status in known.items():
        if status.get("message"):
            console.print(f"[yellow]{name}[/]: {status['message']}")


@app.command()
def load(
    source: Annotated[str, typer.Argument(help="the source's name; see `list`")],
    as_of: AsOf = None,
    check: Annotated[bool, typer.Option(help="hold the contract against what came before writing it")] = True,
) -> None:
    """Load one source alone, with progress. Ends with 1 when anything went wrong."""
    settings, console = get_settings(), _console()
    day: date = as_of.date() if as_of else settings.today()
    with writer_lock(settings, f"loading {source}", on_wait=console.print):
        report = _load_one(settings, console, source, day, check)
    console.print(
        f"[{_STYLES[report.status]}]{report.source}: {report.status}[/] in {report.seconds:.1f} s, "
        f"{sum(report.rows.values()):,} rows, {report.rejected:,} rejected"
    )
    for table, n in sorted(report.rows.items()):
        console.print(f"  {table:<24}{n:>12,}")
    for problem in filter(None, report.message.split("; ")):
        console.print(f"  [yellow]{problem}[/]", markup=True)
    if report.status in ("failed", "partial", "not configured"):
        raise typer.Exit(1)


@app.command()
def backfill(
    source: Annotated[str, typer.Argument(help="the ad source; see `list`")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day to pull again")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included")],
    days: Annotated[int, typer.Option(min=1, help="days pulled and written at a time")] = 31,
    again: Annotated[bool, typer.Option("--again", help="also what an earlier call has pulled already")] = False,
    as_of: AsOf = None,
) -> None:
    """Pull a range of days again, newest first. Cut off, it goes on where it was when called again."""
    settings, console = get_settings(), _console()
    day: date = as_of.date() if as_of else settings.today()
    start, end = first.date(), min(last.date(), day - timedelta(days=1))
    if start > end:
        raise SourceError(
            source, f"nothing to pull from {start} to {end}; days before {day} are over, give --from and --to"
        )
    if get_spec(source).kind != "ads":
        raise SourceError(source, f"is of kind {get_spec(source).kind}; only ad sources are pulled by day")
    with writer_lock(settings, f"backfilling {source}", on_wait=console.print):
        if again:
            ops.forget_backfill(settings, source)
        while end >= start:
            begin = max(start, end - timedelta(days=days - 1))
            if ops.is_backfilled(settings, source, begin, end):
                console.print(f"{begin} to {end}: pulled before (--again pulls it anew)")
            else:
                report = _load_one(settings, console, source, day, True, (begin, end))
                said = f"{begin} to {end}: {report.status}, {sum(report.rows.values()):,} rows, {report.seconds:.1f} s"
                console.print(
                    f"[{_STYLES[report.status]}]{said}[/]" + (f" - {report.message}" if report.message else "")
                )
                if report.is_red or report.status == "not configured":
                    console.print("call it again to go on from here")
                    raise typer.Exit(1)
                ops.note_backfill(settings, source, begin, end)
            end = begin - timedelta(days=1)


def _load_one(
    settings: Settings,
    console: Console,
    source: str,
    day: date,
    check: bool,
    window: tuple[date, date] | None = None,
) -> LoadReport:
    """Load one source with a line that moves. The caller holds the writer's lock."""
    from ingestion.pipeline import load_all
    from ingestion.sandbox.demo import demo_if_needed

    spec = get_spec(source)
    contract: Contract | None = None
    if check:
        from quality.run import run_contract  # the contract is quality's; imported only where it is used

        def contract(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> Sequence[Outcome]:
            return run_contract(spec, package, settings, day)

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"{spec.name}: starting")

        def say(message: str, passing: bool = True) -> None:
            progress.update(task, description=f"{spec.name}: {message}")

        with demo_if_needed(settings, day, say) as used:
            return load_all(
                used, day, [spec.name], contract, lambda name, message: say(message), sets_clock=False, window=window
            )[0]


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="where to write it; printed by default")] = None,
) -> None:
    """The JSON schema of the drop folder's catalogue, for editors."""
    import json

    from ingestion.sources.files.catalogue import json_schema

    text = json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


@app.command()
def check() -> None:
    """Check the catalogue of the drop folder without loading anything."""
    from ingestion.sources.files.catalogue import load_catalogue

    settings = get_settings()
    catalogue = load_catalogue(settings.files_catalogue)
    _console().print(f"[green]{settings.files_catalogue.name} is right[/]: {', '.join(catalogue.datasets)}")


@app.command()
def rejects(
    source: Annotated[str | None, typer.Argument(help="one source; all by default")] = None,
    limit: Annotated[int, typer.Option(help="how many to show")] = 20,
) -> None:
    """The rows that could not be read, newest first: file and line, or account and request, with column and reason."""
    import duckdb

    settings, console = get_settings(), _console()
    table = Table("source", "where", "position", "column", "value", "reason", box=None)
    total = 0
    for spec in [get_spec(source)] if source else all_specs():
        path = settings.raw_file(spec.name)
        if not path.exists() or "_rejects" not in {t.name for t in spec.tables}:
            continue
        columns = (
            """path, line, "column", value, reason from files._rejects order by path, line"""
            if spec.name == "files"
            else f"""as_of || ' ' || table_name || ' account ' || account_id || ' ' || request, position, column_name,
                     left(row_text, 1) || '***', reason from "{spec.name}"._rejects order by as_of desc, table_name, position"""
        )
        with duckdb.connect(str(path), read_only=True) as con:
            for row in con.execute(f"select {columns} limit ?", [limit]).fetchall():
                table.add_row(spec.name, *("" if v is None else str(v) for v in row))
            total += con.execute(f'select count(*) from "{spec.name}"._rejects').fetchall()[0][0]
    if not total:
        console.print("no rows were rejected")
        return
    console.print(table)
    console.print(f"{min(table.row_count, total)} of {total} rejects")


@app.command()
def person(
    who: Annotated[
        str | None,
        typer.Argument(
            help="a key, an e-mail address or a phone number; asked for when absent, so that no shell keeps it"
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="how many rows of each table to show")] = 50,
) -> None:
    """Who somebody is, and why: the joins with reason, source and time, those that were refused, merges and consent."""
    from ingestion.identity import Join, explain

    found = explain(get_settings(), who or typer.prompt("key, e-mail address or phone number", hide_input=True))
    console = _console()

    def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if rows:
            table = Table(*columns, title=title, title_justify="left", box=None)
            for row in rows[:limit]:
                table.add_row(
                    *("-" if v is None else f"{v:%Y-%m-%d %H:%M}" if isinstance(v, datetime) else str(v) for v in row)
                )
            console.print(table)
            if len(rows) > limit:
                console.print(f"{limit} of {len(rows)} (--limit)")
            console.print()

    def told(joins: Sequence[Join]) -> list[tuple[object, ...]]:
        return [
            (j.kind, j.node_key, j.to_kind, j.to_key, j.reason, j.source, j.n_seen, j.first_seen_at, j.guard)
            for j in joins
        ]

    edge = ("identifier", "key", "joined to", "key", "reason", "source", "seen", "first, UTC")
    console.print(
        f"person {found.key}, named by {found.anchor_kind} {found.anchor}, {len(found.joins)} more identifiers\n"
    )
    show("the way from what you asked for to the oldest identifier", edge, [row[:-1] for row in told(found.path)])
    show("every identifier, and what joined it", edge, [row[:-1] for row in told(found.joins)])
    show("not joined, and the guard that refused", (*edge, "guard"), told(found.refused))
    merges = [(m.merged_key, m.kept_key, m.on, m.reason, m.source) for m in found.merges]
    show("merges", ("key that went", "key that stayed", "on", "reason", "source"), merges)
    answers = [(a.purpose, a.kind, a.state, a.basis, a.source, a.changed_at, a.is_current) for a in found.answers]
    show("consent", ("purpose", "of", "state", "basis", "source", "since, UTC", "current"), answers)


@app.command()
def init() -> None:
    """Write .env with this installation's own key, unless there is one."""
    path = PROJECT_DIR / ".env"
    if path.exists():
        return
    template = (PROJECT_DIR / ".env.example").read_text(encoding="utf-8")
    text = template.replace("WAREHOUSE_HASH_KEY=\n", f"WAREHOUSE_HASH_KEY={secrets.token_hex(32)}\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as f:
        f.write(text)
    _console().print("wrote .env with a new key for the hashes of personal identifiers: keep a copy of it")


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Option(help="where; the catalogue's folder by default")] = None,
) -> None:
    """Make a drop folder of the simulated company with its catalogue, to see how files are described."""
    from ingestion.sandbox.drop_folder import make_drop_folder

    settings: Settings = get_settings()
    target = folder or settings.files_catalogue.parent
    n_files = make_drop_folder(target, settings.today())
    _console().print(f"made {n_files} files and a catalogue in {target}")


def main() -> None:
    try:
        app()
    except (SourceError, SettingsError, SpecError) as e:
        _console().print(f"[red]{e}[/]")
        sys.exit(1)


if __name__ == "__main__":
    main()
