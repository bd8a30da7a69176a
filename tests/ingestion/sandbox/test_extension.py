"""A company made day by day is the company made at once, and a later day leaves the earlier ones alone."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingestion.sandbox.store import World
from ingestion.sandbox.tables import TABLES
from tests.ingestion.sandbox.conftest import SEED, THROUGH


def _content(world: World) -> dict[str, list[tuple[object, ...]]]:
    return {t.name: world.con().execute(f"from {t.room}.{t.name}").fetchall() for t in TABLES.values()}


def test_a_company_extended_day_by_day_equals_one_made_at_once(world: World, tmp_path: Path) -> None:
    halfway = THROUGH - timedelta(days=8)
    grown = World.create_or_extend(tmp_path, "tiny", SEED, halfway, start=world.start_date)
    before = _content(grown)
    for day in range(1, 9):
        grown = World.create_or_extend(tmp_path, "tiny", SEED, halfway + timedelta(days=day))
    assert grown.through_date == THROUGH
    assert len(json.loads((tmp_path / "company.json").read_text())["chunks"]) == 2  # 12 days, and 8 nights merged
    after, at_once = _content(grown), _content(world)
    for name, rows in at_once.items():
        assert after[name] == rows, name
        assert after[name][: len(before[name])] == before[name], f"{name}: a later day changed earlier rows"
    assert {name for name, rows in at_once.items() if not rows} == {"incremental"}  # made by a command of its own


def test_extending_to_an_earlier_day_changes_nothing(tmp_path: Path) -> None:
    start = date(2026, 10, 1)
    World.create_or_extend(tmp_path, "tiny", SEED, date(2026, 10, 3), start=start)
    stamp = (tmp_path / "company.json").read_bytes()
    again = World.create_or_extend(tmp_path, "tiny", SEED, date(2026, 10, 2))
    assert again.through_date == date(2026, 10, 3)
    assert (tmp_path / "company.json").read_bytes() == stamp


def test_a_chunk_that_company_json_does_not_name_does_not_count(tmp_path: Path) -> None:
    start = date(2026, 10, 1)
    made = World.create_or_extend(tmp_path, "tiny", SEED, date(2026, 10, 2), start=start)
    chunk = tmp_path / "world" / "ad_delivery" / "2026-10-01_2026-10-02.parquet"
    (tmp_path / "world" / "ad_delivery" / "2026-10-03_2026-10-03.parquet").write_bytes(chunk.read_bytes())
    count = "select count(*) from world.ad_delivery"
    assert World.open(tmp_path).con().execute(count).fetchone() == made.con().execute(count).fetchone()


def test_what_a_run_that_died_left_behind_is_overwritten(tmp_path: Path) -> None:
    days = [date(2026, 10, n) for n in (1, 2)]
    World.create_or_extend(tmp_path, "tiny", SEED, days[0], start=days[0])
    left = tmp_path / "world" / "visits" / "2026-10-02_2026-10-09.parquet"
    left.write_bytes(b"half a file")
    (tmp_path / "state-2026-10-09.npz").write_bytes(b"half a state")
    again = World.create_or_extend(tmp_path, "tiny", SEED, days[1])
    assert not left.exists()
    assert again.con().execute("select count(*) > 0 from world.visits").fetchall() == [(True,)]


def test_a_reader_goes_on_while_the_company_is_extended(tmp_path: Path) -> None:
    day = date(2026, 10, 1)
    reader = World.create_or_extend(tmp_path, "tiny", SEED, day, start=day)
    count = "select count(*) from world.visits"
    before = reader.con().execute(count).fetchall()
    World.create_or_extend(tmp_path, "tiny", SEED, day + timedelta(days=1))
    assert reader.con().execute(count).fetchall() == before


def test_a_company_ends_where_its_plan_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plan ends"):
        World.create_or_extend(tmp_path, "tiny", SEED, date(2036, 1, 1), start=date(2026, 1, 1))


def test_another_seed_or_size_is_refused_in_a_folder_that_holds_a_company(tmp_path: Path) -> None:
    day = date(2026, 10, 1)
    World.create_or_extend(tmp_path, "tiny", SEED, day, start=day)
    with pytest.raises(ValueError, match="asked for size tiny, seed 8"):
        World.create_or_extend(tmp_path, "tiny", 8, day)


def test_a_folder_without_a_company_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m ingestion\.sandbox make"):
        World.open(tmp_path)
