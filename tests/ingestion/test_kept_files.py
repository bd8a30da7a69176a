"""Raw tables that stay Parquet: rows are replaced by their day, whatever happens in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion import kept_files
from ingestion.registry import get_spec
from ingestion.spec import Column, SourceSpec, SpecError, Table

TABLE = Table(
    "things",
    (
        Column("day", "date"),
        Column("id", "bigint"),
        Column("note", "text"),
        Column("_deleted", "bool", hard_delete=True),
    ),
    row_key=("day", "id"),
    merge_key=("day",),
    kept_as_files=True,
)
SPEC: SourceSpec = replace(get_spec("ga4_export"), name="toy", tables=(TABLE,), provides=frozenset())


class Raw:
    """A raw file with one such table."""

    def __init__(self, home: Path) -> None:
        self.home, self.file = home, home / "raw" / "raw_toy.duckdb"
        self.file.parent.mkdir(parents=True)
        self.prepare()

    def prepare(self, spec: SourceSpec = SPEC) -> None:
        with duckdb.connect(str(self.file)) as con:
            kept_files.prepare(con, self.file, spec)

    def package(self, rows: str, columns: str = "day, id") -> Path:
        path = self.home / "package.parquet"
        duckdb.execute(f"copy (from (values {rows}) as t ({columns})) to '{path}' (format parquet)")
        return path

    def put(self, rows: str, columns: str = "day, id") -> None:
        file = self.package(rows, columns)
        with duckdb.connect(str(self.file)) as con:
            kept_files.put(con, self.file, "toy", TABLE, file)

    def rows(self) -> list[tuple[date, int]]:
        with duckdb.connect(str(self.file), read_only=True) as con:
            return con.execute("select day, id from toy.things order by all").fetchall()

    @property
    def folder(self) -> Path:
        return self.file.with_suffix("") / "things"


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Raw]:
    yield Raw(tmp_path)


FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (1, 2, 3))


def test_a_table_without_files_is_empty_and_has_its_columns(raw: Raw) -> None:
    assert raw.rows() == []
    with duckdb.connect(str(raw.file), read_only=True) as con:
        described = con.sql("from toy.things")
        assert dict(zip(described.columns, map(str, described.types), strict=True)) == {
            "day": "DATE", "id": "BIGINT", "note": "VARCHAR", "_deleted": "BOOLEAN", "_dlt_load_id": "VARCHAR", "_dlt_id": "VARCHAR",
        }  # fmt: skip


def test_a_day_is_replaced_whole_and_the_others_of_its_file_stay(raw: Raw) -> None:
    raw.put(f"(date '{FIRST}', 1), (date '{SECOND}', 2), (date '{SECOND}', 3)")
    raw.put(f"(date '{SECOND}', 4), (date '{THIRD}', 5)")
    assert raw.rows() == [(FIRST, 1), (SECOND, 4), (THIRD, 5)]
    raw.put(f"(date '{FIRST}', 6)")
    assert raw.rows() == [(FIRST, 6), (SECOND, 4), (THIRD, 5)]
    assert len(list(raw.folder.iterdir())) == 2  # nothing is left of the file whose days all came anew


def test_the_same_file_twice_changes_nothing(raw: Raw) -> None:
    rows = f"(date '{FIRST}', 1), (date '{SECOND}', 2)"
    raw.put(rows)
    raw.put(rows)
    assert raw.rows() == [(FIRST, 1), (SECOND, 2)]
    assert len(list(raw.folder.iterdir())) == 1


def test_marks_of_emptied_days_take_out_and_leave_no_row(raw: Raw) -> None:
    raw.put(f"(date '{FIRST}', 1), (date '{SECOND}', 2)")
    raw.put(f"(date '{FIRST}', null, true), (date '{THIRD}', 3, null)", "day, id, _deleted")
    assert raw.rows() == [(SECOND, 2), (THIRD, 3)]
    raw.put(f"(date '{SECOND}', null::bigint, true), (date '{THIRD}', null, true)", "day, id, _deleted")
    assert raw.rows() == []
    assert list(raw.folder.iterdir()) == []


def test_what_a_cut_off_load_left_is_no_data_and_goes(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    raw.put(f"(date '{FIRST}', 1), (date '{SECOND}', 2)")
    with monkeypatch.context() as cut:
        cut.setattr(kept_files, "_view", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            raw.put(f"(date '{SECOND}', 3)")
    assert raw.rows() == [(FIRST, 1), (SECOND, 2)]
    assert len(list(raw.folder.iterdir())) == 3
    raw.put(f"(date '{SECOND}', 3)")
    assert raw.rows() == [(FIRST, 1), (SECOND, 3)]
    assert len(list(raw.folder.iterdir())) == 2


def test_a_column_that_came_later_is_null_in_older_files(raw: Raw) -> None:
    raw.put(f"(date '{FIRST}', 1)")
    wider = replace(TABLE, columns=(*TABLE.columns, Column("price", "decimal")))
    raw.prepare(replace(SPEC, tables=(wider,)))
    with duckdb.connect(str(raw.file), read_only=True) as con:
        assert con.execute("select id, price from toy.things").fetchall() == [(1, None)]


def test_a_column_that_a_file_leaves_out_is_null_and_comes_back_with_the_next(raw: Raw) -> None:
    raw.put(f"(date '{FIRST}', 1)")
    raw.put(f"(date '{SECOND}', 2, 'told')", "day, id, note")
    raw.put(f"(date '{THIRD}', 3)")
    with duckdb.connect(str(raw.file), read_only=True) as con:
        assert con.execute("select id, note from toy.things order by id").fetchall() == [
            (1, None), (2, "told"), (3, None),
        ]  # fmt: skip


def test_a_file_of_other_days_is_left_alone(raw: Raw) -> None:
    raw.put(f"(date '{FIRST}', 1), (date '{THIRD}', 3)")
    (file,) = raw.folder.iterdir()
    with duckdb.connect(str(raw.file)) as con:
        for day, touched in ((SECOND, {file.name}), (THIRD, {file.name}), (date(2026, 12, 1), set())):
            con.execute("create or replace temp table _came as select ?::date as key", [day])
            assert kept_files._touched(con, [file], "day", "date") == touched


def test_many_small_files_become_one_and_no_row_is_lost(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "MERGE_AT", 6)
    monkeypatch.setattr(kept_files, "NEWEST", 2)
    days = [date(2026, 11, n) for n in range(1, 8)]
    for n, day in enumerate(days):
        raw.put(f"(date '{day}', {n})")
    assert raw.rows() == [(day, n) for n, day in enumerate(days)]
    assert len(list(raw.folder.iterdir())) == 4  # six became one and two, and one came
    raw.put(f"(date '{days[1]}', 10)")
    assert raw.rows() == sorted([(day, n) for n, day in enumerate(days) if n != 1] + [(days[1], 10)])


def test_a_data_folder_that_was_moved_reads_its_own_files(raw: Raw, tmp_path: Path) -> None:
    raw.put(f"(date '{FIRST}', 1)")
    moved = tmp_path / "moved"
    shutil.copytree(raw.home / "raw", moved / "raw")
    shutil.rmtree(raw.home / "raw")
    raw.file = moved / "raw" / "raw_toy.duckdb"
    raw.prepare()
    assert raw.rows() == [(FIRST, 1)]


def test_a_table_kept_as_files_needs_one_key_to_replace_by() -> None:
    with pytest.raises(SpecError, match="exactly one merge_key"):
        replace(TABLE, merge_key=("day", "id"))
