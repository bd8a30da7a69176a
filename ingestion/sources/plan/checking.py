"""Sheets of cells -> rows of the plan, and everything that is wrong with them: sheet, cell, value, what is expected.

One mistake a cell, the first. A plan with a mistake is not taken: see __init__.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingestion.sources.plan.cells import Unreadable, expected_of, is_blank, reader, shown
from ingestion.sources.plan.fields import Sheet, datasets
from ingestion.sources.plan.reading import Book, Fault, Grid, cell_name, position, titles
from ingestion.sources.plan.sheets import BY_NAME, SHEETS

Row = dict[str, Any]
_HIGHER = {"channel": ("business",), "activity": ("channel", "business")}
_CATALOGUES = ("kpi", "channel")
_SUBJECT_SHEETS = {"goal": "goals", "activity": "activities", "budget": "activities"}  # a budget is an activity's


@dataclass(frozen=True)
class Problem:
    """A mistake, as a person can find it: `Budget!E14`, what stands there, what is expected."""

    table: str  # the raw table; "" when the sheet is unknown
    where: str
    row: int
    column: str  # the header, "" for a whole sheet
    value: str
    expected: str

    def __str__(self) -> str:
        shown = f" {self.value!r}," if self.value else ""
        return f"{self.where}:{shown} {self.expected}"


@dataclass
class Plan:
    """What a book says: rows by sheet and row id, without those that have a mistake."""

    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        return sum(len(rows) for rows in self.rows.values())


def _nearest(word: str, known: Collection[str], plan: Plan | None = None) -> str:
    """The known word most like it, "" for none. Not looked for in thousands, nor when hundreds of mistakes are told already."""
    if len(known) > 2_000 or (plan and len(plan.problems) > 200):
        return ""
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


@dataclass
class _Found:
    """A sheet on its way: where its columns lie, and its rows with their row numbers."""

    sheet: Sheet
    title: str
    columns: Mapping[str, int]
    rows: list[tuple[int, Row]] = field(default_factory=list)

    def where(self, row: int, name: str) -> str:
        return f"{self.title}!{cell_name(row, self.columns[name])}"


def check(book: Book) -> Plan:
    """All of a book's rows and mistakes. Raises nothing for what a person can write wrong."""
    plan = Plan()
    found = [f for f in _sheets(book, plan) if f]
    for sheet in found:
        _keys(sheet, plan)
        _rules(sheet, plan)
    by_name = {f.sheet.name: f for f in found}
    for sheet in found:
        _references(sheet, by_name, plan)
    if goals := by_name.get("goals"):
        _goal_levels(goals, plan)
    if mandates := by_name.get("mandates"):
        _mandates(mandates, by_name, plan)
    order = {f.sheet.name: i for i, f in enumerate(found)}
    plan.problems.sort(key=lambda p: (order.get(p.table, -1), p.row, len(p.where), p.where))
    return plan


# --- sheets and headers ----------------------------------------------------------------------------------------------
def _sheets(book: Book, plan: Plan) -> Iterator[_Found | None]:
    there = titles(book.grids)
    names = {s.name: [s.name, s.no.casefold(), s.en.casefold()] for s in SHEETS}
    known = {n for some in names.values() for n in some}
    spare = {t: some[0] for t, some in there.items() if t not in known}
    for sheet in SHEETS:
        grids = [g for n in dict.fromkeys(names[sheet.name]) for g in there.get(n, ())]
        if len(grids) == 1:
            yield _table(sheet, grids[0], plan)
            continue
        title = "' or '".join(dict.fromkeys((sheet.en, sheet.no)))
        near = [spare[t].title for n in names[sheet.name] if (t := _nearest(n, spare))]
        if grids:
            said = f"the sheet is there twice ({', '.join(g.title for g in grids)}); keep one"
        else:
            hint = f"the nearest is '{near[0]}'" if near else "it may be empty, but must be there"
            said = f"no sheet '{title}' ({hint}); take it from `python -m ingestion plan template`"
        plan.problems.append(Problem(sheet.name, sheet.en, 0, "", "", said))
        yield None


def _table(sheet: Sheet, grid: Grid, plan: Plan) -> _Found | None:
    """The sheet's rows, each value read; None when its header is not to be trusted."""

    def tell(row: int, column: int, header: str, value: object, expected: str) -> None:
        where = f"{grid.title}!{cell_name(row, column)}"
        plan.problems.append(Problem(sheet.name, where, row, header, shown(value), expected))

    if not grid.rows or grid.rows[0][0] != 1:
        tell(1, 0, "", None, "the first row is empty; expected the header there")
        return None
    header = ["" if v is None or isinstance(v, Fault) else " ".join(str(v).split()) for v in grid.rows[0][1]]
    columns: dict[str, int] = {}
    places: dict[str, list[int]] = {}
    for i, name in enumerate(header):
        places.setdefault(name.casefold(), []).append(i)
    known = {n.casefold() for f in sheet.fields for n in (f.name, f.no, f.en)}
    spare = {n: header[at[0]] for n, at in places.items() if n and n not in known}
    whole = True
    for f in sheet.fields:
        at = sorted({i for n in (f.name, f.no, f.en) for i in places.get(n.casefold(), [])})
        if len(at) == 1:
            columns[f.name] = at[0]
            continue
        whole = False
        if at:
            tell(1, at[1], f.en, header[at[1]], "this header stands twice; keep one")
            continue
        near = [spare[n] for want in (f.en, f.no) if (n := _nearest(want.casefold(), spare))]
        title = "' or '".join(dict.fromkeys((f.en, f.no)))
        hint = f"; the nearest is '{near[0]}'" if near else ""
        place = header.index(near[0]) if near else len(header)
        tell(1, place, f.en, near[0] if near else None, f"no column '{title}'{hint}")
    for merged in grid.merged:
        first, last = (position(end) for end in (merged.split(":") * 2)[:2])
        if first[0] == 1 or any(first[1] <= i <= last[1] for i in columns.values()):
            said = "merged cells; expected each cell by itself: unmerge them and fill in every row"
            plan.problems.append(Problem(sheet.name, f"{grid.title}!{merged}", first[0], "", "", said))
            whole = False
    if ignored := [h for n, h in spare.items()]:
        plan.remarks.append(f"{grid.title}: columns that are not the plan's were left out: {', '.join(ignored[:5])}")
    if not whole:
        return None
    found = _Found(sheet, grid.title, columns)
    readers = [(f, columns[f.name], reader(f, partial(_nearest, plan=plan))) for f in sheet.fields]
    own = set(columns.values())
    for number, cells in grid.rows[1:]:
        row: Row = {}
        good, width = True, len(cells)
        if all(is_blank(cells[i]) for i in own if i < width):
            continue  # something stands beside the table
        for f, i, read in readers:
            value = cells[i] if i < width else None
            if is_blank(value):
                row[f.name] = None
                if f.required:
                    tell(number, i, f.en, None, f"{f.en} is empty; expected {expected_of(f)}")
                    good = False
                continue
            try:
                row[f.name] = read(value)
            except Unreadable as e:
                tell(number, i, f.en, value, str(e))
                good = False
        if good:
            found.rows.append((number, row))
        else:
            found.rows.append((number, {**{f.name: None for f in sheet.fields}, **row, "_bad": True}))
    return found


# --- rows ------------------------------------------------------------------------------------------------------------
def row_id(sheet: Sheet, row: Row) -> str:
    return " | ".join("-" if row[k] is None else str(row[k]) for k in sheet.key)


def _keys(found: _Found, plan: Plan) -> None:
    """Rows by their id; the second of two with the same id is told."""
    rows: dict[str, Row] = {}
    seen: dict[str, int] = {}
    name = found.sheet.key[0]
    for number, row in found.rows:
        if row.get("_bad") and any(row[k] is None and found.sheet.field(k).required for k in found.sheet.key):
            continue
        key = row_id(found.sheet, row)
        if key in seen:
            what = " x ".join(found.sheet.field(k).en for k in found.sheet.key)
            said = f"expected one row a {what}; row {seen[key]} has the same"
            _tell(plan, found, number, name, key, said)
        else:
            seen[key] = number
            if not row.get("_bad"):
                rows[key] = row
    plan.rows[found.sheet.name] = rows


def _tell(plan: Plan, found: _Found, number: int, name: str, value: object, expected: str) -> None:
    where = found.where(number, name)
    if not any(p.where == where for p in plan.problems[-50:]):
        header = found.sheet.field(name).en
        plan.problems.append(Problem(found.sheet.name, where, number, header, shown(value), expected))


def _rules(found: _Found, plan: Plan) -> None:
    """What must hold within a row, and over the sheet."""
    sheet = found.sheet
    title = {f.name: f.en for f in sheet.fields}
    first: dict[str, tuple[Any, int]] = {}
    taken: dict[tuple[str, str], int] = {}
    for number, row in found.rows:
        if row.get("_bad"):
            continue
        for names in sheet.exactly_one:
            given = [n for n in names if row[n] is not None]
            if len(given) != 1:
                said = f"expected a value in {' or '.join(title[n] for n in names)}"
                _tell(plan, found, number, names[0], row[names[0]], said + (", not in both" if given else ""))
        for names in sheet.at_least_one:
            if all(row[n] is None for n in names):
                said = f"expected a value in {' or '.join(title[n] for n in names)}"
                _tell(plan, found, number, names[-1], None, said)
        for names in sheet.together:
            if missing := [n for n in names if row[n] is None]:
                given = [n for n in names if row[n] is not None]
                if given:
                    said = f"expected a value, since {title[given[0]]} has one"
                    _tell(plan, found, number, missing[0], None, said)
        for start, end in sheet.ordered:
            if row[start] and row[end] and row[end] < row[start]:
                _tell(plan, found, number, end, row[end], f"expected a day not before {title[start]} ({row[start]})")
        for name in sheet.uniform:
            known = first.setdefault(name, (row[name], number))
            if row[name] != known[0]:
                said = f"expected {known[0]} as in row {known[1]}: {sheet.en} has one {title[name].lower()}"
                _tell(plan, found, number, name, row[name], said)
        for name in sheet.unique:
            for part in (row[name] or "").split(", "):
                other = taken.setdefault((name, part.casefold()), number) if part else number
                if other != number:
                    _tell(plan, found, number, name, part, f"row {other} has it too; expected it in one row only")
    for number, row in found.rows:
        if not row.get("_bad"):
            _of_the_sheet(found, number, row, plan)


def _of_the_sheet(found: _Found, number: int, row: Row, plan: Plan) -> None:
    """What is worth a word, and rules of one sheet alone."""
    for f in found.sheet.fields:
        if f.type == "percent" and row[f.name] and abs(row[f.name]) < 1:
            share, hundredfold = shown(row[f.name]), shown(row[f.name] * 100)
            said = f"{share} is read as {share} %, not as {hundredfold} %"
            plan.remarks.append(f"{found.where(number, f.name)}: {said}")
    if found.sheet.name == "goals":
        relative = row["target_change_pct"] is not None or row["condition_change_pct"] is not None
        if relative and row["baseline_start_date"] is None:
            _tell(plan, found, number, "baseline_start_date", None, "expected the period that the change is against")
        limits = [n for n in ("condition_value", "condition_change_pct") if row[n] is not None]
        if (row["condition_kpi"] is not None) != (len(limits) == 1):
            said = "expected one limit for the condition: a value or a change"
            _tell(plan, found, number, "condition_value", row["condition_value"], said)
        if row["level"] == "activity" and row["activity_id"] is None:
            _tell(
                plan, found, number, "activity_id", None, "expected the activity of a goal on the level of activities"
            )
    if found.sheet.name == "kpi_targets":
        months = {"month": 1, "quarter": 3, "year": 12}[row["grain"]]
        if (row["period_start"].month - 1) % months:
            said = f"expected the first month of a {row['grain']}"
            _tell(plan, found, number, "period_start", row["period_start"], said)
    if found.sheet.name == "other_costs" and row["vat_basis"] == "included" and row["vat_rate_pct"] is None:
        _tell(plan, found, number, "vat_rate_pct", None, "expected the VAT rate that the amount holds, such as 25")


def _references(found: _Found, others: Mapping[str, _Found], plan: Plan) -> None:
    """Ids of other sheets must stand there; a row with a mistake of its own counts as there."""
    for f in found.sheet.fields:
        if not f.ref or f.ref in _CATALOGUES or f.ref not in others:
            continue
        target = others[f.ref]
        key = target.sheet.key[0]
        ids = {row[key] for _, row in target.rows if row[key] is not None}
        for number, row in found.rows:
            value = row[f.name]
            if value is None or value in ids:
                continue
            near = _nearest(value, ids, plan)
            said = f"expected {expected_of(f)}" + (f"; the nearest is {near!r}" if near else "")
            _tell(plan, found, number, f.name, value, said)


def _goal_levels(found: _Found, plan: Plan) -> None:
    """A channel's or an activity's goal serves a goal of a higher level, so that each leads up to the business."""
    levels = {row["goal_id"]: row["level"] for _, row in found.rows if row["goal_id"] is not None}
    for number, row in found.rows:
        if row.get("_bad"):
            continue
        parent, wanted = row["parent_goal_id"], _HIGHER.get(row["level"], ())
        if parent is None and wanted:
            said = f"expected the goal it serves, of level {' or '.join(wanted)}"
            _tell(plan, found, number, "parent_goal_id", None, said)
        elif parent is not None and parent in levels and levels[parent] not in wanted:
            said = (
                f"expected a goal of level {' or '.join(wanted)}"
                if wanted
                else "expected nothing: a business goal is at the top"
            )
            _tell(plan, found, number, "parent_goal_id", parent, said)


def _mandates(found: _Found, others: Mapping[str, _Found], plan: Plan) -> None:
    """What a mandate speaks of must be there; a KPI may be written by any of its names, and is kept by its key."""
    kpi = BY_NAME["goals"].field("kpi")
    for number, row in found.rows:
        subject, value = row["subject"], row["subject_id"]
        if subject is None or value is None:
            continue
        if sheet := _SUBJECT_SHEETS.get(subject):
            if sheet not in others:
                continue  # the sheet is told already
            key = BY_NAME[sheet].key[0]
            known = {r[key]: r[key] for _, r in others[sheet].rows if r[key] is not None}
            want = f"an id of the sheet {BY_NAME[sheet].en}"
        elif subject == "metric":
            known = {n.casefold(): k for k, names in kpi.options().items() for n in (k, *names)}
            value, want = value.casefold(), expected_of(kpi)
        else:
            known, want = {d: d for d in datasets()}, "the name of a mart, such as fct_order"
        if value in known:
            row["subject_id"] = known[value]
            continue
        near = _nearest(value, known, plan)
        hint = f"; the nearest is {known[near]!r}" if near else ""
        _tell(plan, found, number, "subject_id", row["subject_id"], f"expected {want}{hint}")
