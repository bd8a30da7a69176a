"""A source's raw file: the dlt pipeline into it, its tables brought to the spec, and what a killed load left behind.

Loading is pipeline.py's; files that are put in their place instead of copied are kept_files.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ingestion import kept_files
from ingestion.registry import all_specs
from ingestion.settings import Settings
from ingestion.spec import SourceSpec, Table

if TYPE_CHECKING:
    import dlt

_DLT_COLUMNS = {
    # dlt fills these for dict rows and leaves them out of Arrow: declared nullable, both go into one table
    name: {"name": name, "data_type": "text", "nullable": True}
    for name in ("_dlt_load_id", "_dlt_id")
}


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
    from dlt.common.schema.utils import new_table

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

    # dlt's client makes the tables in a fifth of the time of a run that brings no rows
    schema = dlt.Schema(spec.name)
    for table in spec.tables:
        if not table.kept_as_files:
            columns: Any = [{"name": name, **hint} for name, hint in columns_hint(table).items()]
            schema.update_table(new_table(table.name, write_disposition="append", columns=columns))
    pipeline = open_pipeline(spec, settings)
    if version:
        pipeline.drop()  # its working folder knows the older columns; the next run reads the newer from the raw file
    destination: Any = pipeline.destination
    schema = dlt.Schema.from_dict(dict(schema.to_dict(bump_version=True)))
    with destination.client(schema, destination.spec()._bind_dataset_name(spec.name)) as client:
        client.initialize_storage()
        client.update_stored_schema()
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
