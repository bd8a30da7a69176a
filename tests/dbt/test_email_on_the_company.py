"""Both e-mail systems show the simulated company's mails: the mart says the same of them by either, and what the company knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from ingestion import ops
from ingestion.pipeline import load_source
from ingestion.privacy import install
from ingestion.raw import prepare_tables
from ingestion.registry import get_spec
from ingestion.sandbox.server.mails import ready
from ingestion.sandbox.server.vendors.klaviyo import API_KEY
from ingestion.settings import Settings
from tests.dbt.test_marts_on_small_data import KEY, dbt, failed
from tests.sandbox import THROUGH, Sandbox, set_all

pytestmark = pytest.mark.slow

NIGHT = THROUGH + timedelta(days=1)
SYSTEMS = ("mailchimp", "klaviyo")
MODELS = "stg_{}__events stg_{}__campaigns stg_{}__members stg_{}__lists stg_{}__merges"


@pytest.fixture
def warehouse(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The mart of mails from both systems, and the company's own mail tables beside it as `mail`."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), hash_key=KEY)  # type: ignore[call-arg]
    set_all(monkeypatch, {"SOURCES__KLAVIYO__API_KEY": API_KEY})
    prepare_tables(settings)
    ops.start_run(settings, NIGHT)
    reports = [load_source(get_spec(name), settings, NIGHT) for name in SYSTEMS]
    assert [(r.status, r.message) for r in reports] == [("loaded", "")] * 2
    ops.write_load_status(settings, reports, NIGHT)
    models = [m for name in SYSTEMS for m in MODELS.replace("{}", name).split()]
    unions = [f"int_email_{what}__unioned" for what in ("events", "campaigns", "members", "merges")]
    assert not failed(dbt(settings, "run", "--select", *models, *unions, "fct_email_event"))
    desk = sandbox.app.state.desk
    ready(desk)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute("create schema mail")
        for table in ("events", "mails", "contacts"):
            con.register("rows_of_it", desk.arrow(f"select * from mail.{table}"))
            con.execute(f"create table mail.{table} as from rows_of_it")
        install(con, KEY.encode())  # the unions are views over raw
        for name in SYSTEMS:
            con.execute(f"attach '{settings.raw_file(name)}' as raw_{name} (read_only)")
        yield con


def test_both_systems_say_what_the_company_knows(warehouse: duckdb.DuckDBPyConnection) -> None:
    known = warehouse.execute(
        """select title, event, case when event = 'opened' then if(is_proxy, 'unknown', 'human') end as open_kind,
               case when event = 'clicked' then event_id like 'scanned%' end as is_scanner, count(*) as n
           from mail.events join mail.mails using (mail_id) group by all order by all"""
    ).fetchall()
    assert {event for _, event, _, _, _ in known} >= {"sent", "delivered", "bounced", "opened", "clicked"}
    assert any(is_scanner for _, _, _, is_scanner, _ in known)
    for name in SYSTEMS:
        told = warehouse.execute(
            """select campaign_name, event_type, open_kind, is_scanner_click, count(*) as n
               from marts.fct_email_event where source_name = ? group by all order by all""",
            [name],
        ).fetchall()
        assert told == known, name


def test_members_are_the_companys_contacts_and_one_person_is_one_hash_in_both(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    members = "select person_hash, status from intermediate.int_email_members__unioned where source_name = ?"
    listed = [
        set(warehouse.execute(f"{members} and status <> 'never_subscribed'", [name]).fetchall()) for name in SYSTEMS
    ]
    assert listed[0] == listed[1]
    [[n_listed]] = warehouse.execute("select count(*) from mail.contacts where opted_at is not null").fetchall()
    assert len(listed[0]) == n_listed
    [[n_unknown]] = warehouse.execute(
        "select count(*) from intermediate.int_email_events__unioned where person_hash is null"
    ).fetchall()
    assert n_unknown == 0
