"""Data Docs: the last runs, masked, without the internet."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion.settings import Settings
from quality import __main__ as command
from quality import docs as docs_module
from quality.docs import write_data_docs
from quality.results import CheckResult, read_runs
from quality.run import run_contract, run_marts
from quality.suites import Suites, load_suites
from tests.quality.conftest import AS_OF, MakeSuites, mart
from tests.quality.test_quality_contract import LEADS, SPEC, one_in_twenty, parquet

__all__ = ["parquet"]  # a fixture

ROWS = "id: rows, expectation: table_row_count_to_be_between, args: {min_value: 10}"
BAD = 'id: bad, expectation: unexpected_rows, args: {sql: "select note::int from {batch}"}'


@pytest.fixture
def site(
    settings: Settings,
    suites: MakeSuites,
    warehouse: Callable[[str], None],
    parquet: Callable[..., Path],
) -> Path:
    """The site after a contract run with a fault, and a mart run with a failure and a crash."""
    leads = LEADS | {"_dataset": one_in_twenty("null", "'crm'"), "email": "'kari@firma.no'", "lead_id": "null"}
    run_contract(SPEC, {"leads": [parquet("leads", leads)]}, settings, AS_OF)
    warehouse("create table marts.fct_sale as select 1 as sale_key, 'of kari@firma.no' as note")
    planted = suites(mart_fct_sale=mart(f"{ROWS}\n{BAD}"))
    run_marts(settings, AS_OF, suites=planted)
    contracts = load_suites().contracts
    return write_data_docs(settings, Suites(planted.marts, contracts)).parent


def pages(site: Path) -> dict[str, str]:
    return {p.relative_to(site).as_posix(): p.read_text(encoding="utf-8") for p in site.rglob("*.html")}


def test_the_site_shows_both_borders_with_their_faults(site: Path) -> None:
    index = pages(site)["index.html"]
    for text in ("leads: lead_id_known", "leads: dataset_known", "fct_sale: rows", "fct_sale: bad", "error (critical)"):
        assert text in index
    links = re.findall(r"<a href='([^']+)'", index)
    assert len(links) == 2
    assert all((site / link).is_file() for link in links)


def test_no_page_holds_a_personal_value(site: Path) -> None:
    for name, text in pages(site).items():
        assert "kari@firma" not in text, name
        assert "99887766" not in text, name


def test_no_page_fetches_anything_from_the_internet(site: Path) -> None:
    for name, text in pages(site).items():
        assert not re.search(r"<(script|link|img|iframe)\b[^>]*(src|href)=[\"']https?:", text), name
        assert not re.search(r"url\([\"']?https?:", text), name
        assert "newsletter" not in text, name


def test_a_table_that_is_not_checked_again_keeps_its_last_run(settings: Settings, parquet: Callable[..., Path]) -> None:
    run_contract(SPEC, {"leads": [parquet("leads", LEADS | {"lead_id": "null"})]}, settings, AS_OF)
    run_contract(SPEC, {"order_lines": [parquet("order_lines", {}, n=0)]}, settings, AS_OF)
    runs = read_runs(settings)
    assert set(runs) == {("contract_files", "leads"), ("contract_files", "order_lines")}
    assert any(r.status == "failed" for r in runs["contract_files", "leads"].results)
    assert all(isinstance(r, CheckResult) for run in runs.values() for r in run.results)


def test_a_mart_that_is_gone_leaves_the_site(
    settings: Settings, suites: MakeSuites, warehouse: Callable[[str], None]
) -> None:
    warehouse("create table marts.fct_sale as select 1 as sale_key; create table marts.fct_old as select 1 as sale_key")
    run_marts(settings, AS_OF, suites=suites(mart_fct_sale=mart(ROWS), mart_fct_old=mart(ROWS, "fct_old")))
    run_marts(settings, AS_OF, suites=suites(mart_fct_sale=mart(ROWS)))
    assert set(read_runs(settings)) == {("marts", "fct_sale")}


def test_a_site_that_cannot_be_written_leaves_the_old_one(
    site: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pages(site)

    def crash(*args: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(docs_module, "_localise", crash)
    with pytest.raises(RuntimeError, match="the disk is full"):
        write_data_docs(settings)
    assert pages(site) == before
    assert [p.name for p in settings.data_dir.iterdir() if p.name.startswith(".data_docs")] == []


def test_the_site_is_written_before_the_first_night_too(settings: Settings) -> None:
    assert "No checks have run yet" in write_data_docs(settings).read_text(encoding="utf-8")


def test_the_commands_exit_by_what_they_found(
    settings: Settings,
    suites: MakeSuites,
    warehouse: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warehouse("create table marts.fct_sale as select range as sale_key from range(10)")
    planted = suites(mart_fct_sale=mart(ROWS))
    monkeypatch.setattr(command, "get_settings", lambda: settings)
    monkeypatch.setattr(command, "load_suites", lambda: planted)
    monkeypatch.setattr("quality.run.load_suites", lambda: planted)
    runner = CliRunner()
    assert runner.invoke(command.app, ["list"]).exit_code == 0
    good = runner.invoke(command.app, ["run-marts", "--as-of", "2026-11-01"])
    assert (good.exit_code, "1 passed" in good.output) == (0, True)
    warehouse("delete from marts.fct_sale where sale_key > 3")
    bad = runner.invoke(command.app, ["run-marts", "--as-of", "2026-11-01"])
    assert (bad.exit_code, "1 failed" in bad.output) == (1, True)
    assert runner.invoke(command.app, ["docs"]).exit_code == 0
    accepted = ["accept-volume", "fct_sale", "--reason", "cleaned up", "--as-of", "2026-11-01"]
    assert runner.invoke(command.app, accepted).exit_code == 0
    assert runner.invoke(command.app, ["accept-volume", "fct_nope", "--reason", "x"]).exit_code == 2
