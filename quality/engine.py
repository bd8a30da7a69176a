"""The one joint with Great Expectations on DuckDB: import, quiet, dialect mend, sessions. No checks, no suites here."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_import_guard = threading.Lock()


class _Dialect(str):
    """A dialect's name that also answers to `.value`, as the enum members beside it do."""

    @property
    def value(self) -> str:
        return str(self)


def great_expectations() -> ModuleType:
    """Great Expectations, imported at first use (about 5 s), mended for DuckDB, without telemetry or chatter."""
    with _import_guard:
        # Read at import and at each event; set before either, so that no check of ours ever calls home.
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        # Its log lines at ERROR hold tracebacks with values; everything they say comes back in the results, masked.
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
        collecting = gc.isenabled()
        gc.disable()  # the import only allocates; collecting meanwhile costs a tenth of it
        try:
            import great_expectations as gx
            import great_expectations.expectations
        finally:
            if collecting:
                gc.enable()
        _keep_duckdb_connections()
        return gx


def _keep_duckdb_connections() -> None:
    """Make GE keep its DuckDB connection open while it reads results.

    Out of the box (1.24) it fetches rows after closing the connection and every check dies with an IndexError in
    `resolve_metric_bundle`. It keeps the connection for the dialects in this tuple; DuckDB is added to it.
    """
    from great_expectations.execution_engine import sqlalchemy_execution_engine as module

    if "duckdb" not in module._PERSISTED_CONNECTION_DIALECTS:
        kept: Any = module._PERSISTED_CONNECTION_DIALECTS
        module._PERSISTED_CONNECTION_DIALECTS = (*kept, _Dialect("duckdb"))


def new_context(**config: Any) -> Any:
    """A GE context that lives in memory only: nothing is written beside the project, no progress bars."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            **config,
        ),
    )


@dataclass(frozen=True)
class Session:
    """One DuckDB connection that GE and we share. `datasource` is GE's handle of it."""

    datasource: Any
    connection: Connection

    def rows(self, sql: str, limit: int | None = None) -> list[dict[str, Any]]:
        """The rows of a select, each a dict by column; at most `limit`."""
        text = f"select * from ({sql.strip().rstrip(';')}) as q" + (f" limit {limit}" if limit is not None else "")
        result = self.connection.exec_driver_sql(text)
        return [dict(row) for row in result.mappings()]


def _columns(connection: Connection, table_name: str, schema: str | None = None, **_: Any) -> list[dict[str, Any]]:
    """A table's columns, as Great Expectations asks for them before it checks any.

    duckdb-engine would join Postgres' catalogue for them, 60 ms a table and half of a small contract. No check of ours
    is on types, so they stay open.
    """
    from sqlalchemy import types

    address = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table_name) if part)
    described = connection.exec_driver_sql(f"describe {address}").fetchall()
    return [{"name": row[0], "type": types.NullType(), "nullable": True, "default": None} for row in described]


@contextmanager
def session(database: Path | None, setup: Sequence[str] = (), *, read_only: bool = True) -> Iterator[Session]:
    """Open a DuckDB file read-only (None: a database in memory) and run the setup statements on it.

    Raises what DuckDB raises when the file is missing, locked or broken.
    """
    context = new_context()
    if database is not None and not database.exists():
        raise FileNotFoundError(f"{database} does not exist; run the night's dbt build first")
    url = "duckdb:///:memory:" if database is None else f"duckdb:///{database}"
    if database is not None and read_only:
        url += "?access_mode=read_only"
    datasource: Any = context.data_sources.add_sql("duckdb", connection_string=url, create_temp_table=False)
    datasource.get_engine().dispose()
    # GE would open two engines, one to look at tables and one to query them. Attached files and views belong to a
    # connection, so both must be the one that holds a single connection for good (it does for persisted dialects).
    engine = datasource.get_execution_engine().engine
    datasource._engine = engine
    # No transactions (duckdb-engine knows no AUTOCOMMIT): after an error inside one DuckDB refuses all that follows,
    # and one crashed check would take the others with it.
    for name in ("do_begin", "do_commit", "do_rollback"):
        setattr(engine.dialect, name, lambda dbapi_connection: None)
    engine.dialect.get_columns = _columns
    engine.dialect.get_pk_constraint = lambda *_, **__: {"constrained_columns": [], "name": None}
    try:
        with engine.connect() as connection:
            for statement in ("set timezone = 'UTC'", *setup):
                connection.exec_driver_sql(statement)
            yield Session(datasource, connection)
    finally:
        engine.dispose()
