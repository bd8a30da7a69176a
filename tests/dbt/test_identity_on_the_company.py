"""Who is who in a simulated company, held against its truth; and what a withdrawal and a join undone by hand take apart the next night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import accuracy
from ingestion.errors import SourceError
from ingestion.identity import explain
from orchestration.manifest import run_dbt
from tests.sandbox import SEED, THROUGH

pytestmark = pytest.mark.slow


class House:
    """A tiny company, loaded and built: `con` holds its rooms and what the warehouse makes of each identifier."""

    def __init__(self, home: Path, through: date) -> None:
        self.made = accuracy.load("tiny", home, through, SEED)
        self.settings = self.made[0]
        self.look()

    def look(self) -> None:
        self.con = accuracy.connect(*self.made)
        self.con.execute(
            """create temp table used as from warehouse.marts.identity_edge;
               create temp table merges as from warehouse.marts.identity_merge; detach warehouse"""
        )

    def ask(self, sql: str) -> list[Any]:
        return self.con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_HASH_KEY", accuracy.KEY)  # accuracy.load sets it for the dbt it starts
        yield House(tmp_path_factory.mktemp("house"), THROUGH)


def test_people_are_who_they_are_and_nobody_is_joined_without_consent(house: House) -> None:
    precision, recall, *_ = accuracy.figures(house.con)
    assert precision.share >= accuracy.PRECISION and recall.share >= accuracy.RECALL
    assert precision.pairs > 100 and recall.pairs > 100
    assert set(accuracy.joins_without_consent(house.con).values()) == {0}


def test_strangers_who_are_joined_and_people_who_fall_apart_are_seen(house: House) -> None:
    house.con.execute("create temp table kept as from placed")
    try:
        one = "(select min(person_key) from kept where node_kind = 'email' and is_allowed)"
        house.con.execute(f"update placed set person_key = {one} where node_kind = 'email'")
        precision, recall, *_ = accuracy.figures(house.con)
        assert precision.share < accuracy.PRECISION and recall.share < accuracy.RECALL
    finally:
        house.con.execute("create or replace temp table placed as from kept")


def test_a_person_is_explained_by_key_address_and_number(house: House) -> None:
    [(email, phone)] = house.ask(
        """select email, phone from world.orders join members on node_kind = 'email' and node_hash = email_hash(email)
           where is_joined and not is_anchor order by order_id limit 1"""
    )
    person = explain(house.settings, email.upper())
    assert person.path[0].kind == "email" and person.path[-1].to_key == person.anchor
    assert all(not j.guard and j.reason and j.source for j in person.joins)
    [(n,)] = house.con.execute("select count(*) from members where person_key = ?", [person.key]).fetchall()
    assert len(person.joins) == n - 1
    assert explain(house.settings, phone).key == person.key
    for key in (person.key, person.joins[0].node_key):
        assert explain(house.settings, key).joins == person.joins
    [(merged, current)] = house.ask("select merged_person_key, current_person_key from merges order by 1 limit 1")
    told = explain(house.settings, merged)
    assert told.key == current and merged in {m.merged_key for m in told.merges}


@pytest.mark.parametrize(
    ("who", "message"),
    [("Kari", "expected a key of 32 signs"), ("kari@nowhere.no", "nobody is known"), ("0" * 32, "nobody")],
)
def test_who_is_nobody_is_said(house: House, who: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        explain(house.settings, who)


def test_a_withdrawal_and_an_undone_join_take_apart_the_same_night(house: House) -> None:
    """A device that somebody logged in on says no; a phone number is taken from the person whose order it is on. All others stay."""
    [(cookie, client, login)] = house.ask(
        """select value, node_hash, min(person_key) from placed join used using (person_key)
           where node_kind = 'client' and not is_withdrawn and is_used and reason = 'login' and not exists (
               select 1 from members as m where m.node_kind = 'client' and m.node_hash = placed.node_hash and m.is_anchor)
           group by all order by all limit 1"""
    )
    [(order_node, phone_node, caller)] = house.con.execute(
        """select any_value(node_key_a), node_key_b, any_value(used.person_key) from used
           join members on members.node_key = node_key_b
           where node_kind_b = 'phone' and is_used and not is_anchor and used.person_key <> ?
           group by node_key_b having count(*) = 1 and any_value(reason) = 'order_phone' order by all limit 1""",
        [login],
    ).fetchall()
    before = dict(house.ask("select node_key, person_key from members"))
    with duckdb.connect(str(house.settings.raw_file("files"))) as raw:
        raw.execute(
            """insert into files.consents by name select * replace ('denied' as state, 'analytics' as purpose,
                   changed_at + interval '1 day' as changed_at, -1 as _row, null as _row_key)
               from files.consents where identifier = ? order by changed_at desc limit 1""",
            [cookie],
        )
    with duckdb.connect(str(house.settings.warehouse_file)) as warehouse:
        warehouse.execute(
            "insert into seeds.identity_exclusions values (?, ?, 'a number of two people', 'data', date '2026-11-20')",
            [phone_node, order_node],
        )
    changed = [f"int_identity__consents+,{model}" for model in accuracy.MODELS]
    built = run_dbt(house.settings, ["run", "--select", *changed], capture=True)
    assert built.returncode == 0, built.stdout
    house.look()
    after = dict(house.ask("select node_key, person_key from members"))
    assert house.con.execute(
        "select is_joined from members where node_kind = 'client' and node_hash = ?", [client]
    ).fetchall() == [(False,)]
    guards = house.con.execute(
        "select distinct guard from used where ? in (node_key_a, node_key_b)", [phone_node]
    ).fetchall()
    assert guards == [("excluded",)]
    assert after[phone_node] != before[phone_node] and after[order_node] == before[order_node] == caller
    assert {k: v for k, v in after.items() if before[k] not in (login, caller)} == {
        k: v for k, v in before.items() if v not in (login, caller)
    }
    refused = explain(house.settings, phone_node).refused
    assert [(j.reason, j.guard) for j in refused] == [("order_phone", "excluded")]
