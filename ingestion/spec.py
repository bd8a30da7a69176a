"""What a source must say of itself. Data only: raw files belong to raw.py, loading to pipeline.py."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dlt.extract import DltSource
    from duckdb import DuckDBPyConnection

    from ingestion.settings import Settings

ColumnType = Literal["text", "bigint", "decimal", "double", "bool", "date", "timestamp", "json"]
COLUMN_TYPES: frozenset[str] = frozenset({"text", "bigint", "decimal", "double", "bool", "date", "timestamp", "json"})
# What a source can feed. Each member is one union var of the dbt project (`lead_sources`, ...): the sources that
# provide it are listed there, and a structure test compares that list with the registry.
PROVIDES: frozenset[str] = frozenset(
    {
        "leads",
        "deals",
        "deal_stages",
        "orders",
        "order_lines",
        "web_purchases",
        "ad_platforms",
        "ad_performance",
        "search_terms",
        "organic_search",
        "ad_reach",
        "ad_conversion_lags",
        "ad_clicks",
        "exchange_rates",
        "other_costs",
        "accounting_figures",
        "consent_counts",
        "consents",
        "form_submissions",
        "email_systems",
        "experiments",
        "attribution_paths",
        "web_aggregates",
        "web_events",
        "crm_systems",
    }
)
KINDS: frozenset[str] = frozenset({"files", "ads", "analytics", "crm", "email", "plan", "rates", "search"})
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")
_COLUMN = re.compile(r"^_?[a-z][a-z0-9_]{0,60}$")


class SpecError(ValueError):
    """A source describes itself in a way that cannot be right; names the source, the field and the value."""


@dataclass(frozen=True)
class Column:
    """One raw column. `precision`/`scale` hold for decimals; `personal` is masked wherever a person may look."""

    name: str
    type: ColumnType
    description: str = ""
    personal: bool = False
    nullable: bool = True
    precision: int = 18
    scale: int = 6
    hard_delete: bool = False  # dlt's marker: rows where it is true only take out what they replace

    def __post_init__(self) -> None:
        if not _COLUMN.match(self.name):
            raise SpecError(f"column name {self.name!r}: expected snake_case, at most 60 characters")
        if self.type not in COLUMN_TYPES:
            raise SpecError(f"column {self.name}: type {self.type!r}; expected one of {sorted(COLUMN_TYPES)}")
        if self.type == "decimal" and not (0 <= self.scale <= self.precision <= 38):
            raise SpecError(f"column {self.name}: decimal({self.precision},{self.scale}) cannot be")

    def dlt_hint(self) -> dict[str, Any]:
        """The column as dlt's schema wants it."""
        hint: dict[str, Any] = {"name": self.name, "data_type": self.type, "nullable": self.nullable}
        if self.type == "decimal":
            hint |= {"precision": self.precision, "scale": self.scale}
        return hint

    def duckdb_type(self) -> str:
        """The type of the column in a raw DuckDB file."""
        types = {
            "text": "VARCHAR",
            "bigint": "BIGINT",
            "double": "DOUBLE",
            "bool": "BOOLEAN",
            "date": "DATE",
            "timestamp": "TIMESTAMP WITH TIME ZONE",
            "json": "JSON",
        }
        return types.get(self.type) or f"DECIMAL({self.precision},{self.scale})"


@dataclass(frozen=True)
class Table:
    """A raw table: its columns, the columns that make a row unique, and the columns a re-pull replaces by."""

    name: str
    columns: tuple[Column, ...]
    row_key: tuple[str, ...]  # unique in raw; also lets an interrupted load be finished exactly once
    merge_key: tuple[str, ...] = ()  # rows with the same values are replaced together (delete-insert)
    description: str = ""
    date_column: str = ""  # the column that dates a row: how far the table's data reach
    provides: str = ""  # the union it feeds (a member of PROVIDES): how far that is delivered
    history: bool = False  # kept in versions by dlt's scd2 within merge_key; see `history_table`
    kept_as_files: bool = False  # stays Parquet beside the raw file, replaced by its one merge key; see kept_files.py

    def __post_init__(self) -> None:
        if not _COLUMN.match(self.name):
            raise SpecError(f"table name {self.name!r}: expected snake_case")
        names = [c.name for c in self.columns]
        if not names:
            raise SpecError(f"table {self.name}: declares no columns")
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise SpecError(f"table {self.name}: columns declared twice: {', '.join(twice)}")
        if self.kept_as_files and (len(self.merge_key) != 1 or self.history):
            raise SpecError(f"table {self.name}: kept_as_files replaces by exactly one merge_key and keeps no history")
        if not self.row_key:
            raise SpecError(f"table {self.name}: row_key is empty; name the columns that make a row unique")
        dated = (self.date_column,) if self.date_column else ()
        if self.provides and self.provides not in PROVIDES:
            raise SpecError(f"table {self.name}: provides is {self.provides!r}; expected one of {sorted(PROVIDES)}")
        for what, cols in (("row_key", self.row_key), ("merge_key", self.merge_key), ("date_column", dated)):
            if unknown := [c for c in cols if c not in names]:
                raise SpecError(f"table {self.name}: {what} names {unknown[0]!r}, which is not a column")

    @property
    def personal(self) -> frozenset[str]:
        return frozenset(c.name for c in self.columns if c.personal)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


VALID_FROM, VALID_TO = "_dlt_valid_from", "_dlt_valid_to"


def history_table(name: str, columns: tuple[Column, ...], key: tuple[str, ...], description: str) -> Table:
    """A table of things that change (names, status, budgets): a new version a change, valid from the night that saw it.

    What is gone at the vendor is closed, not deleted. `account_id` must be a column: accounts are closed one by one.
    """
    validity = (
        Column(VALID_FROM, "timestamp", "the night that first saw this version"),
        Column(VALID_TO, "timestamp", "the night that no longer saw it; null: it holds"),
    )
    return Table(name, columns + validity, (*key, VALID_FROM), ("account_id",), description, history=True)


# Rows of an API that could not be read; pipeline.py fills it from LoadNotes.rejects. For files see sources/files.
REJECTS = Table(
    "_rejects",
    (
        Column("as_of", "date", "the night that met the row"),
        Column("table_name", "text", "the raw table it was meant for"),
        Column("account_id", "text", "the account it was pulled for"),
        Column("request", "text", "what was asked"),
        Column("position", "bigint", "place in the page, from 0"),
        Column("column_name", "text", "the column that could not be filled"),
        Column("reason", "text", "why"),
        Column("row_text", "text", "the row as it came", personal=True),
    ),
    row_key=("as_of", "table_name", "account_id", "request", "position"),
    merge_key=("as_of", "table_name", "account_id"),
    description="Rows of the vendor that could not be read, with request, position and reason.",
)


@dataclass(frozen=True)
class Configuration:
    """Whether a source can run, and if not, what to do about it."""

    ready: bool
    message: str  # e.g. "3 datasets in drop/catalogue.yml", "no catalogue; set WAREHOUSE_FILES_CATALOGUE"


@dataclass
class LoadNotes:
    """What a source tells of its load while it runs: trouble that did not stop it, and counts of its own."""

    problems: list[str] = field(default_factory=list)  # each makes the load `partial`
    remarks: list[str] = field(default_factory=list)  # worth knowing; the load is good all the same
    rejects: list[dict[str, Any]] = field(default_factory=list)  # rows of REJECTS, for sources that have that table
    rejected: int = 0
    rows: dict[str, int] | None = None  # by raw table; None: counted from the package
    all_failed: bool = False  # trouble, and nothing to load beside it


@dataclass(frozen=True)
class Freshness:
    """How far a source's data reach: overall, by what it provides, and why it is stale (empty: it is not)."""

    through: date | None
    delivered: Mapping[str, date] = field(default_factory=dict)
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadContext:
    """What a source may know of the run it loads for."""

    settings: Settings
    as_of: date
    window: tuple[date, date] | None = None  # a backfill: exactly these days, and no entities
    exclude_tables: frozenset[str] = frozenset()  # quarantined by the contract in this run: leave them out
    progress: Callable[[str], None] = lambda message: None
    notes: LoadNotes = field(default_factory=LoadNotes)


@dataclass(frozen=True)
class SourceSpec:
    """All the house knows of a source. Adding a system is one module that defines `SPEC`, and its own rooms.

    `configured` says whether it can run; `build` gives the dlt source for one run; `migrations` holds the SQL that
    brings raw from version n-1 to n (added columns need none: they are found by comparison).
    """

    name: str
    kind: str
    description: str
    owner: str
    tables: tuple[Table, ...]
    provides: frozenset[str]
    configured: Callable[[Settings], Configuration]
    build: Callable[[LoadContext], DltSource]
    restatement_days: int = 0  # how far back every night pulls again
    expected_lag_days: int | None = 1  # how old the newest day may be when all is well; None: as old as it likes
    stale_after_days: int | None = 3  # when it is older than this the source is called stale; None: never
    schema_version: int = 1
    migrations: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    # how far raw reaches, for a source that knows better than its date columns
    freshness: Callable[[DuckDBPyConnection, Settings, date], Freshness] | None = None

    def __post_init__(self) -> None:
        def refuse(what: str, value: object, expected: str) -> None:
            raise SpecError(f"source {self.name!r}: {what} is {value!r}; expected {expected}")

        if not _NAME.match(self.name):
            refuse("name", self.name, "snake_case, starting with a letter")
        if self.kind not in KINDS:
            refuse("kind", self.kind, f"one of {sorted(KINDS)}")
        if not self.tables:
            refuse("tables", self.tables, "at least one table")
        names = [t.name for t in self.tables]
        if len(set(names)) != len(names):
            refuse("tables", names, "each table once")
        if unknown := sorted(self.provides - PROVIDES):
            refuse("provides", unknown, f"members of {sorted(PROVIDES)}")
        for what in ("restatement_days", "expected_lag_days", "stale_after_days"):
            if (days := getattr(self, what)) is not None and days < 0:
                refuse(what, days, "0 or more days")
        lag, stale = self.expected_lag_days, self.stale_after_days
        if lag is not None and stale is not None and stale < lag:
            refuse("stale_after_days", stale, f"at least the lag of {lag}")
        if not self.owner:
            refuse("owner", self.owner, "who answers for this source")
        if self.schema_version < 1:
            refuse("schema_version", self.schema_version, "1 or more")
        if bad := sorted(v for v in self.migrations if not 2 <= v <= self.schema_version):
            refuse("migrations", bad, f"versions from 2 to {self.schema_version}")

    def table(self, name: str) -> Table:
        for table in self.tables:
            if table.name == name:
                return table
        raise SpecError(f"source {self.name!r} has no table {name!r}; it has {[t.name for t in self.tables]}")

    def is_stale(self, age: int) -> bool:
        """Whether a newest day this many days before the as-of date makes the source stale."""
        return self.stale_after_days is not None and age > self.stale_after_days

    @property
    def fingerprint(self) -> str:
        """Changes exactly when a raw table would look different."""
        shape = [[t.name, [asdict(c) | {"description": ""} for c in t.columns]] for t in self.tables]
        return hashlib.sha256(json.dumps([self.schema_version, shape]).encode()).hexdigest()[:16]
