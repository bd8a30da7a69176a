"""What CRMs have in common as sources: changes since a cursor, a full pull now and then, rows that are gone, several tables a pull.

A CRM's own protocol lies in its source. Each kind of thing (contacts, deals, ...) is pulled by itself: what one brings goes into its
tables whole or not at all, a kind that fails keeps its last good data and its cursor, the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import setting
from ingestion.arrow import Wire, from_columns, from_rows
from ingestion.errors import SourceError
from ingestion.privacy import error_text
from ingestion.spec import Column, Freshness, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from dlt.extract import DltResource, DltSource


OVERLAP_HOURS = 6  # longer than a pull takes and than a vendor's search index lags
FULL_PULL_DAYS = 7  # how often all is pulled again: what was erased leaves no trace among the changes
MUCH = 20  # records that may go at once, however few there are
DELETED = Column("_deleted", "bool", "marks what is gone; never true in raw", hard_delete=True)
PULLS = Table(
    "pulls",
    (
        Column("object_type", "text", "what was pulled: contacts, deals, ..."),
        Column("as_of", "date", "the night of the last good pull"),
        Column("is_full", "bool", "whether all was pulled, not only changes"),
        Column("changed_since", "timestamp", "changes were asked for from here on; null: all"),
        Column("n_rows", "bigint", "records that came"),
        DELETED,
    ),
    row_key=("object_type",),
    merge_key=("object_type",),
    description="The last good pull of each kind of thing.",
)


@dataclass
class Batch:
    """What one pull of a kind brings, until it is whole. `since`: changes from here on; None: all there is."""

    kind: str
    since: datetime | None
    account_id: str
    as_of: date
    parts: dict[str, list[pa.Table]] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    n_good: dict[str, int] = field(default_factory=dict)  # rows that could be read, by table
    ids: set[str] = field(default_factory=set)  # of the records that were told, in whatever state
    newest: datetime | None = None  # the latest change that was told
    n_rows: int = 0
    progress: Callable[[str], None] = lambda message: None

    def add(
        self,
        table: Table,
        wire: Mapping[str, str | Wire],
        rows: Sequence[Mapping[str, Any]],
        *,
        required: Iterable[str],
        constants: Mapping[str, Any] | None = None,
        request: str = "",
    ) -> pa.Table:
        """Take a page into a table; gives the rows that could be read."""

        page = len(self.parts.get(table.name, ()))

        def reject(position: int, column: str, reason: str, row: Any) -> None:
            self.rejects.append(
                {
                    "as_of": self.as_of,
                    "table_name": table.name,
                    "account_id": self.account_id,
                    "request": f"{request or self.kind}, page {page}",
                    "position": position,
                    "column_name": column,
                    "reason": reason,
                    "row_text": json.dumps(row, ensure_ascii=False, default=str)[:2000],
                }
            )

        n_before = len(self.rejects)
        found = from_rows(table, wire, rows, constants=constants, required=required, reject=reject)
        self.n_good[table.name] = self.n_good.get(table.name, 0) + found.num_rows
        # one bad row among the changes of a quiet night is a bad row; a table that is replaced whole must not be emptied for it
        if rows and not self.n_good[table.name] and (len(rows) > 1 or self.since is None):
            raise SourceError("", f"no row could be read ({self.rejects[n_before]['reason']}); did the API change?")
        self.parts.setdefault(table.name, []).append(found)
        return found

    def records(self, found: pa.Table, key: str, changed: str) -> list[str]:
        """Note what records came, by the columns that hold their id and their last change; gives their ids."""
        import pyarrow.compute as pc

        ids: list[str] = found[key].to_pylist()
        self.ids.update(ids)
        self.n_rows += len(ids)
        newest = pc.max(found[changed]).as_py()
        if newest is not None:
            self.newest = max(newest, self.newest or newest)
        self.progress(f"{self.kind} {self.n_rows:,} records")
        return ids

    def drop(self, table: Table, **keys: Any) -> None:
        """Take out what raw holds of these keys, before what is added: each is one value or a list, all lists equally long."""
        import pyarrow as pa

        n = next((len(v) for v in keys.values() if isinstance(v, list)), 1)
        if n:
            columns = {
                k: pa.array(v, pa.string()) if isinstance(v, list) else v for k, v in {**keys, "_deleted": True}.items()
            }
            self.parts.setdefault(table.name, []).append(from_columns(table, columns, n))


# Fills a batch; raises SourceError.
Fetch = Callable[[Batch], None]


class Pulls:
    """Makes the dlt resources of one run of a CRM; see `pull` and `source`."""

    def __init__(self, spec: SourceSpec, context: LoadContext, account_id: str) -> None:
        if context.window:
            raise SourceError(
                spec.name,
                f"a CRM is pulled by changes, not by days; to pull all again: SOURCES__{spec.name.upper()}__FULL_PULL=true "
                f"python -m ingestion load {spec.name}",
            )
        self._spec, self._context, self._account = spec, context, account_id
        self._kinds: dict[str, tuple[Sequence[Table], Fetch]] = {}
        self._done: dict[str, Batch | None] = {}
        self._overlap = timedelta(hours=float(setting(spec.name, "overlap_hours", OVERLAP_HOURS)))
        self._full_days = int(setting(spec.name, "full_pull_days", FULL_PULL_DAYS))
        self._full = str(setting(spec.name, "full_pull", "false")).lower() == "true"
        self._accepts_loss = str(setting(spec.name, "accept_loss", "false")).lower() == "true"
        self._told: set[str] = set()
        context.notes.rows = {}
        context.notes.all_failed = True

    def pull(self, kind: str, tables: Sequence[Table], fetch: Fetch) -> None:
        """Pull a kind of thing into `tables`; several kinds may share a table."""
        self._kinds[kind] = (tables, fetch)

    def source(self) -> DltSource:
        """The dlt source of this run, without the tables the contract has turned down."""
        import dlt

        by_name = {t.name: t for tables, _ in self._kinds.values() for t in (*tables, PULLS)}
        wanted = [self._resource(t) for t in by_name.values() if t.name not in self._context.exclude_tables]
        return dlt.source(lambda: wanted, name=self._spec.name)()

    def known(self, table: Table, column: str) -> set[str]:
        """The ids that raw holds; empty before the first load."""
        import duckdb

        path = self._context.settings.raw_file(self._spec.name)
        with closing(duckdb.connect(str(path), read_only=True)) as con:
            return {r[0] for r in con.execute(f'select "{column}" from "{self._spec.name}"."{table.name}"').fetchall()}

    def known_pairs(self, table: Table, object_type: str) -> set[tuple[str, str]]:
        """The merges of a kind that raw holds: (merged, surviving)."""
        import duckdb

        path = self._context.settings.raw_file(self._spec.name)
        with closing(duckdb.connect(str(path), read_only=True)) as con:
            query = f'select merged_id, surviving_id from "{self._spec.name}"."{table.name}" where object_type = ?'
            return {(r[0], r[1]) for r in con.execute(query, [object_type]).fetchall()}

    def gone(self, batch: Batch, table: Table, column: str) -> list[str]:
        """What raw holds and a full pull did not tell; nothing after a pull of changes, or where a row could not be read.

        Raises SourceError when that is most of it: a token that lost a right looks like a company that deleted everything.
        """
        if batch.since is not None or batch.rejects:
            return []
        known = self.known(table, column)
        gone = sorted(known - batch.ids)
        if len(gone) > max(MUCH, len(known) / 2) and not self._accepts_loss:
            raise SourceError(
                self._spec.name,
                f"{len(gone):,} of {len(known):,} records are no longer told; raw keeps them. May the token still read everything? "
                f"If they are meant to be gone, load once with SOURCES__{self._spec.name.upper()}__ACCEPT_LOSS=true",
            )
        return gone

    def _resource(self, table: Table) -> DltResource:
        import dlt

        from ingestion.raw import columns_hint

        def rows() -> Iterator[Any]:
            import pyarrow as pa

            for kind, (tables, _) in self._kinds.items():
                if table in tables or table is PULLS:
                    batch = self._batch(kind)
                    if batch and (parts := batch.parts.get(table.name)):
                        yield pa.concat_tables(parts)
            # what is no longer wanted must not make the source look stale
            if table is PULLS and (unwanted := sorted(self.known(PULLS, "object_type") - set(self._kinds))):
                marks = {"object_type": pa.array(unwanted, pa.string()), "_deleted": True}
                yield from_columns(PULLS, marks, len(unwanted))

        return dlt.resource(
            rows,
            name=table.name,
            columns=columns_hint(table, merging=True),
            merge_key=table.merge_key,
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )

    def _batch(self, kind: str) -> Batch | None:
        """The kind's pull, made when first asked for; None when it failed, which is told."""
        if kind not in self._done:
            self._done[kind] = self._pulled(kind)
        return self._done[kind]

    def _pulled(self, kind: str) -> Batch | None:
        import dlt

        tables, fetch = self._kinds[kind]
        state: dict[str, str] = dlt.current.source_state().setdefault("pulled", {}).setdefault(kind, {})
        batch = Batch(kind, self._since(state), self._account, self._context.as_of, progress=self._context.progress)
        try:
            fetch(batch)
        except SourceError as e:
            self._failed(kind, e.detail)
            return None
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as e:
            text = f"the answer has another shape than expected ({type(e).__name__}: {error_text(str(e), 120)})"
            self._failed(kind, f"{text}; did the API change?")
            return None
        self._good(batch, state, tables)
        return batch

    def _since(self, state: Mapping[str, str]) -> datetime | None:
        full, newest = state.get("full"), state.get("newest")
        if self._full or not full or not newest:
            return None
        age = (self._context.as_of - date.fromisoformat(full)).days
        if not 0 <= age < self._full_days:
            return None
        return datetime.fromisoformat(newest) - self._overlap

    def _failed(self, kind: str, why: str) -> None:
        if why not in self._told:
            self._told.add(why)
            self._context.notes.problems.append(f"{kind}: {why}")

    def _good(self, batch: Batch, state: dict[str, str], tables: Sequence[Table]) -> None:
        notes = self._context.notes
        notes.all_failed = False
        assert notes.rows is not None
        for name, parts in batch.parts.items():
            notes.rows[name] = notes.rows.get(name, 0) + sum(_n_rows(p) for p in parts)
        if batch.rejects:
            notes.rejects += batch.rejects
            notes.rejected += len(batch.rejects)
            notes.problems.append(
                f"{batch.kind}: {len(batch.rejects)} rows could not be read, first: {batch.rejects[0]['reason']}"
                " (`python -m ingestion rejects` shows them)"
            )
        # the cursor stays where a row could not be read, or a table was turned down: the next night asks for them again
        if any(t.name in self._context.exclude_tables for t in tables):
            return
        if not batch.rejects:
            if batch.newest:
                state["newest"] = max(state.get("newest", ""), batch.newest.astimezone(UTC).isoformat())
            if batch.since is None:
                state["full"] = self._context.as_of.isoformat()
        pulled = {
            "object_type": batch.kind,
            "as_of": self._context.as_of,
            "is_full": batch.since is None,
            "changed_since": batch.since,
            "n_rows": batch.n_rows,
        }
        batch.parts[PULLS.name] = [from_columns(PULLS, pulled, 1)]


def _n_rows(part: pa.Table) -> int:
    """Rows that are no marks of what is gone."""
    import pyarrow.compute as pc

    marks = pc.sum(part["_deleted"]).as_py() if "_deleted" in part.column_names else None
    return int(part.num_rows - (marks or 0))


def freshness(con: duckdb.DuckDBPyConnection, as_of: date, spec: SourceSpec) -> Freshness:
    """A CRM reaches as far as its kinds were pulled, also when nobody changed anything since."""
    oldest = con.execute(f'select min(as_of), arg_min(object_type, as_of) from "{spec.name}".pulls').fetchall()[0]
    if oldest[0] is None:
        return Freshness(None)
    through = oldest[0] - timedelta(days=1)
    age = (as_of - through).days
    late = f"{oldest[1]} were last pulled on {oldest[0]}, {age - 1} days before {as_of}"
    return Freshness(through, {"crm_systems": through}, (late,) if spec.is_stale(age) else ())


def with_attributes(
    rows: Sequence[dict[str, Any]], names: Sequence[str], of: Callable[[Mapping[str, Any]], Any]
) -> None:
    """Give each row `extra_properties`: the values asked for by name in the settings, as one JSON object; null without any."""
    for row in rows if names else ():
        values = of(row) if isinstance(row, dict) else None
        found = {n: values[n] for n in names if values.get(n) not in (None, "")} if isinstance(values, dict) else {}
        row["extra_properties"] = json.dumps(found, ensure_ascii=False, sort_keys=True) if found else None


def chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    for first in range(0, len(values), size):
        yield list(values[first : first + size])
