"""What a plan changed since the version that raw holds: versions of rows, and each change by itself. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingestion.settings import Settings
from ingestion.sources.plan.checking import Plan, Row
from ingestion.sources.plan.fields import Sheet
from ingestion.sources.plan.sheets import CHANGES, SHEETS, SOURCE, VERSIONS, definition_hash


@dataclass(frozen=True)
class Held:
    """What raw holds: the number of the last version and its hashes (0 and "" for none), and the rows in force."""

    version: int
    sha256: str
    definition: str
    rows: Mapping[str, Mapping[str, Row]]  # by sheet and row id, with valid_from_version


@dataclass(frozen=True)
class Seen:
    """Where and when a plan was read."""

    file_name: str
    sha256: str
    as_of: date
    at: datetime


def held(settings: Settings, *, with_rows: bool) -> Held:
    """The plan in force, as raw knows it. The raw tables exist."""
    import duckdb

    con = duckdb.connect(str(settings.raw_file(SOURCE)), read_only=True)
    with closing(con):
        last = con.execute(
            f'select version, sha256, definition_hash from "{SOURCE}".{VERSIONS.name} order by version desc limit 1'
        ).fetchone() or (0, "", "")
        rows = {s.name: _in_force(con, s) for s in SHEETS} if with_rows else {}
    return Held(last[0], last[1], last[2], rows)


def _in_force(con: Any, sheet: Sheet) -> dict[str, Row]:
    names = [f.name for f in sheet.fields]
    columns = ", ".join(f'"{n}"' for n in names)
    found = con.execute(
        f'select row_id, valid_from_version, {columns} from "{SOURCE}"."{sheet.name}" where valid_to_version is null'
    ).fetchall()
    return {row[0]: {**dict(zip(names, row[2:], strict=True)), "valid_from_version": row[1]} for row in found}


def differences(before: Held, plan: Plan, seen: Seen) -> dict[str, list[Row]]:
    """Rows by raw table that bring raw from the version it holds to this plan.

    A row that changed comes twice: closed, under the key it has in raw, and as it is now.
    """
    version = before.version + 1
    first = before.version == 0
    tables: dict[str, list[Row]] = {}
    changes: list[Row] = []
    stamp = {"version": version, "seen_as_of": seen.as_of, "seen_at": seen.at}
    for sheet in SHEETS:
        old, new = before.rows.get(sheet.name, {}), plan.rows[sheet.name]
        names = [f.name for f in sheet.fields]
        moved: list[Row] = []
        for row_id in [*new, *(r for r in old if r not in new)]:
            was, is_ = old.get(row_id), new.get(row_id)
            changed = [n for n in names if was is None or is_ is None or was[n] != is_[n]]
            if not changed:
                continue
            if was is not None:
                moved.append({**was, "row_id": row_id, "valid_to_version": version})
            if is_ is not None:
                moved.append({**is_, "row_id": row_id, "valid_from_version": version, "valid_to_version": None})
            if not first:
                changes += [
                    {**stamp, "sheet": sheet.name, "row_id": row_id, **change} for change in _changes(was, is_, changed)
                ]
        if moved:
            tables[sheet.name] = moved
    if changes:
        tables[CHANGES.name] = changes
    tables[VERSIONS.name] = [
        {
            **stamp, "file_name": seen.file_name, "sha256": seen.sha256, "definition_hash": definition_hash(),
            "n_rows": plan.n_rows, "n_changes": len(changes),
        }
    ]  # fmt: skip
    return tables


def _changes(was: Row | None, is_: Row | None, changed: list[str]) -> list[Row]:
    """The changes of one row. A reason that stood there before speaks of an older change."""
    if was is None or is_ is None:
        kind = "added" if was is None else "removed"
        reason = is_["change_reason"] if is_ is not None else None
        return [{"change_type": kind, "field": "*", "old_value": None, "new_value": None, "reason": reason}]
    reason = is_["change_reason"] if "change_reason" in changed else None
    return [
        {
            "change_type": "changed", "field": name, "old_value": as_text(was[name]), "new_value": as_text(is_[name]),
            "reason": reason,
        }
        for name in changed
    ]  # fmt: skip


def as_text(value: Any) -> str | None:
    """A value as it is kept in plan_changes: 1500, 0.25, 2026-12-31, true."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
