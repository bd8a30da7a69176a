"""Identity against the simulated company's truth: `make benchmark ARGS='--only accuracy'`.

The company is made, served and loaded as a night loads it (files, web analytics, CRM, e-mail), built by dbt up to dim_person, and every
identifier that truth knows is looked up. An identifier counts as seen where the company's own systems hold it (room `world`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from ingestion.settings import Settings

SEED = 20
KEY = "a key for benchmarks only"
SOURCES = ("files", "ga4_export", "hubspot", "mailchimp")
MODELS = ("+dim_person", "+dim_company", "+identity_edge", "+identity_merge", "+fct_consent")
PRECISION, RECALL = 0.995, 0.95

# Truth's identifiers as nodes. A contact of the CRM has an id in HubSpot and one in the exported files: both are its person's.
_TRUTH = """
create or replace temp table truth_nodes as
with told as (
    select person_id, kind, value from truth.identifiers group by all
),
seen as (
    select 'client_id' as kind, client_id as value from world.visits
    union select 'user_id', user_id from world.visits
    union select 'user_id', customer_id from world.orders
    union select 'email', email from world.orders
    union select 'email', email from world.leads
    union select 'phone', phone from world.orders
    union select 'phone', phone from world.leads
    union select 'crm_id', contact_id from world.leads
),
withdrawn as (
    select distinct client_id from read_csv('{log}', all_varchar = true) where purpose = 'analytics' and state <> 'granted'
),
nodes as (
    select person_id, kind, value, 'client' as node_kind, keyed_hash('ga4_export|client|' || value) as node_hash
    from told where kind = 'client_id'
    union all select person_id, kind, value, 'user', keyed_hash('ga4_export|' || value) from told where kind = 'user_id'
    union all select person_id, kind, value, 'email', email_hash(value) from told where kind = 'email'
    union all select person_id, kind, value, 'phone', phone_hash(value) from told where kind = 'phone'
    union all select person_id, kind, value, 'crm_contact', keyed_hash('hubspot|' || ltrim(value[2:], '0')) from told where kind = 'crm_id'
    union all select person_id, kind, value, 'crm_contact', keyed_hash('crm|' || value) from told where kind = 'crm_id'
)
select nodes.person_id, nodes.kind, nodes.value, nodes.node_kind, nodes.node_hash, persons.consent_analytics as is_allowed,
    seen.value is not null as is_seen, withdrawn.client_id is not null as is_withdrawn, persons.company_id is not null as is_business
from nodes
inner join truth.persons as persons using (person_id)
left join seen using (kind, value)
left join withdrawn on nodes.kind = 'client_id' and nodes.value = withdrawn.client_id
"""
_PLACED = """
create or replace temp table placed as
select truth_nodes.*, members.person_key from truth_nodes
left join members using (node_kind, node_hash)
"""
# Of all pairs of identifiers in one person: does somebody own both? A shared address is each one's who uses it.
_PRECISION = """
with nodes as (select distinct node_kind, node_hash, person_key from placed where person_key is not null),
pairs as (
    select one.node_kind as kind_1, one.node_hash as hash_1, other.node_kind as kind_2, other.node_hash as hash_2
    from nodes as one inner join nodes as other using (person_key)
    where (one.node_kind, one.node_hash) < (other.node_kind, other.node_hash)
),
owned as (
    select distinct one.node_kind as kind_1, one.node_hash as hash_1, other.node_kind as kind_2, other.node_hash as hash_2
    from placed as one inner join placed as other using (person_id)
)
select count(owned.kind_1), count(*) from pairs left join owned using (kind_1, hash_1, kind_2, hash_2)
"""
_RECALL = """
with nodes as (select * from linked where {which}),
pairs as (
    select one.person_id, one.person_key = other.person_key as is_found
    from nodes as one inner join nodes as other using (person_id)
    where (one.node_kind, one.node_hash) < (other.node_kind, other.node_hash) and {of}
)
select coalesce(sum(is_found::int), 0), count(*) from pairs
"""
# What a perfect reader of the company's own systems could link: identifiers that a chain of its visits, orders, leads and forms of that
# one person holds together. `part`: the smallest of the chain. Computed from the world, never from the warehouse.
_LINKED = """
create or replace temp table links as
with told as (
    select 'client_id' as k, client_id as a, 'user_id' as l, user_id as b from world.visits
    union select 'client_id', client_id, 'order', order_id from world.visits
    union select 'client_id', v.client_id, 'lead', lead_id from world.visits as v inner join world.leads as l using (lead_id)
        where l.came_by = 'web_form'
    union select 'order', order_id, 'user_id', customer_id from world.orders
    union select 'order', order_id, 'email', email from world.orders
    union select 'order', order_id, 'phone', phone from world.orders
    union select 'lead', lead_id, 'crm_id', contact_id from world.leads
    union select 'lead', lead_id, 'email', email from world.leads
    union select 'lead', lead_id, 'phone', phone from world.leads
),
owners as (
    select person_id, kind, value from truth.identifiers
    union select person_id, 'order', order_id from world.visits inner join truth.touches using (visit_id) where order_id is not null
    union select person_id, 'lead', lead_id from world.leads inner join truth.identifiers on kind = 'crm_id' and value = contact_id
    union select person_id, 'order', order_id from world.orders inner join truth.identifiers on kind = 'phone' and value = phone
)
select distinct o.person_id, k || '|' || a as a, l || '|' || b as b from told
inner join owners as o on o.kind = k and o.value = a
inner join owners as p on p.kind = l and p.value = b and p.person_id = o.person_id;
insert into links select person_id, b, a from links;

create or replace temp table linked as
with recursive parts as (
    select person_id, a as start, a as reached from links
    union
    select parts.person_id, parts.start, links.b from parts
    inner join links on links.person_id = parts.person_id and links.a = parts.reached
),
named as (
    select person_id, start, min(reached) as part from parts group by person_id, start
)
select placed.*, coalesce(named.part, 'alone ' || node_hash) as part from placed
left join named on named.person_id = placed.person_id and named.start = placed.kind || '|' || placed.value
"""


@dataclass(frozen=True)
class Figure:
    """A share of pairs: found of all."""

    name: str
    found: int
    pairs: int
    target: float | None = None

    @property
    def share(self) -> float:
        return self.found / self.pairs if self.pairs else 1.0


def load(size: str, home: Path, through: date, seed: int = SEED) -> tuple[Settings, Path, Path]:
    """Make the company under `home`, serve it, load it on the day after `through`, and build. What `connect` takes."""
    from ingestion import ops
    from ingestion.pipeline import load_all, prepare_tables
    from ingestion.sandbox.demo import export_folder, of_company
    from ingestion.sandbox.drop_folder import make_drop_folder
    from ingestion.sandbox.ga4 import extend_events
    from ingestion.sandbox.server.app import environment
    from ingestion.sandbox.server.run import served
    from ingestion.sandbox.store import World
    from ingestion.settings import environment_of
    from orchestration.manifest import run_dbt

    as_of = through + timedelta(days=1)
    world = World.create_or_extend(home / "company", size, seed, through)
    make_drop_folder(home / "drop", as_of, world)
    extend_events(world, export_folder(home / "company"), as_of)
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data_dir=home / "data", files_catalogue=home / "drop" / "catalogue.yml", hash_key=KEY, demo=False  # type: ignore[arg-type]
    )  # fmt: skip
    prepare_tables(settings)
    with (
        served(home / "company", as_of) as url,
        environment_of(environment(url, demo=False) | of_company(home / "company", world.start_date)),
    ):
        reports = load_all(settings, as_of, list(SOURCES))
    if bad := [f"{r.source}: {r.status}: {r.message}" for r in reports if r.status != "loaded"]:
        raise SystemExit("; ".join(bad))
    ops.start_run(settings, as_of)
    os.environ["WAREHOUSE_HASH_KEY"] = KEY
    if run_dbt(settings, ["build", "--exclude-resource-types", "test", "unit_test", "--select", *MODELS]).returncode:
        raise SystemExit("dbt failed")
    return settings, home / "company", home / "drop" / "web" / "consent_log.csv"


def connect(settings: Settings, company: Path, log: Path) -> duckdb.DuckDBPyConnection:
    """The company's rooms with what the warehouse makes of each identifier: temp tables truth_nodes, members, edges, placed."""
    from ingestion import privacy
    from ingestion.sandbox.store import World

    con = World.open(company).con()
    privacy.install(con, settings.require_hash_key())
    con.execute(f"attach '{settings.warehouse_file}' as warehouse (read_only)")
    con.execute("create or replace temp table members as from warehouse.intermediate.int_identity__members")
    con.execute("create or replace temp table edges as from warehouse.intermediate.int_identity__edges")
    con.execute(_TRUTH.format(log=log))
    con.execute(_PLACED)
    return con


def figures(con: duckdb.DuckDBPyConnection) -> list[Figure]:
    """Precision and recall over pairs of identifiers."""
    con.execute(_LINKED)
    known = "person_id in (select person_id from placed where node_kind <> 'client' and is_seen)"
    allowed = "is_allowed and is_seen and not is_withdrawn"
    return [
        Figure("precision", *_row(con, _PRECISION), PRECISION),
        _recall(con, "recall, what the systems link, of people who allow it", allowed, "one.part = other.part", RECALL),
        _recall(
            con,
            "the same, people whose names some system knows",
            f"{allowed} and {known}",
            "one.part = other.part",
            RECALL,
        ),
        _recall(con, "coverage, all pairs of known people who allow it", f"{allowed} and {known}"),
        _recall(con, "coverage, all pairs of everybody who allows it", allowed),
        _recall(con, "coverage, all pairs of everybody, seen or not", "true"),
    ]


def joins_without_consent(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """What is joined to something else and must not be: {what: identifiers}."""
    joined = "select count(*) from placed inner join members using (node_kind, node_hash) where members.is_joined and node_kind = 'client'"
    clicks = """select count(*) from members where node_kind = 'click' and is_joined and node_hash in (
        select keyed_hash(click_id) from world.visits where not consent_ads and click_id is not null)"""
    found = {
        "cookies of people who said no": f"{joined} and not is_allowed",
        "cookies whose consent was withdrawn": f"{joined} and is_withdrawn",
        "ad clicks of people who said no to ads": clicks,
    }
    return {what: _row(con, f"select n, n from ({query}) as counted (n)")[0] for what, query in found.items()}


def rows(size: str, home: Path, through: date) -> Iterator[tuple[str, ...]]:
    """Every figure of a company of this size, beside its target, for RESULTS.md."""
    con = connect(*load(size, home, through))
    for f in figures(con):
        target, verdict = (f"{f.target:.1%}", "met" if f.share >= f.target else "MISSED") if f.target else ("", "")
        yield f.name, f"{f.found:,}", f"{f.pairs:,}", f"{f.share:.2%}", target, verdict
    for what, n in joins_without_consent(con).items():
        yield f"joined: {what}", f"{n:,}", "", "", "0", "MISSED" if n else "met"


def _recall(
    con: duckdb.DuckDBPyConnection, name: str, which: str, of: str = "true", target: float | None = None
) -> Figure:
    return Figure(name, *_row(con, _RECALL.format(which=which, of=of)), target)


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    """(found, pairs)"""
    [(found, pairs)] = con.execute(query).fetchall()
    return int(found), int(pairs)
