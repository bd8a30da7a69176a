"""The marketing plan as people keep it, in a workbook or a folder of CSV: goals, activities, budget and what belongs to them.

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
from ingestion.privacy import scrub
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources.plan.sheets import CHANGES, SHEETS, SOURCE, VERSIONS, definition_hash
from ingestion.spec import REJECTS, Configuration, Freshness, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import duckdb
    from dlt.extract import DltSource

    from ingestion.sources.plan.checking import Problem

_TOLD = 5  # mistakes named in the night's message; all are in _rejects


def plan_path() -> Path | None:
    """The workbook or folder of SOURCES__PLAN__FILE; relative paths start at the project."""
    value = setting(SOURCE, "file")
    return PROJECT_DIR / Path(str(value)).expanduser() if value else None


def configured(settings: Settings) -> Configuration:
    """Ready when a plan is named; whether it is there and right shows when it is loaded."""
    if path := plan_path():
        return Configuration(True, str(path))
    return Configuration(False, "no plan; write one (`python -m ingestion plan template`) and set SOURCES__PLAN__FILE")


def build(context: LoadContext) -> DltSource:
    """The dlt source for one night: nothing for a plan that did not change. Raises SourceError for one that cannot be opened."""
    import dlt

    from ingestion.pipeline import columns_hint

    path = plan_path()
    if path is None:
        raise ValueError("build is called for a configured source only")
    tables: dict[str, list[dict[str, Any]]] = {}
    # a plan is taken whole: if the contract turns down one of its sheets, the others stay out as well
    if not context.exclude_tables:
        tables = _read(path, context)

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


def _read(path: Path, context: LoadContext) -> dict[str, list[dict[str, Any]]]:
    """What the plan changes in raw, by table; nothing when it is the one raw holds, or has a mistake."""
    from ingestion.sources.plan import history
    from ingestion.sources.plan.checking import check
    from ingestion.sources.plan.reading import content_hash, read_book

    known = history.held(context.settings, with_rows=False)
    if (content_hash(path), definition_hash()) == (known.sha256, known.definition):
        return {}
    context.progress(f"reading {path.name}")
    book = read_book(path)
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
)
