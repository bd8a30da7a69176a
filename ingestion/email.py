"""What e-mail systems have in common as sources: contacts that change, move and vanish, and reports that are whole by campaign.

A system's own protocol lies in its source. Addresses lie in one raw table, that of the contacts, and in the changes of address: events
name people by the vendor's id, so that a contact whom the vendor has deleted leaves no address behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Reports
from ingestion.arrow import Reject, from_columns
from ingestion.errors import SourceError
from ingestion.spec import Column, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltResource

OVERLAP_DAYS = 2  # how far before the last good night changes of contacts are asked for again

DELETED = Column("_deleted", "bool", "takes out what it replaces; no row of raw has it", hard_delete=True)
ADDRESS_CHANGES = Table(
    "address_changes",
    (
        Column("account_id", "text", "the account"),
        Column("list_id", "text", "the list of the contact; null where contacts belong to the account"),
        Column("contact_id", "text", "the vendor's id of the contact, which stays", personal=True),
        Column("seen_date", "date", "the night that saw the new address"),
        Column("old_email", "text", "the address until then", personal=True),
        Column("new_email", "text", "the address from then on; null: none", personal=True),
        DELETED,
    ),
    row_key=("account_id", "list_id", "contact_id", "seen_date"),
    merge_key=("account_id", "contact_id"),
    description="Contacts whose e-mail address changed, found by comparing nights. Goes when the contact goes.",
)


@dataclass(frozen=True)
class Contacts:
    """How a system is asked for the contacts of a list or account.

    `changed(group, since, reject)` gives those changed on or after the day `since` (None: all) as tables of raw's columns;
    `count(group)` how many there are, None where the vendor does not say; `ids(group)` the ids of all.
    """

    table: Table
    group_column: str  # account_id or list_id: contacts are one set within it
    id_column: str
    email_column: str
    changed: Callable[[str, date | None, Reject], Iterable[pa.Table]]
    count: Callable[[str], int | None]
    ids: Callable[[str], set[str]]


@dataclass
class _Found:
    group: str
    rows: pa.Table  # new and changed contacts, and marks of those that are gone
    changes: pa.Table
    is_whole: bool  # every row could be read


class EmailReports(Reports):
    """Makes the dlt resources of one run of an e-mail source; see `contacts` and `parts`, and `daily` and `entities` of Reports."""

    def contacts(self, asked: Contacts, groups: Sequence[str]) -> list[DltResource]:
        """Contacts as they are, and changes of their addresses.

        Changed ones are pulled each night. Where then raw holds other contacts than the vendor counts (or the vendor does not
        count), the vendor's ids are compared: what is gone there goes here, and what slipped through is fetched.
        """
        import dlt

        lock = threading.Lock()
        found: list[_Found] | None = None

        def once() -> list[_Found]:
            nonlocal found
            with lock:  # two resources, one pull
                if found is None:
                    pulled = dlt.current.source_state().get("contacts", {})
                    one = [self._contacts_of(asked, group, pulled.get(group)) for group in groups]
                    found = [f for f in one if f]
            return found

        def rows() -> Iterator[Any]:
            for f in () if self._context.window else once():
                if f.is_whole:  # else the next night asks for the same days again
                    dlt.current.source_state().setdefault("contacts", {})[f.group] = self._context.as_of.isoformat()
                yield f.rows

        def changes() -> Iterator[Any]:
            for f in () if self._context.window else once():
                if f.changes.num_rows:
                    yield f.changes

        return [self._resource(asked.table, rows), self._resource(ADDRESS_CHANGES, changes)]

    def _contacts_of(self, asked: Contacts, group: str, pulled: str | None) -> _Found | None:
        """A list's contacts for tonight; None when they could not be pulled, which is told."""
        import pyarrow as pa

        table, context = asked.table, self._context
        n_rejects = context.notes.rejected
        held = self._held(asked, group)
        since = min(date.fromisoformat(pulled), context.as_of) - timedelta(days=OVERLAP_DAYS) if pulled else None
        tables = self._guarded(table, group, "contacts", lambda r: asked.changed(group, since, r))
        if tables is None:
            return None
        new = _newest(self._concat(table, tables), asked.id_column)
        try:
            gone: set[str] = set()
            if since is None:
                gone = set(held) - set(new[asked.id_column].to_pylist())
            else:
                known = {*held, *new[asked.id_column].to_pylist()}
                if asked.count(group) != len(known):
                    told = asked.ids(group)
                    gone = set(held) - told
                    if told - known:
                        tables = self._guarded(table, group, "all contacts", lambda r: asked.changed(group, None, r))
                        if tables is None:
                            return None
                        new = _newest(self._concat(table, tables), asked.id_column)
        except SourceError as e:
            self.failed(f"{table.name} of {group}", e)
            return None
        is_whole = context.notes.rejected == n_rejects
        if not is_whole and since is None:
            gone = set()  # a contact that could not be read must not look gone
        changes = self._changes(asked, group, held, new, gone)
        same = {"account_id": self._account_of(new, asked, group), asked.group_column: group}
        marks = from_columns(
            table, {**same, asked.id_column: pa.array(sorted(gone), pa.string()), "_deleted": True}, len(gone)
        )
        return _Found(group, pa.concat_tables([marks, new]), changes, is_whole)

    def _account_of(self, new: pa.Table, asked: Contacts, group: str) -> str:
        return group if asked.group_column == "account_id" else self.account_id

    account_id = ""  # of sources whose contacts are grouped by list

    def _held(self, asked: Contacts, group: str) -> dict[str, str]:
        """The contacts that raw holds of a group: id -> address."""
        sql = f"select {asked.id_column}, {asked.email_column} from {self._raw(asked.table)} where {asked.group_column} = ?"
        return dict(self._from_raw(sql, [group]))

    def _raw(self, table: Table) -> str:
        return f'"{self._spec.name}"."{table.name}"'

    def _from_raw(self, sql: str, values: Sequence[Any]) -> list[Any]:
        import duckdb

        path = self._context.settings.raw_file(self._spec.name)
        with closing(duckdb.connect(str(path), read_only=True)) as con:
            return con.execute(sql, values).fetchall()

    def _changes(self, asked: Contacts, group: str, held: Mapping[str, str], new: pa.Table, gone: set[str]) -> pa.Table:
        """Rows of ADDRESS_CHANGES: a contact's changes are replaced whole, so those of before come along."""
        now = dict(zip(new[asked.id_column].to_pylist(), new[asked.email_column].to_pylist(), strict=True))
        moved = {c: e for c, e in now.items() if c in held and held[c] and (e or "").lower() != held[c].lower()}
        if not moved and not gone:
            return from_columns(ADDRESS_CHANGES, {}, 0)
        account = self._account_of(new, asked, group)
        list_id = None if asked.group_column == "account_id" else group
        names = [c.name for c in ADDRESS_CHANGES.columns]
        before = self._from_raw(
            f"select {', '.join(names[:-1])} from {self._raw(ADDRESS_CHANGES)} where account_id = ? order by seen_date",
            [account],
        )
        rows = [{"account_id": account, "contact_id": c, "_deleted": True} for c in sorted(gone)]
        for contact, email in sorted(moved.items()):
            mine = [dict(zip(names, row, strict=False)) for row in before if row[2] == contact]
            rows += [m for m in mine if m["seen_date"] != self._context.as_of]
            rows.append(
                {
                    "account_id": account,
                    "list_id": list_id,
                    "contact_id": contact,
                    "seen_date": self._context.as_of,
                    "old_email": held[contact],
                    "new_email": email,
                }
            )
        columns = {n: [r.get(n) for r in rows] for n in names}
        return _table(ADDRESS_CHANGES, columns)

    def parts(
        self,
        table: Table,
        account: str,
        part_column: str,
        marks: Callable[[], Mapping[str, str]],
        fetch: Callable[[str, Reject], Iterable[pa.Table]],
    ) -> DltResource:
        """A report in parts (by campaign), each whole: a part is pulled again when its mark changes, and replaced.

        `marks()` gives every part the vendor has, with what tells that it changed (counters); a part that is gone is emptied.
        """
        import dlt

        def emptied(part: str) -> pa.Table:
            return from_columns(table, {"account_id": account, part_column: part, "_deleted": True}, 1)

        def rows() -> Iterator[Any]:
            if self._context.window:
                return
            pulled: dict[str, str] = dlt.current.resource_state().setdefault("pulled", {})
            try:
                wanted = marks()
            except SourceError as e:
                self.failed(table.name, e)
                return
            for part in sorted(set(pulled) - set(wanted)):
                pulled.pop(part)
                yield emptied(part)
            for part, mark in wanted.items():
                if pulled.get(part) == mark:
                    continue

                @dlt.defer
                def one(part: str = part, mark: str = mark) -> Any:
                    unread: list[int] = []

                    def fetched(reject: Reject) -> Iterator[pa.Table]:
                        def noted(position: int, column: str, reason: str, row: Any) -> None:
                            unread.append(position)
                            reject(position, column, reason, row)

                        yield from fetch(part, noted)

                    found = self._guarded(table, account, f"{part_column} {part}", fetched)
                    if found is None:
                        return None
                    with self._lock:
                        if unread:  # the next night asks again
                            pulled.pop(part, None)
                        else:
                            pulled[part] = mark
                    return self._concat(table, [emptied(part), *found])

                yield one()

        return self._resource(table, rows)


def _newest(rows: pa.Table, id_column: str) -> pa.Table:
    """Each id once, as it came last: a contact that changes while pages are read may come twice."""
    import pyarrow as pa

    last = {contact: n for n, contact in enumerate(rows[id_column].to_pylist())}
    return rows if len(last) == rows.num_rows else rows.take(pa.array(sorted(last.values())))


def _table(table: Table, columns: Mapping[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    from ingestion.arrow import arrow_schema

    return pa.table([pa.array(columns[f.name], f.type) for f in arrow_schema(table)], schema=arrow_schema(table))
