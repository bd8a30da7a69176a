"""One night of the drop folder: which files are new, and what becomes of each. Ends in Parquet files for dlt."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.errors import root_message
from ingestion.sources.files.catalogue import Catalogue, Dataset
from ingestion.sources.files.entities import BY_NAME, FILES_TABLE, REJECTS_TABLE
from ingestion.sources.files.problems import FileProblem
from ingestion.sources.files.state import FileState, file_key, known_files
from ingestion.spec import LoadContext

if TYPE_CHECKING:
    from ingestion.sources.files.locations import FoundFile

_READER_VERSION = "1"  # raise it when the same file would be read to other rows: all files are loaded anew
_REFUSED_REJECTS = 1000  # how many bad rows of a refused file are kept


@dataclass
class Changes:
    """What one night brings: Parquet files by raw table, and the tables in which something is replaced."""

    parquet: dict[str, list[Path]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    replacing: set[str] = field(default_factory=set)
    states: list[FileState] = field(default_factory=list)

    def add(self, table: str, path: Path, rows: int) -> None:
        self.parquet.setdefault(table, []).append(path)
        self.counts[table] = self.counts.get(table, 0) + rows


class Night:
    """One pass over the catalogue. Everything that goes wrong with one file stays with that file."""

    def __init__(self, context: LoadContext, catalogue: Catalogue, scratch: Path) -> None:
        import duckdb

        self.context = context
        self.catalogue = catalogue
        self.scratch = scratch
        self.changes = Changes()
        self.counts: dict[str, int] = {}  # rows by entity, for the report
        context.notes.rows = self.counts
        self.known = known_files(context.settings)
        self.seen = set(self.known)
        self.here: set[int] = set()
        self.in_raw = {key for key, state in self.known.items() if state.n_loaded or state.n_rejected}
        self.outputs: dict[str, list[str]] = {}
        self.con = duckdb.connect(str(scratch / "scratch.duckdb"), config={"temp_directory": str(scratch / "spill")})

    def run(self) -> Changes:
        with closing(self.con):
            for name, dataset in self.catalogue.datasets.items():
                if dataset.entity not in self.context.exclude_tables:
                    self._dataset(name, dataset)
            self._write_outputs()
        for name in sorted({s.dataset for s in self.known.values() if s.n_loaded} - set(self.catalogue.datasets)):
            self.context.notes.remarks.append(
                f"{name} is no longer in the catalogue, and its rows stay; to take them out, list it again with "
                "`mirror: true` and a folder without files"
            )
        self.context.notes.all_failed = bool(self.context.notes.problems) and not any(
            s.status == "loaded" or s.n_loaded for s in self.known.values()
        )
        return self.changes

    def _dataset(self, name: str, dataset: Dataset) -> None:
        from ingestion.sources.files.locations import find

        settings = self.context.settings
        try:
            found = find(dataset.location, settings.files_catalogue.parent)
        except Exception as e:  # noqa: BLE001 - a bucket's client has errors of its own
            self._problem(name, dataset.location, e)
            return
        if not found and not any(s.dataset == name for s in self.known.values()):
            self._problem(name, dataset.location, FileProblem("no file there yet"))
        definition = dataset.definition_hash(settings.reporting_time_zone) + _READER_VERSION
        here = {file_key(name, f.path): f for f in found}
        self.here |= set(here)
        if dataset.mirror:
            for state in [s for s in self.known.values() if s.dataset == name and s.key not in here]:
                if state.status != "gone":
                    self._take_out(state, "the file disappeared, and the dataset mirrors its folder")
        for key, file in here.items():
            known = self.known.get(key)
            if known and known.holds(file, definition):
                continue
            try:
                self._file(name, dataset, key, file, definition)
            except FileProblem as problem:
                self._refuse(name, dataset, key, file, str(problem))
            except Exception as e:  # noqa: BLE001 - one file's trouble is its own; the others go on
                self._refuse(name, dataset, key, file, root_message(e))

    def _file(self, name: str, dataset: Dataset, key: int, file: FoundFile, definition: str) -> None:
        from ingestion.sources.files import conversion, locations, reading

        self.context.progress(f"reading {file.path}")
        path = locations.fetch(file, self.scratch / "fetched")
        digest = reading.content_hash(path)
        known = self.known.get(key)
        state = FileState(
            key, name, dataset.entity, file.path, digest, file.size, file.modified_at, definition,
            loaded_as_of=self.context.as_of,
        )  # fmt: skip
        if known and known.status == "loaded" and (known.content_hash, known.definition_hash) == (digest, definition):
            known.modified_at, known.size_bytes = file.modified_at, file.size  # touched, not changed
            self._remember(known)
            return
        if not dataset.allow_copies and (original := self._copy_of(state)):
            if original.key not in self.here:
                self._take_out(original, f"renamed to {file.path}")  # it is not there any more: the rows move on
            else:
                raise FileProblem(
                    f"the same content as {original.path}, which is loaded; "
                    "delete one of them, or set `allow_copies: true`"
                )
        zone = dataset.zone(self.context.settings.reporting_time_zone).key
        self.con.execute(f"set timezone = {conversion.quoted(zone)}")
        cells = reading.read_cells(self.con, path, file.path, dataset, self.scratch)
        cells, state.n_null_skipped = conversion.unpivot(self.con, cells, dataset)
        origin = conversion.Origin(name, key, file.modified_at.isoformat())
        table = f"rows_{key}"
        conversion.convert(self.con, cells, dataset, origin, table)
        newest = self._newest(dataset)
        n_read, n_bad, state.max_date = self._one(f"select count(*), count(_bad), {newest} from {table}")
        state.n_rejected = n_bad + len(cells.broken)
        state.n_rows = n_read + len(cells.broken)
        state.n_loaded = n_read - n_bad
        self._write_rejects(state, table, cells.broken, n_bad)
        share = state.n_rejected / state.n_rows if state.n_rows else 0.0
        if share > dataset.max_reject_share:
            self.con.execute(f"drop view {table}; drop table {table}_kept")
            example = self._first_reject(state)
            raise FileProblem(
                f"{state.n_rejected} of {state.n_rows} rows cannot be read ({share:.1%}; max_reject_share is "
                f"{dataset.max_reject_share:.0%}); first: {example}"
            )
        self.outputs.setdefault(dataset.entity, []).append(table)
        if key in self.in_raw:
            self.changes.replacing.add(dataset.entity)
        if not state.n_loaded and key in self.in_raw:
            self._tombstone(dataset.entity, key)
        self.context.notes.rejected += state.n_rejected
        self.counts[dataset.entity] = self.counts.get(dataset.entity, 0) + state.n_loaded
        self._remember(state)

    def _newest(self, dataset: Dataset) -> str:
        """SQL of the newest day that good rows speak of. A date from the future is a mistake, and must not make the
        dataset look fresh for years. Moments are compared as moments: a day for each row would cost a calendar each.
        """
        types = {c.name: c.type for c in dataset.canonical.columns}
        names = [c for c in dataset.canonical.newest if c in dataset.columns]
        if not names:
            return "null"
        kind = "date" if all(types[c] == "date" for c in names) else "timestamptz"
        moment = f"coalesce({', '.join(f'{c}::{kind}' for c in names)})"
        end = f"(date '{self.context.as_of}' + 2)::{kind}"  # a day of grace for zones ahead of ours
        return f"(max({moment}) filter (_bad is null and {moment} < {end}))::date"

    def _copy_of(self, state: FileState) -> FileState | None:
        for other in self.known.values():
            same = other.dataset == state.dataset and other.content_hash == state.content_hash
            if same and other.key != state.key and other.status in ("loaded", "refused") and other.n_rows:
                return other
        return None

    def _refuse(self, name: str, dataset: Dataset, key: int, file: FoundFile, message: str) -> None:
        """Keep what was loaded before, and say why the new content was not taken."""
        before = self.known.get(key) or FileState(key, name, dataset.entity, file.path)
        if (before.status, before.message) != ("refused", message):
            before.status, before.message = "refused", message
            self._remember(before)
        self.context.notes.problems.append(f"{name}: {file.path}: {message}")

    def _problem(self, name: str, location: str, error: Exception) -> None:
        said = str(error) if isinstance(error, FileProblem) else root_message(error)
        self.context.notes.problems.append(f"{name}: {location}: {said}")

    def _take_out(self, state: FileState, why: str) -> None:
        """A file's rows and rejects go."""
        self._tombstone(state.entity, state.key)
        self._tombstone(REJECTS_TABLE.name, state.key)
        state.status, state.message = "gone", why
        state.n_rows = state.n_loaded = state.n_rejected = state.n_null_skipped = 0
        state.max_date = None
        self._remember(state)

    def _tombstone(self, table: str, key: int) -> None:
        self.changes.replacing.add(table)
        path = self.scratch / f"gone-{table}-{key}.parquet"
        self.con.execute(f"copy (select {key}::bigint as _file_key, true as _deleted) to '{path}' (format parquet)")
        self.changes.add(table, path, 0)

    def _write_rejects(self, state: FileState, table: str, broken: list[Any], n_bad: int) -> None:
        from ingestion.sources.files.conversion import quoted

        share_is_too_high = (
            state.n_rows and state.n_rejected / state.n_rows > self.catalogue.datasets[state.dataset].max_reject_share
        )
        if not (n_bad or broken):
            if state.key in self.seen:
                self._tombstone(REJECTS_TABLE.name, state.key)
            return
        if state.key in self.seen:
            self.changes.replacing.add(REJECTS_TABLE.name)
        path = self.scratch / f"rejects-{state.key}.parquet"
        self.con.execute("create or replace temp table broken_rows (line bigint, reason varchar)")
        if broken:
            self.con.executemany("insert into broken_rows values (?, ?)", [[b.line, b.reason] for b in broken])
        limit = f"limit {_REFUSED_REJECTS}" if share_is_too_high else ""
        self.con.execute(
            f"""copy (
                select {state.key}::bigint as _file_key, *, {quoted(state.dataset)} as dataset, {quoted(state.entity)} as entity,
                    {quoted(state.path)} as path, {bool(share_is_too_high)} as is_refused_file
                from (
                    select _row, _line as line, _bad.column as "column", _bad.value as value, _bad.reason as reason
                    from {table} where _bad is not null
                    union all
                    select -line, line, null, null, reason from broken_rows
                ) order by line, _row {limit}
            ) to '{path}' (format parquet)"""
        )
        self.changes.add(REJECTS_TABLE.name, path, state.n_rejected)

    def _first_reject(self, state: FileState) -> str:
        path = self.scratch / f"rejects-{state.key}.parquet"
        line, column, value, reason = self._one(
            f"""select line, "column", value, reason from read_parquet('{path}') order by line, _row limit 1"""
        )
        where = f", column {column!r}" if column else ""
        what = f", value {value!r}" if value is not None else ""
        return f"line {line}{where}{what}: {reason}"

    def _remember(self, state: FileState) -> None:
        self.known[state.key] = state
        if not any(s.key == state.key for s in self.changes.states):
            self.changes.states.append(state)

    def _write_outputs(self) -> None:
        """One Parquet file an entity: a load job has a price, so many small files become one."""
        from ingestion.sources.files import conversion

        for entity, tables in self.outputs.items():
            rows = " union all by name ".join(f"select * exclude (_bad) from {t} where _bad is null" for t in tables)
            have = {r[0] for r in self.con.execute(f"describe {rows}").fetchall()}
            # all columns, in the table's order: then dlt takes the file as it is instead of writing it again
            picked = ", ".join(
                f"{conversion.ident(c.name) if c.name in have else 'null'}::{_parquet_type(c.duckdb_type())} as {conversion.ident(c.name)}"
                for c in BY_NAME[entity].table().columns
            )
            path = self.scratch / f"{entity}.parquet"
            done = self.con.execute(
                f"copy (select {picked} from ({rows})) to '{path}' (format parquet, compression snappy)"
            )
            written = done.fetchone()
            self.changes.add(entity, path, int(written[0]) if written else 0)
        if self.changes.states:
            self._write_states()

    def _write_states(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            "text": pa.string(),
            "bigint": pa.int64(),
            "timestamp": pa.timestamp("us", "UTC"),
            "date": pa.date32(),
        }
        schema = pa.schema([(c.name, types[c.type]) for c in FILES_TABLE.columns])
        path = self.scratch / "_files.parquet"
        pq.write_table(pa.Table.from_pylist([asdict(s) for s in self.changes.states], schema), path)
        self.changes.replacing.add(FILES_TABLE.name)
        self.changes.add(FILES_TABLE.name, path, len(self.changes.states))

    def _one(self, query: str) -> Any:
        return self.con.execute(query).fetchone()


def _parquet_type(duckdb_type: str) -> str:
    return "VARCHAR" if duckdb_type == "JSON" else duckdb_type
