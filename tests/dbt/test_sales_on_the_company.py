"""Leads and deals of both CRMs, on identity's people: what the marts say is what the simulated company's sales system holds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import duckdb
import pytest

from ingestion import ops
from ingestion.pipeline import load_source
from ingestion.raw import prepare_tables
from ingestion.registry import get_spec, providers
from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors._crm import IMPORT, Crm, crm_of
from ingestion.sandbox.store import World
from ingestion.settings import Settings, environment_of
from tests.crm import NIGHT, make_company
from tests.dbt.test_marts_on_small_data import KEY, dbt, failed

pytestmark = pytest.mark.slow

CRMS = providers("crm_systems")
MARTS = (
    "dim_person",
    "fct_deal_contact",
    "fct_conversion",
    "rpt_speed_to_lead",
    "rpt_journey_funnel",
    "rpt_reconciliation",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Crm]]:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), hash_key=KEY)  # type: ignore[call-arg]
    prepare_tables(settings)
    ops.start_run(settings, NIGHT)
    app = server.make_app(World.open(make_company(tmp_path_factory.mktemp("company"))), NIGHT)
    with served_in_thread(app) as url, environment_of(server.environment(url, demo=False)):
        reports = [load_source(get_spec(name), settings, NIGHT) for name in CRMS]
        held = {name: crm_of(app.state.desk, new_ids=name == "hubspot") for name in CRMS}
    ops.write_load_status(settings, reports, NIGHT)
    selected = [f"+{mart}" for mart in MARTS]
    assert (
        failed(
            dbt(
                settings,
                "build",
                "--select",
                *selected,
                "--indirect-selection",
                "cautious",
                "--exclude-resource-types",
                "unit_test",
            )
        )
        == set()
    )
    return settings, held


def ask(settings: Settings, sql: str) -> list[Any]:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return con.execute(sql).fetchall()


def test_hubspots_leads_are_those_that_asked_and_no_imported_customer_is_one(
    built: tuple[Settings, dict[str, Crm]],
) -> None:
    settings, held = built
    wanted = {"lead", "sales qualified", "opportunity"}
    told = []
    for contact in held["hubspot"].live("contact"):
        steps = [(at, stage) for at, stage, how in contact.history.get("lifecycle", []) if how != IMPORT]
        if moments := [at for at, stage in steps if stage in wanted]:
            first = min(moments)  # HubSpot tells milliseconds
            told.append(
                (
                    first.replace(microsecond=first.microsecond // 1000 * 1000),
                    any(stage == "sales qualified" for _, stage in steps),
                )
            )
    found = ask(settings, "select created_at, is_qualified from marts.fct_lead where source_system = 'hubspot'")
    assert sorted(found) == sorted(told)
    assert len(told) > 20
    imported = [t for t in held["hubspot"].live("contact") if t.made_by == IMPORT]
    assert len(imported) > 5
    day = imported[0].created
    assert ask(settings, f"select count(*) from marts.fct_lead where created_at = '{day}'") == [(0,)]


@pytest.mark.parametrize("name", CRMS)
def test_deals_are_those_that_are_not_in_the_bin_and_keep_all_their_people(
    built: tuple[Settings, dict[str, Crm]], name: str
) -> None:
    settings, held = built
    deals = list(held[name].live("deal"))
    outcome = {"Vunnet": "won", "Tapt": "lost"}
    told = sorted(
        (outcome.get(t.get("stage"), "open"), t.get("lost_reason"), len(t.links.get("contact", {}))) for t in deals
    )
    found = ask(settings, f"select status, lost_reason, n_contacts from marts.fct_deal where source_system = '{name}'")
    assert sorted(found, key=str) == sorted(told, key=str)
    amount = sum(t.get("amount_ore") or 0 for t in deals)
    assert ask(
        settings,
        f"select sum(amount) * 100, sum(amount_reporting) * 100 from marts.fct_deal where source_system = '{name}'",
    ) == [(amount, amount)]
    order = ("Ny", "Møte", "Tilbud", "Forhandling")
    back = 0
    for deal in deals:
        stages = [stage for _, stage, _ in deal.history["stage"]]
        pairs = [(order.index(a), order.index(b)) for a, b in pairwise(stages) if {a, b} <= set(order)]
        back += any(b < a for a, b in pairs)
    assert ask(settings, f"select count(*) from marts.fct_deal where has_moved_back and source_system = '{name}'") == [
        (back,)
    ]
    assert back > 0
    assert ask(
        settings, f"select count(*) > 0 from marts.fct_deal_stage where is_implied and source_system = '{name}'"
    ) == [(True,)]
    people = ask(
        settings,
        f"""select count(*) from marts.fct_deal_contact where source_system = '{name}' and not is_primary and buying_role is not null""",
    )
    assert people[0][0] > 0


def test_both_crms_know_the_same_people_and_speed_is_told_of_their_leads(
    built: tuple[Settings, dict[str, Crm]],
) -> None:
    settings, _ = built
    same = ask(
        settings,
        """select count(*) from (select person_key from marts.fct_lead group by all having count(distinct source_system) = 2)""",
    )
    assert same[0][0] > 10
    missing = "select count(*) from marts.fct_lead where person_key not in (select person_key from marts.dim_person)"
    assert ask(settings, missing) == [(0,)]
    ((leads, touched, median, p90),) = ask(
        settings,
        """select n_leads, n_touched, median_minutes_to_touch, p90_minutes_to_touch from marts.rpt_speed_to_lead
           where dimension = 'total' and cohort_grain = 'all'""",
    )
    assert leads > touched > 0
    assert 0 <= median <= p90


def test_offline_is_told_and_is_no_channel(built: tuple[Settings, dict[str, Crm]]) -> None:
    rows = ask(
        built[0],
        "select channel_key, count(*) from marts.fct_lead where source_as_told = 'OFFLINE' group by all",
    )
    assert [channel for channel, _ in rows] == ["missing"]
    assert ask(built[0], "select count(*) from marts.fct_lead where channel_key = 'unmapped'") == [(0,)]
