"""Spec + destination -> dlt pipeline: tables and migrations, extract, normalise, contract, load, report.

One source failing never raises here: it is recorded, and raw keeps its last good data.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from ingestion import kept_files, ops
from ingestion.errors import root_message
from ingestion.registry import all_specs, get_spec
from ingestion.settings import Settings
from ingestion.spec import Configuration, Freshness, LoadContext, LoadNotes, SourceSpec, Table

if TYPE_CHECKING:
    import dlt
    from dlt.common.schema.typing import TSchemaContractDict
    from dlt.extract import DltSource


class Outcome(Protocol):
    """What a contract check says; quality.run.CheckResult is one."""

    @property
    def table(self) -> str: ...
    @property
    def check(self) -> str: ...
    @property
    def status(self) -> str: ...  # passed, failed or error
    @property
    def severity(self) -> str: ...  # critical or warning
    @property
    def observed(self) -> str: ...


# (source, parquet files of the load package by table) -> outcomes; called between normalise and load
Contract = Callable[[SourceSpec, Mapping[str, Sequence[Path]]], Sequence[Outcome]]
Progress = Callable[[str, str], None]  # (source, message)

_contract_guard = threading.Lock()  # sources load side by side; their contracts run one at a time
_DLT_COLUMNS = {
    # dlt fills these for dict rows and leaves them out of Arrow: declared nullable, both go into one table
    name: {"name": name, "data_type": "text", "nullable": True}
    for name in ("_dlt_load_id", "_dlt_id")
}
FROZEN: TSchemaContractDict = {"tables": "evolve", "columns": "freeze", "data_type": "freeze"}


@dataclass(frozen=True)
class LoadReport:
    """What became of one source tonight. `status`: loaded, unchanged, partial, failed or not configured."""

    source: str
    status: str
    message: str
    rows: Mapping[str, int] = field(default_factory=dict)  # by raw table
    rejected: int = 0
    seconds: float = 0.0
    last_good_as_of: date | None = None
    data_through_date: date | None = None
    delivered: Mapping[str, date] | None = None  # newest day by what the source provides; None: as before
    expected_lag_days: int | None = 1
    stale_after_days: int | None = 3
    is_stale: bool = False
    checks: tuple[Outcome, ...] = ()

    @property
    def is_red(self) -> bool:
        return self.status in ("failed", "partial")


def columns_hint(table: Table, *, merging: bool = False) -> dict[str, Any]:
    """The table's columns as dlt's schema wants them, dlt's own two included; markers count only when merging."""
    hints = {c.name: c.dlt_hint() for c in table.columns} | _DLT_COLUMNS
    for column in table.columns:
        if column.hard_delete:
            hints[column.name]["hard_delete"] = merging
    return hints


def open_pipeline(spec: SourceSpec, settings: Settings) -> dlt.Pipeline:
    """The source's pipeline into its own raw file. Absolute paths: dlt's default folder depends on the user."""
    import dlt
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

    settings.raw_dir.mkdir(parents=True, exist_ok=True)
    # rows of raw have no order: keeping that of the files takes twice the time, four times the memory and more disk
    config = {"preserve_insertion_order": False, "memory_limit": settings.memory_limit}
    credentials = DuckDbCredentials(str(settings.raw_file(spec.name)), global_config=config)
    return dlt.pipeline(
        spec.name,
        destination=_destination(spec, credentials),
        dataset_name=spec.name,
        pipelines_dir=str(settings.pipelines_dir),
    )


def _destination(spec: SourceSpec, credentials: Any) -> Any:
    """dlt's DuckDB, but that files of tables which are kept as files are put in their place instead of copied."""
    import dlt
    from dlt.common.destination.client import RunnableLoadJob
    from dlt.destinations.impl.duckdb.duck import DuckDbClient

    kept = {t.name: t for t in spec.tables if t.kept_as_files}

    class PutFile(RunnableLoadJob):
        def run(self) -> None:
            client: Any = self._job_client
            raw_file = Path(client.config.credentials.database)
            with client.sql_client.native_connection.cursor() as con:
                kept_files.put(con, raw_file, spec.name, kept[self.load_table_name], Path(self._file_path))

    class Client(DuckDbClient):
        def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
            if table["name"] in kept:
                return PutFile(file_path)
            return super().create_load_job(table, file_path, load_id, restore)

    class RawDuckDb(dlt.destinations.duckdb):
        @property
        def client_class(self) -> Any:
            return Client

    return (RawDuckDb if kept else dlt.destinations.duckdb)(credentials, destination_name="duckdb")


def prepare_tables(settings: Settings, specs: Sequence[SourceSpec] | None = None) -> list[str]:
    """Make every raw table exist as its spec says; returns the sources that had to change.

    Costs a glance a source on most nights: a raw file remembers the fingerprint of the spec it was made for.
    """
    changed = []
    for spec in specs if specs is not None else all_specs():
        raw_file = settings.raw_file(spec.name)
        if _remembered(raw_file)[1] != spec.fingerprint:
            _migrate(spec, settings)
            changed.append(spec.name)
        elif any(t.kept_as_files for t in spec.tables):
            with duckdb.connect(str(raw_file)) as con:
                kept_files.prepare(con, raw_file, spec)  # the data folder may have been moved
    return changed


def _remembered(raw_file: Path) -> tuple[int, str]:
    """(schema version, fingerprint) the raw file was last prepared for; (0, "") for a new one."""
    if not raw_file.exists():
        return 0, ""
    con = duckdb.connect(str(raw_file))  # not read-only: a killed writer's log is replayed here, before dbt attaches
    try:
        row = con.execute("select schema_version, fingerprint from main.house_spec").fetchone()
        return (row[0], row[1]) if row else (0, "")
    except duckdb.CatalogException:
        return 0, ""
    finally:
        con.close()


def _migrate(spec: SourceSpec, settings: Settings) -> None:
    """Bring a raw file to the spec: our migrations in order, then dlt adds what tables and columns are missing."""
    import dlt

    raw_file = settings.raw_file(spec.name)
    version, _ = _remembered(raw_file)
    if not version:
        _create(raw_file)
    finish_pending(spec, settings)
    if version:
        con = duckdb.connect(str(raw_file))
        try:
            con.begin()
            con.execute(f'set schema = "{spec.name}"')
            for step in range(version + 1, spec.schema_version + 1):
                for statement in spec.migrations.get(step, ()):
                    con.execute(statement)
            con.execute("update main.house_spec set schema_version = ?", [spec.schema_version])
            con.commit()
        finally:
            con.close()

    def empty(table: Table) -> Any:
        def rows() -> Any:
            yield dlt.mark.materialize_table_schema()

        return dlt.resource(rows, name=table.name, columns=columns_hint(table), write_disposition="append")

    source = dlt.source(lambda: [empty(t) for t in spec.tables if not t.kept_as_files], name=spec.name)()
    pipeline = open_pipeline(spec, settings)
    pipeline.run(source, loader_file_format="parquet", schema_contract="evolve")
    con = duckdb.connect(str(raw_file))
    try:
        kept_files.prepare(con, raw_file, spec)
        con.execute("create table if not exists main.house_spec (schema_version integer, fingerprint varchar)")
        con.begin()
        con.execute("delete from main.house_spec")
        con.execute("insert into main.house_spec values (?, ?)", [spec.schema_version, spec.fingerprint])
        con.commit()
    finally:
        con.close()


def _create(raw_file: Path) -> None:
    """An empty raw file in DuckDB's newest format, which writes wide tables in two thirds of the time of its default."""
    if not raw_file.exists():
        raw_file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute(f"attach '{str(raw_file).replace(chr(39), chr(39) * 2)}' as raw (storage_version 'latest')")


def finish_pending(spec: SourceSpec, settings: Settings) -> str:
    """Deal with what a killed load left behind; returns what was done, "" for nothing.

    A package that had begun to load passed its contract and is finished; one that had not is dropped, and pulled
    again. A job may have been written just before the kill and be written again: rows are unique by the table's
    row key, so the second copy is taken out.
    """
    if not (settings.pipelines_dir / spec.name).exists():
        return ""
    pipeline = open_pipeline(spec, settings)
    jobs = [pipeline.get_load_package_info(p).jobs for p in pipeline.list_normalized_load_packages()]
    begun = any(j.get("started_jobs") or j.get("completed_jobs") for j in jobs)
    if not begun:
        if pipeline.has_pending_data:
            pipeline.abort_packages()
            return "dropped a load that was cut off before it wrote anything"
        return ""
    pipeline.load()
    con = duckdb.connect(str(settings.raw_file(spec.name)))
    try:
        for table in spec.tables:
            if table.history or table.kept_as_files:
                continue  # done twice, both find nothing to do: versions are compared, files replace their days
            keys = ", ".join(f'"{c}"' for c in table.row_key)
            con.execute(
                f'delete from "{spec.name}"."{table.name}" where rowid in (select rowid from '
                f'"{spec.name}"."{table.name}" qualify row_number() over (partition by {keys} order by rowid) > 1)'
            )
    finally:
        con.close()
    return "finished a load that was cut off while it wrote"


def load_source(
    spec: SourceSpec,
    settings: Settings,
    as_of: date,
    contract: Contract | None = None,
    progress: Progress | None = None,
    window: tuple[date, date] | None = None,
) -> LoadReport:
    """Load one source; a failure of its own is reported, never raised. The caller holds the writer's lock.

    `window`: a backfill of exactly these days instead of what the night would pull.
    """

    def say(message: str) -> None:
        if progress:
            progress(spec.name, message)

    before = ops.read_load_status(settings).get(spec.name, {})
    started = time.monotonic()
    common: dict[str, Any] = {
        "source": spec.name,
        "expected_lag_days": spec.expected_lag_days,
        "stale_after_days": spec.stale_after_days,
    }
    last_good: date | None = before.get("last_good_as_of")
    try:
        configuration: Configuration = spec.configured(settings)
        prepare_tables(settings, [spec])
        if not configuration.ready:
            return LoadReport(status="not configured", message=configuration.message, **common)
        if done := finish_pending(spec, settings):
            say(done)
        status, notes, rows, checks = _extract_check_load(spec, settings, as_of, contract, say, window)
        fresh = _freshness(spec, settings, as_of)
        return LoadReport(
            status=status,
            message="; ".join([*notes.problems, *fresh.stale, *notes.remarks]),
            rows=rows,
            rejected=notes.rejected,
            seconds=time.monotonic() - started,
            last_good_as_of=last_good if status == "failed" else as_of,
            data_through_date=fresh.through,
            delivered=fresh.delivered,
            is_stale=bool(fresh.stale) or status == "failed",
            checks=tuple(checks),
            **common,
        )
    except Exception as error:  # noqa: BLE001 - whatever a source throws is its own failure, never the night's
        return LoadReport(
            status="failed",
            message=root_message(error),
            seconds=time.monotonic() - started,
            last_good_as_of=last_good,
            data_through_date=before.get("data_through_date"),
            is_stale=True,
            **common,
        )


def _extract_check_load(
    spec: SourceSpec,
    settings: Settings,
    as_of: date,
    contract: Contract | None,
    say: Callable[[str], None],
    window: tuple[date, date] | None,
) -> tuple[str, LoadNotes, dict[str, int], list[Outcome]]:
    """Extract, normalise, check, load. Tables that fail the contract are quarantined, and the rest is pulled again."""
    from ingestion.ads import rejects_source

    pipeline = open_pipeline(spec, settings)
    excluded: frozenset[str] = frozenset()
    checks: list[Outcome] = []
    broken: list[str] = []
    while True:
        notes = LoadNotes()
        context = LoadContext(settings, as_of, window, excluded, say, notes)
        source: DltSource = spec.build(context)
        source.schema_contract = FROZEN
        pipeline.extract(source, loader_file_format="parquet")
        if notes.rejects:
            pipeline.extract(rejects_source(spec, notes.rejects), loader_file_format="parquet")
        pipeline.normalize()
        package = _package_files(spec, pipeline)
        counts = _row_counts(package)
        if not package:
            break
        outcomes: Sequence[Outcome] = ()
        if contract:
            with _contract_guard:
                outcomes = contract(spec, package)
        checks.extend(outcomes)
        bad = [o for o in outcomes if o.status != "passed" and o.severity == "critical"]
        if not bad:
            say("writing")
            pipeline.load(workers=1)  # one file has one writer: jobs side by side take half as long again
            break
        tables = frozenset(o.table for o in bad)
        where = _quarantine(spec, settings, pipeline, {t: package.get(t, ()) for t in tables}, bad)
        pipeline.abort_packages()
        broken += [f"{o.table}: check {o.check} {o.status} ({o.observed}); kept apart in {where}" for o in bad]
        if tables <= excluded or not tables & set(package):
            raise RuntimeError("; ".join(broken))  # nothing left to leave out: the whole source failed
        excluded |= tables
        say(f"left out {', '.join(sorted(tables))}: the contract does not hold")
    notes.problems[:0] = broken
    if excluded and not package:
        status = "failed"
    elif notes.problems:
        status = "failed" if notes.all_failed else "partial"
    else:
        status = "loaded" if package else "unchanged"
    return status, notes, counts if notes.rows is None else notes.rows, checks


def _package_files(spec: SourceSpec, pipeline: dlt.Pipeline) -> dict[str, list[Path]]:
    """Parquet files by table of the package that waits to be loaded."""
    kept = {t.name for t in spec.tables if t.kept_as_files}
    files: dict[str, list[Path]] = {}
    for load_id in pipeline.list_normalized_load_packages():
        for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
            if job.job_file_info.file_format == "parquet" or job.job_file_info.table_name in kept:
                files.setdefault(job.job_file_info.table_name, []).append(Path(job.file_path))
    return files


def _row_counts(package: Mapping[str, Sequence[Path]]) -> dict[str, int]:
    import pyarrow.parquet as pq

    return {t: sum(pq.read_metadata(f).num_rows for f in files) for t, files in package.items()}


def _quarantine(
    spec: SourceSpec,
    settings: Settings,
    pipeline: dlt.Pipeline,
    files: Mapping[str, Sequence[Path]],
    outcomes: Sequence[Outcome],
) -> Path:
    """Copy what failed to data/quarantine/<source>/<load id>, with the reasons; the five newest stay."""
    root = settings.quarantine_dir / spec.name
    target = root / pipeline.list_normalized_load_packages()[0]
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for table, paths in files.items():
        for i, path in enumerate(paths):
            shutil.copyfile(path, target / f"{table}.{i}.parquet")
    reasons = [{"table": o.table, "check": o.check, "status": o.status, "observed": o.observed} for o in outcomes]
    (target / "reasons.json").write_text(json.dumps(reasons, indent=1))
    for old in sorted(root.iterdir(), key=lambda p: p.name)[:-5]:
        shutil.rmtree(old)
    return target.relative_to(settings.data_dir)


def _freshness(spec: SourceSpec, settings: Settings, as_of: date) -> Freshness:
    """How far the source's raw tables reach, by the newest day of each."""
    con = duckdb.connect(str(settings.raw_file(spec.name)), read_only=True)
    try:
        if spec.freshness:
            return spec.freshness(con, settings, as_of)
        newest = {
            # a date from the future is a mistake, and must not make the source look fresh for years
            t: con.execute(
                f'select max("{t.date_column}"::date) from "{spec.name}"."{t.name}" where "{t.date_column}"::date <= ?::date + 1',
                [as_of],
            ).fetchall()[0][0]
            for t in spec.tables
            if t.date_column
        }
    finally:
        con.close()
    through = max((d for d in newest.values() if d), default=None)
    delivered: dict[str, date] = {}
    for table, day in newest.items():
        if table.provides and day:
            delivered[table.provides] = max(day, delivered.get(table.provides, day))
    if through and spec.is_stale((as_of - through).days):
        return Freshness(
            through, delivered, (f"newest day is {through}, {(as_of - through).days} days before {as_of}",)
        )
    return Freshness(through, delivered)


def load_all(
    settings: Settings,
    as_of: date,
    names: Sequence[str] | None = None,
    contract: Contract | None = None,
    progress: Progress | None = None,
    on_report: Callable[[LoadReport], None] = lambda report: None,
    *,
    sets_clock: bool = True,
    window: tuple[date, date] | None = None,
) -> list[LoadReport]:
    """Load the named sources (all by default) side by side, and write what dbt needs to know of the night.

    The tables of all other sources exist afterwards too. The caller holds the writer's lock.
    """
    specs = [get_spec(n) for n in names] if names is not None else list(all_specs())
    if sets_clock or not ops.has_run(settings):  # a source loaded alone does not move the night's clock
        ops.start_run(settings, as_of)
    prepare_tables(settings, [s for s in all_specs() if s not in specs])

    def one(spec: SourceSpec) -> LoadReport:
        report = load_source(spec, settings, as_of, contract, progress, window)
        on_report(report)
        return report

    with ThreadPoolExecutor(settings.load_workers, thread_name_prefix="load") as pool:
        reports = list(pool.map(one, specs))
    ops.write_load_status(settings, reports, as_of)
    shutil.rmtree(settings.scratch_dir, ignore_errors=True)
    return reports
