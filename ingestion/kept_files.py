"""Raw tables that stay Parquet: writing their rows a second time, into DuckDB, would take as long as all the rest of a load.

Such a table (`Table.kept_as_files`) lies in <raw>/raw_<source>/<table>/*.parquet, and the source's raw file has a view of its name
over them: readers see no difference. Rows are replaced by the table's one merge key, as a merge would. Which files count stands in
the raw file (main.house_files), written with the view in one transaction: a file that is not listed is no data, and goes.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ingestion.spec import SourceSpec, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

# What dlt is told these files are: Parquet it would read and write again to give them the columns they leave out, and any
# other format it hands over as it is. They are Parquet, and nothing but `put` and the contract reads them.
FORMAT: Literal["jsonl"] = "jsonl"
# A reader opens every file: once there are so many small ones, the older of them become one. The newest stay apart, since
# the next nights replace them.
MERGE_AT, SMALL_BYTES, NEWEST = 40, 32_000_000, 8


def prepare(con: duckdb.DuckDBPyConnection, raw_file: Path, spec: SourceSpec) -> None:
    """Make the views of a source's tables that are kept as files, for the spec and the place as they are now."""
    kept = [t for t in spec.tables if t.kept_as_files]
    if kept:
        con.execute("create table if not exists main.house_files (table_name varchar, file varchar)")
        con.execute(f'create schema if not exists "{spec.name}"')
    for table in kept:
        _view(con, raw_file, spec.name, table)


def put(con: duckdb.DuckDBPyConnection, raw_file: Path, source: str, table: Table, file: Path) -> None:
    """Take a Parquet file over: its rows replace those of the same merge key; rows with the delete mark only take out.

    Doing it twice with the same file changes nothing. `con`: open on the raw file, outside a transaction.
    """
    (key,) = table.merge_key
    folder = _folder(raw_file, table)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    con.execute(f'create or replace temp table _came as select distinct "{key}" as key from {_parquet([file])}')
    listed = _listed(con, table)
    kind = next(c.duckdb_type() for c in table.columns if c.name == key)
    touched = _touched(con, [folder / name for name in listed], key, kind)
    held = [name for name in listed if name not in touched]
    for name in sorted(touched):
        old = _parquet([folder / name])
        replaced = f'"{key}" in (select key from _came)'
        counted = con.execute(f"select count(*), count(*) filter ({replaced}) from {old}").fetchall()
        ((n, n_replaced),) = counted
        if not n_replaced:
            held.append(name)
        elif n_replaced < n:
            held.append(_write(con, folder, f"select * from {old} where not {replaced}"))
    mark = next((c.name for c in table.columns if c.hard_delete), "")
    if mark in _columns(con, [file]):
        fresh = _write(con, folder, f'select * from {_parquet([file])} where not coalesce("{mark}", false)')
        held += [fresh] if con.execute(f"select 1 from {_parquet([folder / fresh])} limit 1").fetchall() else []
    else:
        held.append(_link(folder, file))
    held = _merged(con, folder, held, key)
    con.execute("begin")
    con.execute("delete from main.house_files where table_name = ?", [table.name])
    for name in held:
        con.execute("insert into main.house_files values (?, ?)", [table.name, name])
    _view(con, raw_file, source, table)
    con.execute("commit")
    for stray in folder.iterdir():
        if stray.name not in held:
            stray.unlink()


def _touched(con: duckdb.DuckDBPyConnection, files: Sequence[Path], key: str, kind: str) -> set[str]:
    """Names of the files that may hold keys that came, by the least and the greatest key of each."""
    if not files:
        return set()
    listed = ", ".join(map(_quoted, files))
    rows = con.execute(
        f"""select file_name from parquet_metadata([{listed}]), (select min(key) as least, max(key) as greatest from _came)
            where path_in_schema = ? group by file_name, least, greatest
            having coalesce(min(stats_min_value::{kind}) <= greatest and max(stats_max_value::{kind}) >= least, true)""",
        [key],
    ).fetchall()
    return {Path(file).name for (file,) in rows}


def _merged(con: duckdb.DuckDBPyConnection, folder: Path, held: list[str], key: str) -> list[str]:
    """The files that count, with the older of the small ones made one where there are many."""
    small = [name for name in held if (folder / name).stat().st_size < SMALL_BYTES]
    if len(small) < MERGE_AT:
        return held
    files = _parquet([folder / name for name in small], "filename = '_file'")
    rows = con.execute(f'select _file from {files} group by _file order by max("{key}") desc').fetchall()
    old = {Path(file).name for (file,) in rows[NEWEST:]}
    merged = _write(con, folder, f"select * from {_parquet([folder / name for name in sorted(old)])}")
    return [name for name in held if name not in old] + [merged]


def _folder(raw_file: Path, table: Table) -> Path:
    return raw_file.with_suffix("") / table.name


def _listed(con: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    rows = con.execute("select file from main.house_files where table_name = ? order by file", [table.name]).fetchall()
    return [name for (name,) in rows]


def _view(con: duckdb.DuckDBPyConnection, raw_file: Path, source: str, table: Table) -> None:
    """Every column of the spec in its type, null where the files were written before there was one, and dlt's own two."""
    files = [_folder(raw_file, table) / name for name in _listed(con, table)]
    there = _columns(con, files) if files else frozenset()
    columns = [
        (f'"{c.name}"' if c.name in there else "null") + f'::{c.duckdb_type()} as "{c.name}"' for c in table.columns
    ]
    columns += ['null::varchar as "_dlt_load_id"', 'null::varchar as "_dlt_id"']
    relation = _parquet(files) if files else "(select 1) where false"
    con.execute(f'create or replace view "{source}"."{table.name}" as select {", ".join(columns)} from {relation}')


def _write(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> str:
    name = f"{uuid.uuid4().hex}.parquet"
    con.execute(f"copy ({query}) to {_quoted(folder / name)} (format parquet, compression snappy)")
    return name


def _link(folder: Path, file: Path) -> str:
    """The package's own file, without a copy where both lie on one disk: dlt removes its name when the load is done."""
    name = f"{uuid.uuid4().hex}.parquet"
    try:
        os.link(file, folder / name)
    except OSError:
        shutil.copyfile(file, folder / name)
    return name


def _columns(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> frozenset[str]:
    return frozenset(con.sql(f"select * from {_parquet(files)}").columns)


def _parquet(files: Sequence[Path], option: str = "") -> str:
    options = ["union_by_name = true", "hive_partitioning = false", *([option] if option else [])]
    return f"read_parquet([{', '.join(map(_quoted, files))}], {', '.join(options)})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
