"""Write, audit, publish: builds generations and makes one of them current. No dagster here, no checks: who
calls
`publish` has had the marts audited.

    published/generations/<number>_<as-of>/{marts.duckdb, parquet/<mart>.parquet, manifest.json}
    published/current        symlink to the current generation, swapped by one rename
    published/marts.duckdb   plain copy of the current generation's file, replaced by one rename
    published/.pending       the id that is being made current; what a killed run left undone is finished
    from it

Every function that changes something expects the caller to hold the writer's lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb

from ingestion.settings import Settings

STORAGE_VERSION = "v1.2.0"  # common BI drivers still carry DuckDB 1.2
MARTS_SCHEMA = "marts"  # in the warehouse
# In the published file the tables lie in `main`: a file marts.duckdb is the catalog `marts`, and a schema of the same
# name in it makes every `marts.fct_order` ambiguous. So `fct_order` and `marts.fct_order` both work for readers.
PUBLISHED_SCHEMA = "main"
_ID = re.compile(r"^(\d{6,})_(\d{4}-\d{2}-\d{2})$")


class PublishError(RuntimeError):
    """Nothing was published; the message says why and what to do."""


@dataclass(frozen=True)
class Generation:
    """A whole published state: `number` counts publications, `as_of` is the night it tells of."""

    path: Path
    number: int
    as_of: date
    is_current: bool

    @property
    def id(self) -> str:
        return self.path.name

    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.path / "manifest.json").read_text()))


def list_generations(settings: Settings) -> list[Generation]:
    """All whole generations, oldest first."""
    current = _current_id(settings)
    found = []
    for path in _generations_dir(settings).glob("*_*"):
        if match := _ID.match(path.name):
            found.append(Generation(path, int(match[1]), date.fromisoformat(match[2]), is_current=path.name == current))
    return sorted(found, key=lambda g: g.number)


def current_generation(settings: Settings) -> Generation | None:
    """What readers see now; None before the first publication."""
    return next((g for g in list_generations(settings) if g.is_current), None)


def refuse_earlier(settings: Settings, as_of: date) -> None:
    """Raise PublishError when a newer night is published: an earlier one never goes over it."""
    current = current_generation(settings)
    if current and as_of < current.as_of:
        raise PublishError(
            f"as-of {as_of} is before the published night {current.as_of}; an earlier night works in a data "
            "folder of its own: set WAREHOUSE_DATA_DIR to a new one (or roll back first, if that night was a "
            "mistake: python -m orchestration publish rollback)"
        )


def publish(
    settings: Settings,
    as_of: date,
    *,
    checks: Mapping[str, Any] | None = None,
    sources: list[dict[str, Any]] | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Generation:
    """Write the marts of warehouse.duckdb as a new generation and make it current. All or nothing.

    `checks` (summary) and `sources` (status per source) go into the manifest. Raises PublishError; then
    readers still
    see what they saw before.
    """
    repair(settings)
    refuse_earlier(settings, as_of)
    _refuse_wal(settings)
    number = max((g.number for g in list_generations(settings)), default=0) + 1
    target = _generations_dir(settings) / f"{number:06d}_{as_of.isoformat()}"
    building = _generations_dir(settings) / f".building-{target.name}"
    building.mkdir(parents=True)
    marts = _write_marts(settings, building, progress)
    if not marts:
        raise PublishError(f"{settings.warehouse_file} holds no table in schema {MARTS_SCHEMA}; did dbt build?")
    manifest = {
        "generation": target.name,
        "as_of": as_of.isoformat(),
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "marts": marts,
        "files": {str(p.relative_to(building)): _sha256(p) for p in _files(building)},
        "checks": dict(checks or {}),
        "sources": sources or [],
        "storage_version": STORAGE_VERSION,
        "versions": _versions(),
    }
    (building / "manifest.json").write_text(json.dumps(manifest, indent=2, default=str) + "\n")
    for path in _files(building):
        path.chmod(0o444)  # readers that forget read_only would lock out, or change, what others read
        _fsync(path)
    _fsync(building / "parquet")
    _fsync(building)
    with _pending(settings, target.name):
        building.rename(target)
        _fsync(target.parent)
        _make_current(settings, target.name)
    _forget_old(settings)
    return _get(settings, target.name)


def rollback(settings: Settings, generation_id: str | None = None) -> Generation:
    """Make an older generation current (the one before the current by default). Holds until the next
    publication.
    """
    repair(settings)
    generations = list_generations(settings)
    if generation_id is None:
        current = current_generation(settings)
        older = [g for g in generations if current and g.number < current.number]
        if not older:
            raise PublishError("there is no older generation to go back to")
        generation_id = older[-1].id
    elif generation_id not in [g.id for g in generations]:
        known = ", ".join(g.id for g in generations) or "none"
        raise PublishError(f"no generation {generation_id!r}; there are: {known}")
    _refuse_wal(settings)
    with _pending(settings, generation_id):
        _make_current(settings, generation_id)
    return _get(settings, generation_id)


def repair(settings: Settings) -> list[str]:
    """Finish or clear away what a killed publication left. Returns what was done, in words; cheap when
    nothing was.
    """
    done: list[str] = []
    published, generations = settings.published_dir, _generations_dir(settings)
    if not published.exists():
        return done
    for left in [*generations.glob(".building-*"), *published.glob(".new-*")]:
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        done.append(f"removed the leftover {left.name} of a publication that was killed")
    marker = published / ".pending"
    if marker.exists():
        wanted = marker.read_text().strip()
        if (generations / wanted / "manifest.json").exists():
            _make_current(settings, wanted)
            done.append(f"finished making {wanted} current, which was interrupted")
        marker.unlink()
    current = current_generation(settings)
    if current and not (published / "marts.duckdb").exists():
        _replace_file(settings, current.path)
        done.append(f"marts.duckdb was missing; copied from {current.id}")
    return done


def _write_marts(settings: Settings, building: Path, progress: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """marts.duckdb and one Parquet file a mart. Returns {mart: {rows, fingerprint, columns}}."""
    (building / "parquet").mkdir()
    scratch = settings.scratch_dir / "publish"
    scratch.mkdir(parents=True, exist_ok=True)
    marts: dict[str, dict[str, Any]] = {}
    con = duckdb.connect(config={"threads": 2, "memory_limit": "600MB", "temp_directory": str(scratch)})
    try:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach {_literal(settings.warehouse_file)} as w (read_only)")
        con.execute(f"attach {_literal(building / 'marts.duckdb')} as p (storage_version {_literal(STORAGE_VERSION)})")
        for name in _mart_names(con):
            quoted = _quote(name)
            con.execute(f"create table p.{PUBLISHED_SCHEMA}.{quoted} as from w.{MARTS_SCHEMA}.{quoted}")
            _copy_comments(con, name)
            parquet = building / "parquet" / f"{name}.parquet"
            con.execute(f"copy p.{PUBLISHED_SCHEMA}.{quoted} to {_literal(parquet)} (format parquet, compression zstd)")
            marts[name] = _fingerprint(con, name)
            progress(f"{name}: {marts[name]['rows']:,} rows")
        con.execute("checkpoint p")
        con.execute("detach p")
    except duckdb.Error as e:
        raise PublishError(f"writing the generation failed: {e}") from e
    finally:
        con.close()
    if (building / "marts.duckdb.wal").exists():
        raise PublishError(f"{building.name}/marts.duckdb was not closed cleanly (a .wal is beside it)")
    return marts


def _mart_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "select table_name from information_schema.tables where table_catalog = 'w' and table_schema = ? order by 1",
        [MARTS_SCHEMA],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _copy_comments(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """dbt's descriptions travel with the tables, so that a BI tool shows them."""
    relation = f"p.{PUBLISHED_SCHEMA}.{_quote(name)}"
    where = "database_name = 'w' and schema_name = ? and {} = ? and comment is not null"
    for kind, catalog in (("table", "duckdb_tables()"), ("view", "duckdb_views()")):
        rows = con.execute(f"select comment from {catalog} where {where.format(f'{kind}_name')}", [MARTS_SCHEMA, name])
        for (comment,) in rows.fetchall():
            con.execute(f"comment on table {relation} is {_literal(comment)}")
    columns = con.execute(
        f"select column_name, comment from duckdb_columns() where {where.format('table_name')}",
        [MARTS_SCHEMA, name],
    ).fetchall()
    for column, comment in columns:
        con.execute(f"comment on column {relation}.{_quote(column)} is {_literal(comment)}")


def _fingerprint(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Equal exactly when two marts hold the same rows in any order; `_`-prefixed lineage columns do not
    count.

    Comparable within one DuckDB version (its `hash`), which the manifest names.
    """
    columns = con.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_catalog = 'p' and table_schema = ? and table_name = ? order by column_name",
        [PUBLISHED_SCHEMA, name],
    ).fetchall()
    counted = [(c, t) for c, t in columns if not c.startswith("_")]
    row = ", ".join(f"{_quote(c)} := {_quote(c)}" for c, _ in counted)
    rows, total, mixed = con.execute(
        f"select count(*), coalesce(sum(hash(h)::hugeint), 0), coalesce(bit_xor(hash(h, 1)), 0) "
        f"from (select struct_pack({row}) as h from p.{PUBLISHED_SCHEMA}.{_quote(name)})"
    ).fetchone() or (0, 0, 0)
    content = json.dumps([counted, rows, str(total), str(mixed)])
    return {
        "rows": rows,
        "fingerprint": hashlib.sha256(content.encode()).hexdigest(),
        "columns": [c for c, _ in columns],
    }


def _make_current(settings: Settings, generation_id: str) -> None:
    """Swap the symlink, then the plain file. Each is one rename; `repair` finishes the second if we die
    between.
    """
    published = settings.published_dir
    link = published / ".new-current"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("generations") / generation_id)
    link.replace(published / "current")
    _fsync(published)
    _replace_file(settings, _generations_dir(settings) / generation_id)


def _replace_file(settings: Settings, generation: Path) -> None:
    published = settings.published_dir
    new = published / ".new-marts.duckdb"
    new.unlink(missing_ok=True)
    shutil.copyfile(generation / "marts.duckdb", new)
    new.chmod(0o444)
    _fsync(new)
    _refuse_wal(settings)
    new.replace(published / "marts.duckdb")
    _fsync(published)


def _refuse_wal(settings: Settings) -> None:
    wal = settings.published_dir / "marts.duckdb.wal"
    if wal.exists():
        raise PublishError(
            f"{wal} exists: a program opened the published file for writing, and replacing it now would "
            "break it. Close that program (BI opens the file read-only), delete the .wal, then run again"
        )


@contextmanager
def _pending(settings: Settings, generation_id: str) -> Iterator[None]:
    """A note of what is being made current: on disk before the first rename, gone after the last."""
    marker = settings.published_dir / ".pending"
    marker.write_text(generation_id + "\n")
    _fsync(marker)
    _fsync(settings.published_dir)
    yield
    marker.unlink()


def _forget_old(settings: Settings) -> None:
    """Keep the newest `keep_generations`; the current one always stays."""
    for old in list_generations(settings)[: -settings.keep_generations]:
        if not old.is_current:
            shutil.rmtree(old.path)


def _get(settings: Settings, generation_id: str) -> Generation:
    return next(g for g in list_generations(settings) if g.id == generation_id)


def _current_id(settings: Settings) -> str | None:
    with suppress(OSError):
        return (settings.published_dir / "current").readlink().name
    return None


def _generations_dir(settings: Settings) -> Path:
    return settings.published_dir / "generations"


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _versions() -> dict[str, str]:
    found = {}
    for package in (
        "marketing-warehouse",
        "duckdb",
        "dbt-core",
        "dbt-duckdb",
        "dlt",
        "dagster",
        "great-expectations",
    ):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
