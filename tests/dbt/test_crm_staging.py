"""CRMs in staging: the columns are the same for all, the figures those of the sandbox's truth, and no name or address gets out of raw."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from ingestion import ops
from ingestion.pipeline import load_source
from ingestion.raw import prepare_tables
from ingestion.registry import get_spec, providers
from ingestion.sandbox.server import app as server
from ingestion.sandbox.server.run import served_in_thread
from ingestion.sandbox.server.vendors._crm import Crm, crm_of
from ingestion.sandbox.store import World
from ingestion.settings import Settings, environment_of
from tests.crm import NIGHT, make_company
from tests.dbt.test_marts_on_small_data import KEY, dbt, failed

pytestmark = pytest.mark.slow

CRMS = providers("crm_systems")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Crm], dict[str, str]]:
    """(settings, what each vendor's side holds, dbt's verdicts) of a night with every CRM."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), hash_key=KEY)  # type: ignore[call-arg]
    prepare_tables(settings)
    ops.start_run(settings, NIGHT)
    app = server.make_app(World.open(make_company(tmp_path_factory.mktemp("company"))), NIGHT)
    with served_in_thread(app) as url, environment_of(server.environment(url, demo=False)):
        reports = [load_source(get_spec(name), settings, NIGHT) for name in CRMS]
        assert {r.status for r in reports} == {"loaded"}, reports
        held = {name: crm_of(app.state.desk, new_ids=name == "hubspot") for name in CRMS}
    ops.write_load_status(settings, reports, NIGHT)
    folders = [f"staging.{name}" for name in CRMS]
    return settings, held, dbt(settings, "build", "--select", "crm_lifecycle_steps", *folders, "intermediate.crm")


def ask(settings: Settings, sql: str) -> list[Any]:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def frozen(built: tuple[Settings, dict[str, Crm], dict[str, str]]) -> tuple[Settings, dict[str, Crm]]:
    """The models of staging as tables of a file of their own: views ask for raw and the hash key."""
    from ingestion.privacy import install

    settings, held, _ = built
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        install(con, KEY.encode())
        con.execute(f"attach '{settings.warehouse_file}' as warehouse (read_only)")
        for file in settings.raw_dir.glob("raw_*.duckdb"):
            con.execute(f"attach '{file}' as {file.stem} (read_only)")
        con.execute(f"attach '{settings.data_dir / 'frozen.duckdb'}' as frozen")
        for (name,) in con.execute(
            """select view_name from duckdb_views() where database_name = 'warehouse'
               and regexp_matches(view_name, '^(stg_(hubspot|pipedrive)__|int_crm_)')"""
        ).fetchall():
            schema = "staging" if name.startswith("stg_") else "intermediate"
            con.execute(f"create table frozen.main.{name} as select * from warehouse.{schema}.{name}")
    return settings, held


def of(frozen: tuple[Settings, dict[str, Crm]], sql: str) -> list[Any]:
    with duckdb.connect(str(frozen[0].data_dir / "frozen.duckdb"), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return con.execute(sql).fetchall()


def test_the_models_build_and_their_tests_pass(built: tuple[Settings, dict[str, Crm], dict[str, str]]) -> None:
    assert failed(built[2]) == set()
    assert len(built[2]) > 20 * len(CRMS)


@pytest.mark.parametrize("name", CRMS)
def test_deals_and_their_visits_are_the_systems(frozen: tuple[Settings, dict[str, Crm]], name: str) -> None:
    crm = frozen[1][name]
    deals = [t for kind in (crm.live("deal"), crm.binned("deal")) for t in kind]
    outcome = {"Vunnet": "won", "Tapt": "lost"}
    told = [
        (str(t.id), outcome.get(t.get("stage"), "open"), t.archived_at is not None, t.get("lost_reason")) for t in deals
    ]
    found = of(frozen, f"select deal_id, status, is_archived, lost_reason from stg_{name}__deals")
    assert sorted(found, key=str) == sorted(told, key=str)
    amounts = [t.get("amount_ore") or 0 for t in deals]
    assert of(frozen, f"select sum(amount) * 100, any_value(currency) from stg_{name}__deals") == [
        (sum(amounts), "NOK")
    ]
    words = {} if name == "hubspot" else outcome  # won and lost are stages, or a status
    live = {str(t.id): [words.get(v, v) for _, v, _ in t.history["stage"]] for t in crm.live("deal")}
    visits: dict[str, list[str]] = {}
    for deal, stage in of(
        frozen, f"select deal_id, stage_name from stg_{name}__deal_stage_visits order by deal_id, visit_number"
    ):
        visits.setdefault(deal, []).append(stage)
    assert {d: v for d, v in visits.items() if d in live} == live
    assert any(v.count("Tilbud") > 1 for v in visits.values())  # some went back
    left = f"select count(*) from stg_{name}__deal_stage_visits where left_at < entered_at"
    assert of(frozen, left) == [(0,)]


@pytest.mark.parametrize("name", CRMS)
def test_contacts_say_where_they_came_from_and_offline_is_no_channel(
    frozen: tuple[Settings, dict[str, Crm]], name: str
) -> None:
    crm = frozen[1][name]
    binned = crm.binned("contact") if name == "hubspot" else ()  # Pipedrive does not show deleted persons
    imported = sum(t.made_by == "import" for kind in (crm.live("contact"), binned) for t in kind)
    assert of(frozen, f"select count(*) from stg_{name}__contacts where is_imported") == [(imported,)]
    assert imported > 5
    assert of(frozen, f"select count(*) from stg_{name}__contacts where is_offline_source and origin is not null") == [
        (0,)
    ]
    assert of(frozen, f"select count(*) > 5 from stg_{name}__contacts where origin is not null") == [(True,)]
    roles = {
        (str(t.id), str(c), label)
        for t in crm.live("deal")
        for c, ls in t.links.get("contact", {}).items()
        for label in ls
    }
    found = of(
        frozen, f"select deal_id, contact_id, buying_role from stg_{name}__deal_contacts where buying_role is not null"
    )
    known = {str(t.id) for t in crm.live("deal")}
    now = {str(gone): str(stays) for gone, stays, _ in crm.merges}
    assert {(d, now.get(c, c), r) for d, c, r in found if d in known} == roles


def test_the_staging_models_of_all_crms_have_the_same_columns(frozen: tuple[Settings, dict[str, Crm]]) -> None:
    rows = of(
        frozen,
        """select split_part(table_name, '__', 2), split_part(table_name, '__', 1), list((column_name, data_type) order by column_index)
           from duckdb_columns() where table_name like 'stg_%' group by all""",
    )
    shapes: dict[str, dict[str, Any]] = {}
    for entity, source, columns in rows:
        shapes.setdefault(entity, {})[source] = json.dumps(columns)
    for entity, by_source in shapes.items():
        assert len(set(by_source.values())) == 1, entity
    assert len(shapes) >= 12


@pytest.mark.parametrize("name", CRMS)
def test_no_name_address_or_number_leaves_raw(frozen: tuple[Settings, dict[str, Crm]], name: str) -> None:
    crm = frozen[1][name]
    secrets = {
        str(t.get(what)).lower()
        for kind in ("contact", "call")
        for t in crm.live(kind)
        for what in ("email", "phone", "last_name", "body")
        if t.get(what)
    } | {str(o["email"]) for o in crm.owners} | {str(o["name"]).lower() for o in crm.owners}  # fmt: skip
    assert len(secrets) > 50
    found = set()
    for (table,) in of(frozen, f"select table_name from duckdb_tables() where table_name like 'stg_{name}%'"):
        for row in of(frozen, f'select * from "{table}"'):
            for value in row:
                if isinstance(value, str) and any(s in value.lower() for s in secrets):
                    found.add((table, value))
    assert found == set()
