"""`python -m quality`: list the suites, run the mart checks on the last build, write Data Docs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingestion.settings import get_settings
from quality.results import CheckResult, accept_volume, summary
from quality.suites import SuiteError, Suites, load_suites

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Checks on load packages and marts.")
console = Console()
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="The night the checks measure by; today by default."),
]


def _suites() -> Suites:
    try:
        return load_suites()
    except SuiteError as error:
        console.print(f"[red]{error}[/red]", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def _night(as_of: datetime | None) -> date:
    return as_of.date() if as_of else get_settings().today()


@app.command("list")
def list_suites() -> None:
    """Every suite with what it checks, how many checks block, and who owns it."""
    suites = _suites()
    table = Table("suite", "checks", "critical", "owner", "what it checks")
    for contract in suites.contracts.values():
        checks = [c for name in contract.tables for c in contract.checks_of(name)]
        critical = sum(c.severity == "critical" for c in checks)
        table.add_row(contract.suite, str(len(checks)), str(critical), contract.owner, contract.description)
    for mart in suites.marts.values():
        critical = sum(c.severity == "critical" for c in mart.checks)
        table.add_row(mart.suite, str(len(mart.checks)), str(critical), mart.owner, mart.description)
    console.print(table)


@app.command("run-marts")
def run_marts_command(as_of: AsOf = None) -> None:
    """Check the marts of the last dbt build. Exits with 1 when a critical check failed or crashed."""
    from quality.docs import write_data_docs
    from quality.run import run_marts

    _suites()
    settings = get_settings()
    results = run_marts(settings, _night(as_of), lambda m: console.print(f"  {m}", highlight=False, soft_wrap=True))
    _print(results)
    console.print(f"Data Docs: {write_data_docs(settings, _suites())}", highlight=False, soft_wrap=True)
    if summary(results)["critical_failed"]:
        raise typer.Exit(1)


@app.command()
def docs() -> None:
    """Write Data Docs of the last runs anew."""
    from quality.docs import write_data_docs

    console.print(write_data_docs(get_settings(), _suites()), highlight=False, soft_wrap=True)


@app.command("accept-volume")
def accept_volume_command(
    mart: Annotated[str, typer.Argument(help="The mart whose row count changed on purpose, e.g. fct_lead.")],
    reason: Annotated[str, typer.Option(help="Why it changed; kept in the log.")],
    as_of: AsOf = None,
) -> None:
    """Measure a mart's row count against this night and later ones only, after a wanted clean-up."""
    if mart not in _suites().marts:
        console.print(f"[red]{mart}: no such mart; known are {', '.join(_suites().marts)}[/red]", highlight=False)
        raise typer.Exit(2)
    accept_volume(get_settings(), mart, _night(as_of), reason)
    console.print(f"{mart}: history counts from {_night(as_of)} on")


def _print(results: list[CheckResult]) -> None:
    bad = [r for r in results if r.status != "passed"]
    if bad:
        table = Table("table", "check", "status", "severity", "source", "observed", "expected")
        for r in bad:
            table.add_row(r.table, r.check, r.status, r.severity, r.source or "", r.observed, r.expected)
        console.print(table)
    counts = summary(results)
    console.print(", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()))


if __name__ == "__main__":
    app()
