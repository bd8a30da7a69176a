"""The marketing plan as people keep it, in a workbook, a folder of CSV or Google Sheets: goals, activities, budget and more.

A plan with a mistake is not taken: every mistake is told by sheet and cell, and the last good plan stays in force.
Every version stays in raw, and so does every change. Here: the source's spec; the sheets are data in sheets.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.ads import setting
from ingestion.arrow import arrow_schema
from ingestion.errors import SourceError
from ingestion.privacy import scrub
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources.plan.sheets import CHANGES, SHEETS, SOURCE, VERSIONS, definition_hash
from ingestion.spec import REJECTS, Configuration, Freshness, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import duckdb
    from dlt.extract import DltSource

    from ingestion.sources.plan.checking import Problem

_TOLD = 5  # mistakes named in the night's message; all are in _rejects


Place = Path | str  # a workbook or a folder; the id of a spreadsheet


def plan_place() -> Place | None:
    """Where the plan lies: SOURCES__PLAN__FILE (relative paths start at the project), or SOURCES__PLAN__SPREADSHEET.

    Raises SourceError when both are set, or the spreadsheet is none.
    """
    from ingestion.sources.plan.google_sheets import spreadsheet_id

    file, spreadsheet = setting(SOURCE, "file"), setting(SOURCE, "spreadsheet")
    if file and spreadsheet:
        raise SourceError(
            SOURCE, "SOURCES__PLAN__FILE and SOURCES__PLAN__SPREADSHEET are both set; keep one: there is one plan"
        )
    if spreadsheet:
        if found := spreadsheet_id(str(spreadsheet)):
            return found
        raise SourceError(
            SOURCE, f"SOURCES__PLAN__SPREADSHEET is {spreadsheet!r}; expected a spreadsheet's address or id"
        )
    return PROJECT_DIR / Path(str(file)).expanduser() if file else None


def configured(settings: Settings) -> Configuration:
    """Ready when a plan is named; whether it is there and right shows when it is loaded."""
    from ingestion.http import unsigned

    try:
        place = plan_place()
    except SourceError as e:
        return Configuration(True, e.detail)  # named, if badly: the load tells
    if isinstance(place, Path):
        return Configuration(True, str(place))
    if place is None:
        said = "no plan; write one (`python -m ingestion plan template`) and set SOURCES__PLAN__FILE or _SPREADSHEET"
        return Configuration(False, said)
    missing = unsigned(SOURCE)
    return Configuration(not missing, missing or f"spreadsheet {place}")


def build(context: LoadContext) -> DltSource:
    """The dlt source for one night: nothing for a plan that did not change. Raises SourceError for one that cannot be opened."""
    import dlt

    from ingestion.raw import columns_hint

    place = plan_place()
    if place is None:
        raise ValueError("build is called for a configured source only")
    tables: dict[str, list[dict[str, Any]]] = {}
    # a plan is taken whole: if the contract turns down one of its sheets, the others stay out as well
    if not context.exclude_tables:
        tables = _read(place, context)

    def resource(table: Table) -> Any:
        import pyarrow as pa

        def rows() -> Iterator[Any]:
            yield pa.Table.from_pylist(tables[table.name], arrow_schema(table))

        return dlt.resource(
            rows,
            name=table.name,
            columns=columns_hint(table, merging=True),
            merge_key=table.merge_key,
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )

    return dlt.source(lambda: [resource(t) for t in TABLES if t.name in tables], name=SOURCE)()


def _read(place: Place, context: LoadContext) -> dict[str, list[dict[str, Any]]]:
    """What the plan changes in raw, by table; nothing when it is the one raw holds, or has a mistake."""
    from ingestion.sources.plan import history
    from ingestion.sources.plan.checking import check
    from ingestion.sources.plan.google_sheets import read_spreadsheet
    from ingestion.sources.plan.reading import content_hash, read_book

    known = history.held(context.settings, with_rows=False)
    # whether a spreadsheet changed, Google tells only to who may see all of the user's Drive: it is read to be compared
    book = read_spreadsheet(place) if isinstance(place, str) else None
    sha256 = book.sha256 if book else content_hash(Path(place))
    if (sha256, definition_hash()) == (known.sha256, known.definition):
        return {}
    if book is None:
        context.progress(f"reading {Path(place).name}")
        book = read_book(Path(place))
    plan = check(book)
    if plan.problems:
        _tell(plan.problems, book.name, known.version, context)
        return {}
    context.notes.remarks += plan.remarks
    seen = history.Seen(book.name, book.sha256, context.as_of, datetime.now(UTC))
    tables = history.differences(history.held(context.settings, with_rows=True), plan, seen)
    n_changes = len(tables.get(CHANGES.name, ()))
    version = known.version + 1
    context.notes.remarks.append(
        f"version {version} of the plan, {_count(plan.n_rows, 'row')}"
        + (f", {_count(n_changes, 'change')}" if known.version else "")
    )
    return tables


def _tell(problems: list[Problem], file_name: str, version: int, context: LoadContext) -> None:
    """Mistakes into the night's message and into _rejects."""
    notes = context.notes
    notes.all_failed = True
    notes.rejected = len(problems)
    stays = f"version {version} of the plan stays in force" if version else "there is no plan in force yet"
    more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
    notes.problems.append(
        f"{file_name} has {_count(len(problems), 'mistake')}, {stays}: "
        + "; ".join(scrub(str(p)) for p in problems[:_TOLD])
        + f"{more} (`python -m ingestion plan check` shows all)"
    )
    for position, p in enumerate(problems):
        notes.rejects.append(
            {
                "as_of": context.as_of, "table_name": p.table, "account_id": file_name, "request": p.where,
                "position": position, "column_name": p.column, "reason": scrub(p.expected), "row_text": p.value,
            }
        )  # fmt: skip


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def freshness(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> Freshness:
    """A plan holds until it is changed: it never grows stale by age. Costs are delivered up to the newest one."""
    through = con.execute(f"select max(seen_as_of) from {SOURCE}.{VERSIONS.name}").fetchall()[0][0]
    costs = con.execute(
        f"select max(date_day) from {SOURCE}.other_costs where valid_to_version is null and date_day <= ?", [as_of]
    ).fetchall()[0][0]
    return Freshness(through, {"other_costs": costs} if costs else {})


TABLES: tuple[Table, ...] = (*(s.table() for s in SHEETS), VERSIONS, CHANGES)

SPEC = SourceSpec(
    name=SOURCE,
    kind="plan",
    description="The marketing plan: goals, budget, activities and what belongs to them, kept by people in a workbook",
    owner="marketing",
    tables=(*TABLES, REJECTS),
    provides=frozenset({"other_costs"}),
    configured=configured,
    build=build,
    freshness=freshness,
    expected_lag_days=None,  # a plan holds until it is changed
    stale_after_days=None,
)
