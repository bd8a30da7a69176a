"""Write, audit, publish: whole or not at all, and always a way back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import Settings
from orchestration import publish
from tests.orchestration.conftest import NIGHT

Build = Callable[..., None]


def seen(settings: Settings) -> int:
    """What a reader of the plain file sees: the sum of all amounts."""
    con = duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True)
    try:
        row = con.execute("select sum(amount)::int from marts.fct_order").fetchone()
    finally:
        con.close()
    assert row
    return int(row[0])


def test_a_generation_holds_file_parquet_and_manifest_that_agree(settings: Settings, build: Build) -> None:
    build([10, 20, 30])
    made = publish.publish(settings, NIGHT, checks={"passed": 2}, sources=[{"source": "files", "status": "loaded"}])
    manifest = made.manifest()
    assert manifest["as_of"] == "2026-03-02"
    assert {m: v["rows"] for m, v in manifest["marts"].items()} == {"dim_channel": 1, "fct_order": 3}
    assert manifest["checks"] == {"passed": 2}
    assert manifest["sources"] == [{"source": "files", "status": "loaded"}]
    assert set(manifest["files"]) == {
        "marts.duckdb",
        "parquet/dim_channel.parquet",
        "parquet/fct_order.parquet",
    }
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((made.path / name).read_bytes()).hexdigest() == digest
    parquet = duckdb.sql(f"select sum(amount)::int from '{made.path}/parquet/fct_order.parquet'").fetchone()
    assert parquet == (60,)
    assert seen(settings) == 60
    assert (settings.published_dir / "current" / "manifest.json").exists()


def test_the_published_file_is_readable_by_drivers_of_duckdb_1_2(settings: Settings, build: Build) -> None:
    build()
    made = publish.publish(settings, NIGHT)
    con = duckdb.connect(str(made.path / "marts.duckdb"), read_only=True)
    tags = con.execute("select tags from duckdb_databases() where database_name = 'marts'").fetchone()
    con.close()
    assert tags and "v1.2.0" in str(tags[0])


def test_descriptions_travel_with_the_published_tables(settings: Settings, build: Build) -> None:
    build()
    made = publish.publish(settings, NIGHT)
    con = duckdb.connect(str(made.path / "marts.duckdb"), read_only=True)
    comment = con.execute("select comment from duckdb_tables() where table_name = 'fct_order'").fetchone()
    con.close()
    assert comment == ("Orders. One row an order.",)


def test_fingerprint_ignores_row_order_and_load_ids_and_nothing_else(settings: Settings, build: Build) -> None:
    def fingerprint() -> str:
        marts = publish.publish(settings, NIGHT).manifest()["marts"]
        return str(marts["fct_order"]["fingerprint"])

    build([10, 20, 30], load_id="first")
    first = fingerprint()
    build([30, 10, 20], load_id="second")
    assert fingerprint() == first
    build([30, 10, 20, 20], load_id="second")
    assert fingerprint() != first
    build([30, 10, 21], load_id="second")
    assert fingerprint() != first


def test_rollback_goes_to_the_generation_before_and_survives_a_restart(settings: Settings, build: Build) -> None:
    build([1])
    first = publish.publish(settings, NIGHT)
    build([2])
    publish.publish(settings, NIGHT + timedelta(days=1))
    assert seen(settings) == 2
    assert publish.rollback(settings).id == first.id
    assert seen(settings) == 1
    assert publish.repair(settings) == []
    assert seen(settings) == 1


def test_the_next_night_publishes_after_a_rollback(settings: Settings, build: Build) -> None:
    for day in range(2):
        build([day])
        publish.publish(settings, NIGHT + timedelta(days=day))
    publish.rollback(settings)
    build([7])
    publish.publish(settings, NIGHT + timedelta(days=2))
    assert seen(settings) == 7


def test_rollback_to_an_unknown_generation_names_the_known_ones(settings: Settings, build: Build) -> None:
    build()
    made = publish.publish(settings, NIGHT)
    with pytest.raises(publish.PublishError, match=made.id):
        publish.rollback(settings, "000099_2026-01-01")


def test_rollback_without_an_older_generation_says_so(settings: Settings, build: Build) -> None:
    build()
    publish.publish(settings, NIGHT)
    with pytest.raises(publish.PublishError, match="no older generation"):
        publish.rollback(settings)


def test_an_earlier_night_never_goes_over_a_newer_one(settings: Settings, build: Build) -> None:
    build([1])
    publish.publish(settings, NIGHT)
    build([2])
    with pytest.raises(publish.PublishError, match="data folder of its own"):
        publish.publish(settings, NIGHT - timedelta(days=1))
    assert seen(settings) == 1


def test_only_the_last_generations_and_the_current_one_stay(settings: Settings, build: Build) -> None:
    build()
    ids = [publish.publish(settings, NIGHT).id for _ in range(5)]
    assert [g.id for g in publish.list_generations(settings)] == ids[-3:]
    publish.rollback(settings, ids[-3])
    assert publish.current_generation(settings)
    assert [g.id for g in publish.list_generations(settings) if g.is_current] == [ids[-3]]


def test_a_build_that_was_killed_leaves_nothing_behind(settings: Settings, build: Build) -> None:
    build([1])
    publish.publish(settings, NIGHT)
    left = settings.published_dir / "generations" / ".building-000002_2026-03-02"
    left.mkdir()
    (left / "marts.duckdb").write_bytes(b"half")
    assert any("leftover" in line for line in publish.repair(settings))
    assert not left.exists()
    assert seen(settings) == 1


@pytest.mark.parametrize("dies_at", ["_make_current", "_replace_file"])
def test_a_kill_between_the_renames_is_finished_at_the_next_start(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    build([1])
    publish.publish(settings, NIGHT)
    build([2])

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as m:
        m.setattr(publish, dies_at, die)
        with pytest.raises(Killed):
            publish.publish(settings, NIGHT)
    assert seen(settings) == 1  # readers of the file see the whole old state
    assert any("interrupted" in line for line in publish.repair(settings))
    assert seen(settings) == 2
    current = publish.current_generation(settings)
    assert current and current.number == 2
    assert publish.repair(settings) == []


def test_a_wal_beside_the_published_file_stops_publishing_with_what_to_do(settings: Settings, build: Build) -> None:
    build([1])
    publish.publish(settings, NIGHT)
    (settings.published_dir / "marts.duckdb.wal").write_bytes(b"left by a program that wrote")
    with pytest.raises(publish.PublishError, match="opened the published file for writing"):
        publish.publish(settings, NIGHT)
    assert seen(settings) == 1


def test_a_warehouse_without_marts_publishes_nothing(settings: Settings) -> None:
    settings.data_dir.mkdir()
    duckdb.connect(str(settings.warehouse_file)).close()
    with pytest.raises(publish.PublishError, match="did dbt build"):
        publish.publish(settings, NIGHT)
    assert publish.list_generations(settings) == []
    publish.repair(settings)
    assert list((settings.published_dir / "generations").iterdir()) == []


READER = """
import json, sys, time
from pathlib import Path
import duckdb
published = Path(sys.argv[1]); reads = 0; states = set()
print("ready", flush=True)
while not (published / "stop").exists():
    con = duckdb.connect(str(published / "marts.duckdb"), read_only=True)
    n, total = con.execute("select count(*), sum(amount)::int from marts.fct_order").fetchone()
    con.close()
    assert total == n * 7, (n, total)  # every state that is published has it so; a half one has not
    generation = (published / "current").resolve()  # resolve once, then read: all files of one state
    made = json.loads((generation / "manifest.json").read_text())
    rows = duckdb.sql(f"select count(*) from '{generation}/parquet/fct_order.parquet'").fetchone()[0]
    assert rows == made["marts"]["fct_order"]["rows"]
    reads += 1; states.add(n)
print(json.dumps({"reads": reads, "states": len(states)}))
"""


def test_a_reader_in_a_loop_sees_no_error_and_no_half_state(settings: Settings, build: Build) -> None:
    build([7])
    publish.publish(settings, NIGHT)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(settings.published_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout and reader.stdout.readline() == "ready\n"
        for n in range(2, 22):
            build([7] * n)
            publish.publish(settings, NIGHT)
            if n % 5 == 0:
                publish.rollback(settings)
    finally:
        (settings.published_dir / "stop").touch()
        out, err = reader.communicate(timeout=60)
    assert reader.returncode == 0, err
    told = json.loads(out)
    assert told["reads"] > 10 and told["states"] > 3


def test_published_files_cannot_be_written_by_a_reader_that_forgot_read_only(settings: Settings, build: Build) -> None:
    build()
    made = publish.publish(settings, NIGHT)
    files: list[Path] = [settings.published_dir / "marts.duckdb", *made.path.rglob("*.*")]
    assert all(f.stat().st_mode & 0o222 == 0 for f in files if f.is_file())
