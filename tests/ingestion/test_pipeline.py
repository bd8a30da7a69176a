"""Contract, quarantine, interrupted loads, upgrades, the lock: what keeps raw right whatever happens."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import ops, pipeline, privacy, raw
from ingestion.lock import writer_lock
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources import files
from ingestion.spec import Column, Configuration, LoadContext, SourceSpec, Table
from tests.conftest import AS_OF, Drop
from tests.house import Said

TWO = """\
leads: {entity: leads, location: l.csv, columns: {lead_id: id, created_date: day}}
consent: {entity: consent_counts, location: c.csv, columns: {date: day, purpose: p, shown: n}}
"""


def _two(drop: Drop, lead: str = "1", shown: int = 5) -> None:
    drop.catalogue(TWO)
    drop.write("l.csv", f"id,day\n{lead},2026-01-02\n")
    drop.write("c.csv", f"day,p,n\n2026-01-02,ads,{shown}\n")


def test_a_table_that_fails_its_contract_is_kept_apart_and_the_others_are_loaded(drop: Drop) -> None:
    _two(drop)
    drop.load()
    _two(drop, lead="2", shown=6)

    def contract(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> list[Said]:
        return [Said(t, "unique", "failed" if t == "leads" else "passed") for t in package]

    report = drop.load(contract=contract)
    assert report.status == "partial"
    assert "leads: check unique failed (3 of 3); kept apart in quarantine/files/" in report.message
    assert drop.rows("select lead_id from files.leads") == [("1",)]
    assert drop.rows("select shown from files.consent_counts") == [(6,)]
    kept = list(drop.settings.quarantine_dir.rglob("leads.*.parquet"))
    assert [pq.read_table(p).column("lead_id").to_pylist() for p in kept] == [["2"]]
    assert drop.load().status == "loaded"
    assert drop.rows("select lead_id from files.leads") == [("2",)]


def test_a_contract_that_crashes_fails_the_source_and_writes_nothing(drop: Drop) -> None:
    _two(drop)
    drop.load()
    _two(drop, lead="2")

    def contract(spec: SourceSpec, package: Mapping[str, Sequence[Path]]) -> list[Said]:
        raise ZeroDivisionError("in a check")

    report = drop.load(contract=contract)
    assert (report.status, report.message) == ("failed", "ZeroDivisionError: in a check")
    assert drop.rows("select lead_id from files.leads") == [("1",)]
    assert drop.load().status == "loaded"
    assert drop.rows("select lead_id from files.leads") == [("2",)]


def test_a_warning_of_the_contract_lets_the_load_go_on(drop: Drop) -> None:
    _two(drop)
    report = drop.load(contract=lambda spec, package: [Said("leads", "volume", "failed", "warning")])
    assert report.status == "loaded"
    assert report.checks[0].check == "volume"


@pytest.mark.parametrize("step", ["extract", "normalize"])
def test_a_load_cut_off_before_it_wrote_is_dropped_and_pulled_again(
    drop: Drop, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dlt

    _two(drop)

    class Cut(BaseException):
        """Like a kill: nothing below may catch it."""

    real = getattr(dlt.Pipeline, step)

    def cut(self: Any, *args: Any, **kwargs: Any) -> Any:
        real(self, *args, **kwargs)
        raise Cut

    raw.prepare_tables(drop.settings)
    with monkeypatch.context() as patch:
        patch.setattr(dlt.Pipeline, step, cut)
        with pytest.raises(Cut):
            pipeline.load_source(files.SPEC, drop.settings, AS_OF)
    said: list[str] = []
    report = pipeline.load_source(files.SPEC, drop.settings, AS_OF, progress=lambda name, message: said.append(message))
    assert report.status == "loaded", report.message
    assert "dropped a load that was cut off before it wrote anything" in said
    assert drop.rows("select count(*) from files.leads") == [(1,)]


KILLED_AFTER_INSERT = """
import os, sys
from datetime import date
from pathlib import Path
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from ingestion import pipeline
from ingestion.settings import Settings
from ingestion.sources import files
real = DuckDbCopyJob.run
def cut(self):
    real(self)
    if "leads" in self._file_path:
        os._exit(9)   # the insert is committed, and dlt has not noted it
DuckDbCopyJob.run = cut
folder = Path(sys.argv[1])
settings = Settings(_env_file=None, data_dir=folder / "data", files_catalogue=folder / "drop/catalogue.yml", hash_key="k" * 20)
pipeline.load_source(files.SPEC, settings, date(2026, 11, 20))
"""


def test_a_job_written_twice_after_a_kill_leaves_each_row_once(drop: Drop, tmp_path: Path) -> None:
    _two(drop)
    raw.prepare_tables(drop.settings)
    code = [sys.executable, "-c", KILLED_AFTER_INSERT, str(tmp_path)]
    killed = subprocess.run(code, cwd=PROJECT_DIR, timeout=60)
    assert killed.returncode == 9
    said: list[str] = []
    pipeline.load_source(files.SPEC, drop.settings, AS_OF, progress=lambda name, message: said.append(message))
    assert "finished a load that was cut off while it wrote" in said
    assert drop.rows("select count(*) from files.leads") == [(1,)]
    assert drop.rows("select count(*) from files.consent_counts") == [(1,)]
    assert drop.load().status == "unchanged"


def _beta(columns: tuple[Column, ...], rows: pa.Table | None = None, **changes: Any) -> SourceSpec:
    import dlt

    table = Table("ad_daily", columns, row_key=("day",), merge_key=("day",), date_column="day")

    def build(context: LoadContext) -> Any:
        def pull() -> Any:
            if rows is not None:
                yield rows

        return dlt.source(
            lambda: dlt.resource(
                pull,
                name="ad_daily",
                columns=raw.columns_hint(table),
                merge_key="day",
                write_disposition={"disposition": "merge", "strategy": "delete-insert"},
            ),
            name="beta",
        )()

    return SourceSpec(
        **{
            "name": "beta",
            "kind": "ads",
            "description": "",
            "owner": "us",
            "tables": (table,),
            "provides": frozenset(),
            "configured": lambda settings: Configuration(rows is not None, "beta"),
            "build": build,
            **changes,
        }
    )


DAY, COST = Column("day", "date"), Column("cost", "decimal")


def _raw(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.raw_file("beta")), read_only=True) as con:
        return con.execute(query).fetchall()


def test_tables_of_an_unconfigured_source_exist_and_are_not_made_again(settings: Settings) -> None:
    spec = _beta((DAY, COST))
    assert pipeline.load_source(spec, settings, AS_OF).status == "not configured"
    assert _raw(settings, "select count(*) from beta.ad_daily") == [(0,)]
    assert raw.prepare_tables(settings, [spec]) == []


def test_an_upgrade_keeps_the_data_adds_columns_and_runs_migrations(settings: Settings) -> None:
    rows = pa.table({"day": [date(2026, 1, 2)], "cost": pa.array([1], pa.decimal128(18, 6))})
    assert pipeline.load_source(_beta((DAY, COST), rows), settings, AS_OF).status == "loaded"
    wide = Column("cost", "decimal", precision=22, scale=8)
    clicks = Column("clicks", "bigint")
    newer = pa.table({"day": [date(2026, 1, 3)], "cost": pa.array([2], pa.decimal128(22, 8)), "clicks": [7]})
    spec = _beta(
        (DAY, wide, clicks),
        newer,
        schema_version=2,
        migrations={2: ("alter table ad_daily alter column cost type decimal(22, 8)",)},
    )
    assert raw.prepare_tables(settings, [spec]) == ["beta"]
    assert _raw(settings, "select day::varchar, cost::varchar, clicks from beta.ad_daily") == [
        ("2026-01-02", "1.00000000", None)
    ]
    assert pipeline.load_source(spec, settings, AS_OF).status == "loaded"
    assert _raw(settings, "select cost::varchar, clicks from beta.ad_daily order by day") == [
        ("1.00000000", None),
        ("2.00000000", 7),
    ]
    assert raw.prepare_tables(settings, [spec]) == []


def test_a_column_the_spec_does_not_know_fails_the_source_and_keeps_its_data(settings: Settings) -> None:
    rows = pa.table({"day": [date(2026, 1, 2)], "cost": pa.array([1], pa.decimal128(18, 6))})
    pipeline.load_source(_beta((DAY, COST), rows), settings, AS_OF)
    report = pipeline.load_source(_beta((DAY, COST), rows.append_column("surprise", pa.array([1]))), settings, AS_OF)
    assert report.status == "failed"
    assert "surprise" in report.message
    assert _raw(settings, "select count(*) from beta.ad_daily") == [(1,)]
    assert pipeline.load_source(_beta((DAY, COST), rows), settings, AS_OF).status == "loaded"


def test_a_source_whose_newest_day_is_old_is_stale(settings: Settings) -> None:
    rows = pa.table({"day": [date(2026, 1, 2)], "cost": pa.array([1], pa.decimal128(18, 6))})
    report = pipeline.load_source(_beta((DAY, COST), rows), settings, date(2026, 1, 5))
    assert (report.is_stale, report.data_through_date) == (False, date(2026, 1, 2))
    assert pipeline.load_source(_beta((DAY, COST), rows), settings, date(2026, 1, 6)).is_stale


def test_status_and_volumes_are_kept_for_dbt_and_the_checks(drop: Drop) -> None:
    _two(drop)
    drop.load()
    status = ops.read_load_status(drop.settings)["files"]
    assert (status["status"], status["rows_loaded"], status["last_good_as_of"]) == ("loaded", 2, AS_OF)
    drop.catalogue("leads: {entity: leads}\n")
    drop.load(date(2026, 11, 21))
    status = ops.read_load_status(drop.settings)["files"]
    assert (status["status"], status["last_good_as_of"], status["is_stale"]) == ("failed", AS_OF, True)
    for n in (1, 2):
        ops.record_volumes(drop.settings, AS_OF, {"fct_lead": n})
    with duckdb.connect(str(drop.settings.ops_file), read_only=True) as con:
        assert con.execute("select relation, n_rows from ops.table_volume").fetchall() == [("fct_lead", 2)]


def test_a_second_writer_waits_and_says_for_whom(settings: Settings) -> None:
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from ingestion.lock import writer_lock
        from ingestion.settings import Settings
        with writer_lock(Settings(_env_file=None, data_dir=Path(sys.argv[1])), "the nightly run"):
            print("held", flush=True)
            time.sleep(1)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(settings.data_dir)], cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        said: list[str] = []
        began = time.monotonic()
        with writer_lock(settings, "a test", said.append), writer_lock(settings, "a test inside", said.append):
            waited = time.monotonic() - began
    assert waited > 0.3
    assert len(said) == 1
    assert said[0].startswith(f"waiting for the nightly run (process {first.pid}, since ")


def test_a_writer_waits_for_the_dbt_that_a_killed_night_left_and_a_late_one_is_refused(settings: Settings) -> None:
    """The build lock is held by a process whose parent, the writer, is gone."""
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from ingestion.lock import hold_while_building
        try:
            hold_while_building(Path(sys.argv[1]))
        except RuntimeError as error:
            sys.exit(str(error))
        print("building", flush=True)
        time.sleep(1)
    """)
    command = [sys.executable, "-c", code, str(settings.data_dir)]
    with subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True) as dbt:
        assert dbt.stdout is not None
        assert dbt.stdout.readline() == "building\n"
        said: list[str] = []
        with writer_lock(settings, "the next night", said.append):
            assert dbt.poll() == 0 or dbt.wait(1) == 0
            mine = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
            other = [sys.executable, "-c", f"import subprocess, sys; sys.exit(subprocess.call({command!r}))"]
            late = subprocess.run(other, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert len(said) == 1
    assert said[0].startswith("waiting for a dbt to finish building in ")
    assert (mine.returncode, mine.stderr) == (0, "")
    assert late.returncode == 1
    assert late.stderr.startswith("the next night (process ")
    assert "did not start this dbt" in late.stderr


def test_the_keyed_hash_is_hmac_sha256_and_its_key_stands_in_no_query(settings: Settings) -> None:
    import hashlib
    import hmac

    key = b"a key for tests only"
    con = duckdb.connect()
    privacy.install(con, key)
    found = con.execute(
        "select keyed_hash('Åse|1'), email_hash('  Ola@Example.NO '), phone_hash('0047 22 33 44 55'), phone_hash('22334455')"
    ).fetchone()
    assert found is not None
    assert found[0] == hmac.new(key, "Åse|1".encode(), hashlib.sha256).hexdigest()
    assert found[1] == hmac.new(key, b"ola@example.no", hashlib.sha256).hexdigest()
    assert found[2] == found[3] == hmac.new(key, b"+4722334455", hashlib.sha256).hexdigest()
    assert con.execute("select email_hash('not an address'), phone_hash('12'), keyed_hash(null)").fetchone() == (
        None,
        None,
        None,
    )
    macros = con.execute(
        "select string_agg(macro_definition) from duckdb_functions() where macro_definition like '%hash_%'"
    ).fetchone()
    assert macros is not None
    assert key.decode() not in macros[0]


def test_two_settings_folders_do_not_share_a_lock(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"data_dir": tmp_path / "other"})
    with writer_lock(settings, "one"), writer_lock(other, "two", lambda message: pytest.fail(message)):
        assert replace(files.SPEC).name == "files"
