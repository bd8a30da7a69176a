"""`python -m ingestion plan`: write a plan to fill in, and see what is wrong with one before the night does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingestion.settings import get_settings
from ingestion.sources.plan.fields import Language
from ingestion.sources.plan.sheets import SHEETS

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The marketing plan: write one to fill in, check one."
)
_PLAN = "plan.xlsx"


@app.command()
def template(
    file: Annotated[Path, typer.Argument(help="a name that ends in .xlsx, or a folder for a CSV file a sheet")] = Path(
        _PLAN
    ),
    example: Annotated[bool, typer.Option("--example", help="with the simulated company's plan in it")] = False,
    language: Annotated[str, typer.Option(help="no or en")] = "no",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day the example stands on; today by default")
    ] = None,
) -> None:
    """Write a plan to fill in, with drop-downs, limits and instructions. Never overwrites."""
    from ingestion.sources.plan.template import write

    if language not in ("no", "en"):
        raise typer.BadParameter(f"{language!r}; expected no or en", param_hint="--language")
    chosen: Language = "no" if language == "no" else "en"
    rows = None
    if example:
        from ingestion.sandbox.demo import company_of_the_demo
        from ingestion.sandbox.plan import example as example_of

        settings = get_settings()
        day = as_of.date() if as_of else settings.today()
        rows = example_of(company_of_the_demo(settings, day), day.year, chosen)
    write(file, chosen, rows)
    Console(highlight=False, soft_wrap=True).print(
        f"wrote {file}; fill it in, then set SOURCES__PLAN__FILE={file.resolve()}", markup=False
    )


@app.command()
def check(
    place: Annotated[
        str | None,
        typer.Argument(help="workbook, folder, or a Google spreadsheet's address or id; the configured by default"),
    ] = None,
) -> None:
    """Tell every mistake of a plan by sheet and cell, without loading anything. Ends with 1 when there is one."""
    from ingestion.errors import SourceError
    from ingestion.http import unsigned
    from ingestion.sources.plan import plan_place
    from ingestion.sources.plan.checking import check as find
    from ingestion.sources.plan.google_sheets import read_spreadsheet
    from ingestion.sources.plan.reading import read_book

    console = Console(highlight=False, soft_wrap=True)
    named = plan_place() if place is None else _named(place)
    if named is None:
        raise SourceError(
            "plan", "no plan is named; give a file or a spreadsheet, or set SOURCES__PLAN__FILE or _SPREADSHEET"
        )
    if isinstance(named, str) and (missing := unsigned("plan")):
        raise SourceError("plan", missing)
    book = read_spreadsheet(named) if isinstance(named, str) else read_book(named)
    plan = find(book)
    for problem in plan.problems:
        console.print(str(problem), markup=False)
    for remark in plan.remarks:
        console.print(f"({remark})", markup=False)
    if n := len(plan.problems):
        mistakes = "1 mistake" if n == 1 else f"{n} mistakes"
        console.print(f"{mistakes} in {book.name}; the last good plan stays in force until it is mended", markup=False)
        raise typer.Exit(1)
    counts = ", ".join(f"{len(plan.rows[s.name])} {s.en.lower()}" for s in SHEETS if plan.rows[s.name])
    console.print(f"{book.name} is right: {counts or 'no rows yet'}", markup=False)


def _named(text: str) -> Path | str:
    """A path, or a spreadsheet's id."""
    from ingestion.sources.plan.google_sheets import spreadsheet_id

    return Path(text) if Path(text).exists() else spreadsheet_id(text) or Path(text)


@app.command()
def sheets() -> None:
    """Print all sheets and columns, as docs/plan.md holds them."""
    from ingestion.sources.plan.template import reference

    Console(highlight=False, soft_wrap=True).print(reference("en"), markup=False, end="")
