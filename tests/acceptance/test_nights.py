"""Whole nights that are killed, read from, doubled, upgraded and spoiled: what readers see, and what people are told.

All on the drop folder of the made-up company; each night is a process of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest

from ingestion.settings import PROJECT_DIR
from tests.acceptance.conftest import AS_OF, Undisturbed
from tests.acceptance.nights import SECONDS, Warehouse, differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@contextmanager
def reading(house: Warehouse) -> Iterator[list[dict[str, object]]]:
    """A reader beside what happens inside; the list holds what it found once it has ended."""
    found: list[dict[str, object]] = []
    command = [sys.executable, "-m", "tests.acceptance.reader", str(house.published)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT_DIR, stdin=pipe, stdout=pipe, text=True) as reader:
        assert reader.stdout and reader.stdout.readline() == "reading\n"
        try:
            yield found
        finally:
            said, _ = reader.communicate(timeout=60)
        found.append(json.loads(said))


# Rejects


def test_rejected_rows_stand_in_the_reconciliation_and_do_not_turn_the_night_red(undisturbed: Undisturbed) -> None:
    assert "2 rejected" in undisturbed.said
    rows = undisturbed.house.rows(
        "select in_files - in_raw, rejected, difference_to_raw, difference_to_mart, is_reconciled "
        "from rpt_reconciliation where entity = 'leads' and measure = 'rows'"
    )
    assert rows == [(2, 2, 0, 0, True)]
    assert undisturbed.house.one(
        "select count_if(not is_reconciled), count(distinct entity) from rpt_reconciliation"
    ) == (
        0,
        8,
    )


CUT_WHILE_WRITING = """
import os
from orchestration import publish
real, written = publish._fingerprint, []
def cut(con, name):
    written.append(name)
    return os._exit(9) if len(written) == 6 else real(con, name)
publish._fingerprint = cut
"""
CUT_BETWEEN_RENAMES = """
import os
from orchestration import publish
publish._replace_file = lambda settings, generation: os._exit(9)
"""
CUT_BEFORE_THE_LAST_RENAME = """
import os, shutil
from orchestration import publish
real = shutil.copyfile
def cut(source, target):
    real(source, target)
    os._exit(9)
publish.shutil.copyfile = cut
"""


def test_a_reader_sees_no_error_and_no_half_state_while_nights_publish_die_and_are_taken_back(house: Warehouse) -> None:
    first = house.current
    tomorrow = replace(house, as_of=AS_OF + timedelta(days=1))
    with reading(house) as found:
        assert tomorrow.run_patched(CUT_WHILE_WRITING)[0] == 9
        assert house.current == first
        assert tomorrow.run_patched(CUT_BETWEEN_RENAMES)[0] == 9
        cut = house.current
        assert cut != first  # the link is new, the file is not
        assert house.one("select max(as_of_date) from rpt_kpi") == (AS_OF,)
        assert tomorrow.run_patched(CUT_BEFORE_THE_LAST_RENAME)[0] == 9
        tomorrow.green()
        last = house.current
        rollback = [sys.executable, "-m", "orchestration", "publish", "rollback", first]
        assert house.run(command=rollback) == (0, f"readers now see {first} (as-of {AS_OF})\n")
    (reader,) = found
    assert reader["wrong"] == []
    assert isinstance(reader["reads"], int) and reader["reads"] > 20
    seen = reader["seen"]
    assert isinstance(seen, dict)
    assert seen["parquet"][0] == seen["file"][0] == first
    assert last in seen["parquet"] and last in seen["file"]
    assert seen["parquet"][-1] == seen["file"][-1] == first


def test_a_reader_of_half_a_state_would_notice(house: Warehouse) -> None:
    with reading(house) as found:
        marts = house.published / "marts.duckdb"
        spoiled = house.published / "spoiled.duckdb"
        shutil.copyfile(marts, spoiled)
        spoiled.chmod(0o600)
        with duckdb.connect(str(spoiled)) as con:
            con.execute("update rpt_kpi set as_of_date = as_of_date + 1 where kpi = 'leads'")
        spoiled.replace(marts)
        time.sleep(1)
    assert found[0]["wrong"]


# Beside each other


def test_a_second_night_waits_says_so_and_ends_green(house: Warehouse, undisturbed: Undisturbed) -> None:
    first = house.start()
    assert first.stdout
    begun = first.stdout.readline()
    assert "start" in begun or "dbt" in begun, begun
    second = house.start()
    assert second.stdout
    waiting = second.stdout.readline()
    assert first.poll() is None
    assert f"waiting for the night (process {first.pid}, since " in waiting
    first_said, _ = first.communicate(timeout=SECONDS)
    second_said, _ = second.communicate(timeout=SECONDS)
    assert first.returncode == 0, first_said
    assert second.returncode == 0, second_said
    generations = sorted(p.name for p in (house.published / "generations").iterdir())
    assert [g[:6] for g in generations] == ["000001", "000002", "000003"]
    assert house.current == generations[-1]
    assert differences(undisturbed.marts, house.published / "marts.duckdb") == {}


# An upgrade

ONE_MORE_COLUMN = """
from dataclasses import replace
from ingestion.spec import Column
from ingestion.sources import files
from ingestion.sources.files import entities
leads = entities.BY_NAME["leads"]
entities.BY_NAME["leads"] = replace(leads, columns=(*leads.columns, Column("budget", "decimal", "what the lead says it has")))
tables = tuple(entities.BY_NAME[t.name].table() if t.name == "leads" else t for t in files.TABLES)
files.TABLES = tables
files.SPEC = replace(files.SPEC, tables=tables)
"""


def test_an_upgrade_that_adds_a_column_keeps_the_data_and_the_marts(house: Warehouse, undisturbed: Undisturbed) -> None:
    raw = house.data_dir / "raw" / "raw_files.duckdb"

    def leads(columns: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(raw), read_only=True) as con:
            return con.execute(f"select {columns} from files.leads").fetchall()

    before = leads("count(*), count(distinct lead_id), bit_xor(hash(lead_id, created_date, email))")
    code, said = house.run_patched(ONE_MORE_COLUMN)
    assert code == 0, said
    assert "files: unchanged, no new rows" in said
    assert leads("count(*), count(distinct lead_id), bit_xor(hash(lead_id, created_date, email))") == before
    assert leads("count(budget)") == [(0,)]
    assert differences(undisturbed.marts, house.published / "marts.duckdb") == {}
    months = sorted(house.catalogue.parent.glob("crm/leads_*.csv"))
    header = months[-1].read_text("windows-1252").splitlines()[0]
    values = {"Lead-ID": "L-new", "Opprettet": "19.11.2026"}
    line = ";".join(values.get(name, "") for name in header.split(";"))
    (months[-1].parent / "leads_new.csv").write_text(f"{header};Budsjett\r\n{line};75000\r\n", "windows-1252")
    text = house.catalogue.read_text("utf-8")
    house.catalogue.write_text(
        text.replace("  crm_deals:", _NEW_LEADS + "  crm_deals:").replace("crm/leads_*.csv", "crm/leads_2*.csv"),
        "utf-8",
    )
    code, said = house.run_patched(ONE_MORE_COLUMN)
    assert code == 0, said
    assert leads("count(*)") == [(before[0][0] + 1,)]
    assert leads("max(budget)") == [(75000,)]
    assert house.one("select count(*) from fct_lead") == (before[0][0] + 1,)


_NEW_LEADS = """\
  crm_new:
    entity: leads
    location: crm/leads_new.csv
    system: crm
    encoding: windows-1252
    delimiter: ";"
    date_formats: ["%d.%m.%Y"]
    columns: {lead_id: Lead-ID, created_date: Opprettet, budget: Budsjett}
"""


# Red nights


def test_data_that_breaks_the_contract_stays_out_the_rest_goes_out_and_the_night_is_red(house: Warehouse) -> None:
    before = house.current
    clicks = house.one(
        "select sum(numerator) from rpt_kpi where kpi = 'cost_per_click' and grain = 'year' and scope = 'total'"
    )
    ads = house.catalogue.parent / "ads" / "newspaper.csv"
    header, first, *rest = ads.read_text().splitlines()
    at = header.split(",").index("Clicks")
    cells = first.split(",")
    cells[at] = "-7"
    ads.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    consent = house.catalogue.parent / "web" / "consent.csv"
    consent.write_text(consent.read_text() + "2026-11-20,analytics,300,170,100\n")
    code, said = house.run()
    assert code == 1
    assert "files: partial" in said
    assert "check clicks_not_negative on ad_performance.clicks failed" in said
    assert house.current != before  # what is good went out, before the verdict
    with duckdb.connect(str(house.data_dir / "raw" / "raw_files.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from files.ad_performance where clicks < 0").fetchone() == (0,)
        assert con.execute("select count(*) from files.consent_counts where date = '2026-11-20'").fetchone() == (1,)
    assert list((house.data_dir / "quarantine").rglob("ad_performance.*.parquet"))
    assert house.one("select status from rpt_source_status where source_name = 'files'") == ("partial",)
    assert clicks == house.one(
        "select sum(numerator) from rpt_kpi where kpi = 'cost_per_click' and grain = 'year' and scope = 'total'"
    )
    ads.write_text("\n".join([header, first, *rest]) + "\n")
    house.green()
    assert house.one("select status, is_stale from rpt_source_status where source_name = 'files'") == ("ok", False)


ONE_ORDER_TWICE = """
import duckdb
import quality.run
real = quality.run.run_marts
def run_marts(settings, *args, **kwargs):
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute("insert into marts.fct_order from marts.fct_order limit 1")
    return real(settings, *args, **kwargs)
quality.run.run_marts = run_marts
"""


def test_a_mart_that_fails_a_critical_check_is_held_back_and_readers_keep_yesterday(
    house: Warehouse, undisturbed: Undisturbed
) -> None:
    before = house.current
    code, said = replace(house, as_of=AS_OF + timedelta(days=1)).run_patched(ONE_ORDER_TWICE)
    assert code == 1
    assert f"held back, readers still see {before}" in said
    assert "on fct_order" in said and "RED" in said
    assert house.current == before
    assert [p.name for p in (house.published / "generations").iterdir()] == [before]
    assert differences(undisturbed.marts, house.published / "marts.duckdb") == {}


def test_a_source_that_fails_leaves_its_last_good_data_published_and_called_stale(
    house_elsewhere: Warehouse, undisturbed: Undisturbed
) -> None:
    house = house_elsewhere
    good = house.catalogue.read_text("utf-8")
    house.catalogue.write_text(good.replace("entity: leads", "entity: leeds"), "utf-8")
    tomorrow = replace(house, as_of=AS_OF + timedelta(days=1))
    code, said = tomorrow.run()
    assert code == 1
    assert "source files failed: catalogue.yml, line " in said and "datasets.crm_leads.entity" in said
    assert f"raw keeps its data of {AS_OF}" in said
    assert house.manifest()["as_of"] == str(tomorrow.as_of)
    assert house.one(
        "select status, is_stale, last_good_as_of, as_of_date from rpt_source_status where source_name = 'files'"
    ) == (
        "failed",
        True,
        AS_OF,
        tomorrow.as_of,
    )
    assert house.one("select bool_and(has_stale_source) from rpt_kpi where kpi = 'leads' and state <> 'unknown'") == (
        True,
    )
    changed = differences(undisturbed.marts, house.published / "marts.duckdb")
    assert not {m for m in changed if m.startswith("fct_") and m != "fct_journey_stage"}, changed
    house.catalogue.write_text(good, "utf-8")
    tomorrow.green()
    assert house.one("select status, is_stale from rpt_source_status where source_name = 'files'") == ("ok", False)
