"""The drop folder of a company without an API: files, described by a YAML catalogue, into canonical raw tables.

Here: the source's spec. What becomes of each file in a night is night.py's, reading is reading.py's, meaning conversion.py's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from ingestion.errors import SourceError
from ingestion.settings import Settings
from ingestion.sources.files.catalogue import SOURCE, load_catalogue
from ingestion.sources.files.entities import BY_NAME, ENTITIES, TABLES
from ingestion.spec import Configuration, Freshness, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import duckdb
    from dlt.extract import DltSource


def configured(settings: Settings) -> Configuration:
    """Ready when there is a catalogue; whether it is right shows when it is loaded."""
    path = settings.files_catalogue
    if not path.exists():
        return Configuration(
            False, f"no catalogue at {path}; write one (docs/files.md) or set WAREHOUSE_FILES_CATALOGUE"
        )
    try:
        return Configuration(True, f"{len(load_catalogue(path).datasets)} datasets in {path.name}")
    except SourceError as e:
        return Configuration(True, e.detail)


def build(context: LoadContext) -> DltSource:
    """The dlt source for one night: only what changed since the last good load. Raises SourceError for a bad catalogue."""
    import dlt

    from ingestion.raw import columns_hint
    from ingestion.sources.files.night import Night

    settings = context.settings
    catalogue = load_catalogue(settings.files_catalogue)
    scratch = settings.scratch_dir / f"files-{id(context)}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    changes = Night(context, catalogue, scratch).run()

    def resource(table: Table) -> Any:
        def rows() -> Iterator[Any]:
            for path in changes.parquet.get(table.name, ()):
                yield dlt.mark.with_file_import(str(path), "parquet", items_count=changes.counts[table.name])

        # a night that only adds files appends: faster, and nothing is there to be replaced
        merging = table.name in changes.replacing
        return dlt.resource(
            rows,
            name=table.name,
            columns=columns_hint(table, merging=merging),
            merge_key=table.merge_key if merging else (),
            write_disposition={"disposition": "merge", "strategy": "delete-insert"} if merging else "append",
            file_format="parquet",
        )

    return dlt.source(lambda: [resource(t) for t in TABLES if t.name in changes.parquet], name=SOURCE)()


def freshness(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> Freshness:
    """How far each entity's files reach; stale are datasets older than their own `stale_after_days`."""
    rows = con.execute(
        "select dataset, entity, max(max_date) from files._files where n_loaded > 0 group by dataset, entity"
    ).fetchall()
    newest = {dataset: day for dataset, _, day in rows if day}
    delivered: dict[str, date] = {}
    for _, entity, day in rows:
        if day:
            provides = BY_NAME[entity].provides
            delivered[provides] = max(day, delivered.get(provides, day))
    stale = tuple(
        f"{name} is stale: its newest day is {newest[name]}, {(as_of - newest[name]).days} days before {as_of}"
        for name, dataset in load_catalogue(settings.files_catalogue).datasets.items()
        if dataset.stale_after_days is not None
        and name in newest
        and (as_of - newest[name]).days > dataset.stale_after_days
    )
    through = max(newest.values(), default=None)
    if through and SPEC.is_stale((as_of - through).days):
        stale += (f"the newest day of all files is {through}, {(as_of - through).days} days before {as_of}",)
    return Freshness(through, delivered, stale)


SPEC = SourceSpec(
    name=SOURCE,
    kind="files",
    description="Files in a drop folder or bucket, described by a YAML catalogue",
    owner="marketing operations",
    tables=TABLES,
    provides=frozenset(e.provides for e in ENTITIES),
    configured=configured,
    build=build,
    freshness=freshness,
    expected_lag_days=35,  # many exports come by hand, once a month; a dataset may say less (stale_after_days)
    stale_after_days=70,
)
