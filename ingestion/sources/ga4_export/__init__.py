"""GA4's event export, from BigQuery itself or from files in a folder or bucket: only days that are new or changed.

Here: the source's spec. Which days there are is days.py's and bigquery.py's, how events become rows flatten.py's, a night night.py's.
Reference: BigQuery export schema of Google Analytics 4 (support.google.com/analytics/answer/7029846).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion import kept_files
from ingestion.ads import secret, setting
from ingestion.errors import SourceError
from ingestion.settings import Settings
from ingestion.sources.ga4_export.tables import EVENT_DAYS, EVENTS, TABLES
from ingestion.spec import Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    from dlt.extract import DltSource


TWO_PLACES = "SOURCES__GA4_EXPORT__FOLDER and SOURCES__GA4_EXPORT__PROJECT are both set; the export is read from one place: unset one"


def configured(settings: Settings) -> Configuration:
    folder, project, dataset = (setting(SPEC.name, key) for key in ("folder", "project", "dataset"))
    if folder and project:  # `build` says so: what is set must not pass for not configured
        return Configuration(True, TWO_PLACES)
    if folder:
        return Configuration(True, f"export in {folder}")
    if not project:
        return Configuration(
            False,
            "no folder and no project; set SOURCES__GA4_EXPORT__FOLDER to the folder or bucket with events_YYYYMMDD files, "
            "or SOURCES__GA4_EXPORT__PROJECT to the Google Cloud project GA4 exports to",
        )
    for name in ("client_id", "client_secret", "refresh_token"):
        if not secret(SPEC.name, name):
            return Configuration(False, f"no {name.replace('_', ' ')}; set SOURCES__GA4_EXPORT__{name.upper()}")
    if not dataset:
        return Configuration(False, "no dataset; set SOURCES__GA4_EXPORT__DATASET to analytics_<property id>")
    return Configuration(True, f"dataset {dataset} of project {project}")


def build(context: LoadContext) -> DltSource:
    """The dlt source for one night: the days that changed since they were loaded. Raises SourceError when nothing can be listed."""
    import dlt

    from ingestion.arrow import from_columns
    from ingestion.raw import columns_hint
    from ingestion.sources.ga4_export.bigquery import BigQueryDays
    from ingestion.sources.ga4_export.days import Days, FolderDays
    from ingestion.sources.ga4_export.flatten import json_columns
    from ingestion.sources.ga4_export.night import Night, states_table

    scratch = context.settings.scratch_dir / f"ga4_export-{id(context)}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    first = _start_date()
    folder, project = setting(SPEC.name, "folder"), setting(SPEC.name, "project")
    if folder and project:
        raise SourceError(SPEC.name, TWO_PLACES)
    start, end = context.window or (first, context.as_of - timedelta(days=1))
    days: Days = BigQueryDays(start, end) if project else FolderDays(str(folder), json_columns())
    changes = Night(context, days, scratch, first).run()

    def events() -> Iterator[Any]:
        if changes.emptied:
            yield from_columns(EVENTS, {"event_date": _days(changes.emptied), "_deleted": True}, len(changes.emptied))
        for path, n in changes.events:
            yield dlt.mark.with_file_import(str(path), kept_files.FORMAT, items_count=n)

    def event_days() -> Iterator[Any]:
        yield states_table(changes.states)

    resources = []
    if (changes.events or changes.emptied) and EVENTS.name not in context.exclude_tables:
        resources.append(
            dlt.resource(
                events,
                name=EVENTS.name,
                columns=columns_hint(EVENTS),
                write_disposition="append",  # what replaces what is kept_files.py's: by day
                file_format="parquet",
            )
        )
    if changes.states and EVENT_DAYS.name not in context.exclude_tables:
        # whole every night, also when nothing came: the contract looks for days that should have come
        resources.append(
            dlt.resource(
                event_days, name=EVENT_DAYS.name, columns=columns_hint(EVENT_DAYS), write_disposition="replace"
            )
        )
    return dlt.source(lambda: resources, name=SPEC.name)()


def _start_date() -> date | None:
    start = setting(SPEC.name, "start_date")
    try:
        return date.fromisoformat(str(start)) if start else None
    except ValueError as e:
        raise SourceError(
            SPEC.name, f"SOURCES__GA4_EXPORT__START_DATE is {start!r}; expected a day as 2026-01-31"
        ) from e


def _days(days: list[date]) -> Any:
    import pyarrow as pa

    return pa.array(days, pa.date32())


SPEC = SourceSpec(
    name="ga4_export",
    kind="analytics",
    description="Google Analytics 4, event export from BigQuery or files",
    owner="web analytics",
    tables=TABLES,
    provides=frozenset({"web_events"}),
    configured=configured,
    build=build,
    restatement_days=3,  # Google goes on writing a day's table for so long; what changes is read, whatever its age
    expected_lag_days=2,
    stale_after_days=4,
    schema_version=2,
    migrations={2: ("drop table if exists events", "delete from event_days")},  # events stay files, and are read anew
)
