"""One night of the sources: extract, normalise, contract, load, report. What a raw file is and how it is made: raw.py.

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

from ingestion import ops
from ingestion.errors import root_message
from ingestion.raw import finish_pending, open_pipeline, prepare_tables
from ingestion.registry import all_specs, get_spec
from ingestion.settings import Settings
from ingestion.spec import Configuration, Freshness, LoadContext, LoadNotes, SourceSpec

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
