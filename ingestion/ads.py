"""What ad platforms have in common as sources: accounts, windows that are pulled again, resources that replace by account and day.

A platform's own protocol lies in its source. A report is pulled account by account in dlt's thread pool; an account that
fails keeps its last good data and is told, the others go on.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.arrow import Reject, from_columns
from ingestion.errors import SourceError
from ingestion.privacy import error_text
from ingestion.spec import REJECTS, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltResource, DltSource

INITIAL_DAYS = (
    400  # how far the first pull goes back unless start_date says otherwise: a year, and its month a year before
)


@dataclass(frozen=True)
class Pull:
    """One request's worth: an account's days, both ends included."""

    account_id: str
    start: date
    end: date

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1)]


# (what to pull, where unreadable rows go) -> Arrow tables of the raw table's columns
Fetch = Callable[[Pull, Reject], Iterable["pa.Table"]]
# (account, where unreadable rows go) -> the same, for things instead of days
FetchEntities = Callable[[str, Reject], Iterable["pa.Table"]]


def setting(spec_name: str, key: str, default: object = None) -> Any:
    """A source's setting from dlt's providers: SOURCES__<SOURCE>__<KEY>, or .dlt/config.toml."""
    import dlt

    found: Any = dlt.config.get(f"sources.{spec_name}.{key}")
    return default if found in (None, "") else found


def setting_list(spec_name: str, key: str) -> list[str]:
    """A setting with several values: a list, or one text with commas."""
    found: Any = setting(spec_name, key, [])
    values = found if isinstance(found, list) else str(found).split(",")
    return [str(v).strip() for v in values if str(v).strip()]


def secret(spec_name: str, key: str, default: str = "") -> str:
    """A source's secret from dlt's providers, "" when it is not set."""
    import dlt

    return str(dlt.secrets.get(f"sources.{spec_name}.{key}") or default)


class Reports:
    """Makes the dlt resources of one run of one ad source; see `daily`, `entities` and `source`."""

    def __init__(
        self, spec: SourceSpec, context: LoadContext, *, weekly_days: int = 0, first_available: date | None = None
    ) -> None:
        """`weekly_days`: how far Sunday's pull goes back, where late conversions reach further than the nightly window.
        `first_available`: the oldest day the vendor still tells.
        """
        self._spec, self._context = spec, context
        self._lock = threading.Lock()
        self._told: set[str] = set()
        context.notes.rows = {}
        context.notes.all_failed = True
        last_day = context.as_of - timedelta(days=1)  # the night's own day is not over
        self._last_day = last_day
        self._nightly = self._back = int(setting(spec.name, "restatement_days", spec.restatement_days))
        if context.as_of.isoweekday() == 7:
            self._back = max(self._back, int(setting(spec.name, "weekly_restatement_days", weekly_days)))
        start = setting(spec.name, "start_date")
        self._first = date.fromisoformat(str(start)) if start else context.as_of - timedelta(days=INITIAL_DAYS)
        if first_available:
            self._first = max(self._first, first_available)

    def window(self, pulled: str | None, restated_days: int | None = None) -> tuple[date, date]:
        """The days to pull for an account whose last good pull was the night `pulled` (ISO; None: never).

        After nights that were missed it reaches back as if each had been pulled, so no late conversion slips through.
        """
        if self._context.window:
            first, last = self._context.window
            return first, min(last, self._last_day)
        if pulled is None:
            return self._first, self._last_day
        seen = min(date.fromisoformat(pulled), self._context.as_of)
        back = self._back if restated_days is None else restated_days
        return max(self._first, seen - timedelta(days=back)), self._last_day

    def daily(
        self,
        table: Table,
        accounts: Sequence[str],
        fetch: Fetch,
        *,
        max_days: int = 31,
        first_available: date | None = None,
        restated_days: int | None = None,
        due: Callable[[Pull], bool] = lambda pull: True,
    ) -> DltResource:
        """A report by day: each account's window is replaced whole, days that came back empty are emptied.

        `fetch` gets at most `max_days` days at a time; a slice that fails midway leaves its days as they were.
        Days before `first_available` are not pulled: the vendor has forgotten them, and raw keeps what it has.
        `restated_days` for a report that goes back another way than the source; 0: only days not pulled yet.
        `due` says whether a slice holds anything to ask for; one that does not is neither asked for nor emptied.
        """
        import dlt

        def rows() -> Iterator[Any]:
            pulled: dict[str, str] = dlt.current.resource_state().setdefault("pulled", {})
            for account in accounts:
                start, end = self.window(pulled.get(account), restated_days)
                start = max(start, first_available or start)
                if start > end:
                    continue
                slices = [
                    pull
                    for first in _steps(start, end, max_days)
                    if due(pull := Pull(account, first, min(first + timedelta(days=max_days - 1), end)))
                ]
                missing = {pull.start for pull in slices}
                for pull in slices:

                    @dlt.defer
                    def one(pull: Pull = pull, missing: set[date] = missing, start: date = start) -> Any:
                        found = self._guarded(
                            table, pull.account_id, f"{pull.start} to {pull.end}", lambda r: fetch(pull, r)
                        )
                        if found is None:
                            return None
                        with self._lock:
                            missing.discard(pull.start)
                            if not self._context.window:
                                back = self._nightly if restated_days is None else restated_days
                                self._advance(pulled, pull.account_id, start, min(missing, default=None), back)
                        return self._concat(table, [self._emptied(table, pull), *found])

                    yield one()

        return self._resource(table, rows)

    def _advance(self, pulled: dict[str, str], account: str, start: date, missing: date | None, back: int) -> None:
        """Mark how far an account is pulled: to tonight, or, when days are missing, so that the next night begins with the first.

        A long first pull that was cut off by a quota or an outage thus goes on where it stopped.
        """
        tonight = self._context.as_of
        if missing is None:
            pulled[account] = tonight.isoformat()
        elif missing > start:
            mark = min(tonight, missing + timedelta(days=back))  # window() goes back as many days from it
            pulled[account] = max(pulled.get(account, ""), mark.isoformat())

    def entities(self, table: Table, accounts: Sequence[str], fetch: FetchEntities) -> DltResource:
        """Things as they are tonight: kept as versions where the table has history, else replaced account by account."""
        import dlt

        def rows() -> Iterator[Any]:
            for account in () if self._context.window else accounts:

                @dlt.defer
                def one(account: str = account) -> Any:
                    # a row that cannot be read must not look deleted: versions are compared when all can
                    found = self._guarded(table, account, "", lambda r: fetch(account, r), whole=table.history)
                    if found is None:
                        return None
                    if table.history:  # as dicts: dlt hashes these, which tells changes
                        return self._concat(table, found).to_pylist() or None
                    mark = from_columns(table, {"account_id": account, "_deleted": True}, 1)
                    return self._concat(table, [mark, *found])

                yield one()

        return self._resource(table, rows)

    def source(self, resources: Iterable[DltResource]) -> DltSource:
        """The dlt source of this run, without the tables the contract has turned down."""
        import dlt

        wanted = [r for r in resources if r.name not in self._context.exclude_tables]
        return dlt.source(lambda: wanted, name=self._spec.name)()

    def failed(self, what: str, error: SourceError) -> None:
        """Tell of trouble that stops a part only; the same words are told once."""
        with self._lock:
            if error.detail not in self._told:
                self._told.add(error.detail)
                self._context.notes.problems.append(f"{what}: {error.detail}")

    def _guarded(
        self,
        table: Table,
        account: str,
        request: str,
        fetch: Callable[[Reject], Iterable[pa.Table]],
        whole: bool = False,
    ) -> list[pa.Table] | None:
        """What was fetched; None when it failed, which is told. `whole`: one row that cannot be read fails it too."""
        rejects: list[dict[str, Any]] = []

        def reject(position: int, column: str, reason: str, row: Any) -> None:
            text = json.dumps(row, ensure_ascii=False, default=str)[:2000]
            rejects.append(
                {
                    "as_of": self._context.as_of,
                    "table_name": table.name,
                    "account_id": account,
                    "request": request,
                    "position": position,
                    "column_name": column,
                    "reason": reason,
                    "row_text": text,
                }
            )

        found: list[pa.Table] = []
        n_rows = 0
        try:
            for page in fetch(reject):
                found.append(page)
                n_rows += page.num_rows
                self._context.progress(f"{table.name} {account} {request} {n_rows:,} rows")
            if rejects and n_rows == 0:  # not bad rows but another format: what raw holds must not be emptied for it
                raise SourceError(
                    self._spec.name, f"no row could be read ({rejects[0]['reason']}); did the API change?"
                )
        except SourceError as e:
            self.failed(f"account {account}, {table.name}", e)
            return None
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as e:
            text = f"the answer has another shape than expected ({type(e).__name__}: {error_text(str(e), 120)})"
            self.failed(
                f"account {account}, {table.name}", SourceError(self._spec.name, f"{text}; did the API change?")
            )
            return None
        with self._lock:
            notes = self._context.notes
            notes.all_failed = False
            assert notes.rows is not None
            notes.rows[table.name] = notes.rows.get(table.name, 0) + n_rows
            if rejects:
                notes.rejects += rejects
                notes.rejected += len(rejects)
                notes.problems.append(
                    f"{table.name}, account {account}: {len(rejects)} rows could not be read, first: {rejects[0]['reason']}"
                    " (`python -m ingestion rejects` shows them)"
                )
        return None if whole and rejects else found

    def _emptied(self, table: Table, pull: Pull) -> pa.Table:
        """Marks that take out what raw holds of the account's days: a day may come back empty."""
        import pyarrow as pa

        days = pa.array(pull.days, pa.date32())
        return from_columns(
            table, {"account_id": pull.account_id, table.date_column: days, "_deleted": True}, len(days)
        )

    def _concat(self, table: Table, parts: Sequence[pa.Table]) -> pa.Table:
        import pyarrow as pa

        return pa.concat_tables(parts) if parts else from_columns(table, {}, 0)

    def _resource(self, table: Table, rows: Callable[[], Iterator[Any]]) -> DltResource:
        import dlt

        from ingestion.raw import columns_hint

        strategy: Any = {"disposition": "merge", "strategy": "delete-insert"}
        if table.history:
            strategy = {
                "disposition": "merge",
                "strategy": "scd2",
                "validity_column_names": ["_dlt_valid_from", "_dlt_valid_to"],
                "boundary_timestamp": self._context.as_of.isoformat(),
            }
        return dlt.resource(
            rows,
            name=table.name,
            columns=columns_hint(table, merging=True),
            merge_key=table.merge_key,
            write_disposition=strategy,
        )


def rejects_source(spec: SourceSpec, rejects: list[dict[str, Any]]) -> DltSource:
    """The night's unreadable rows, as a package of their own: they are known only when all else was pulled."""
    import dlt

    from ingestion.raw import columns_hint

    resource = dlt.resource(
        rejects,
        name=REJECTS.name,
        columns=columns_hint(REJECTS, merging=True),
        merge_key=REJECTS.merge_key,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
    )
    return dlt.source(lambda: [resource], name=spec.name)()


def _steps(start: date, end: date, days: int) -> Iterator[date]:
    while start <= end:
        yield start
        start += timedelta(days=days)
