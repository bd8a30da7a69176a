"""Who a person is, and why: the joins that made one of several identifiers (docs/identity.md). Reads the warehouse, writes nothing."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from ingestion import privacy
from ingestion.errors import SourceError
from ingestion.settings import Settings

_KEY = re.compile(r"[0-9a-f]{32}")
_EDGES = """
    select node_key_a, node_kind_a, node_key_b, node_kind_b, reason, source_system, n_seen, first_seen_at, guard
    from marts.identity_edge where {which} order by first_seen_at nulls last, edge_key"""


@dataclass(frozen=True)
class Join:
    """An edge, seen from the identifier that it joins to one that was joined before. Keys are those of identity_exclusions."""

    node_key: str
    kind: str
    to_key: str
    to_kind: str
    reason: str
    source: str
    n_seen: int
    first_seen_at: datetime | None
    guard: str | None = None


@dataclass(frozen=True)
class Merge:
    """A key that named a person until another turned out to be the same."""

    merged_key: str
    kept_key: str
    on: date
    reason: str
    source: str


@dataclass(frozen=True)
class Answer:
    """What was said about consent for one purpose."""

    kind: str
    purpose: str
    state: str
    basis: str | None
    source: str
    changed_at: datetime
    is_current: bool


@dataclass(frozen=True)
class Person:
    """`anchor`: the oldest identifier, which names the person; `asked`: the one that was asked for, if it was one. `joins` come in an
    order in which each joins to what is there already; `path` leads from `asked` to `anchor`. `refused`: edges that guards take out."""

    key: str
    anchor: str
    anchor_kind: str
    asked: str | None
    joins: list[Join]
    refused: list[Join]
    merges: list[Merge]
    answers: list[Answer]

    @property
    def path(self) -> list[Join]:
        by_node, path = {j.node_key: j for j in self.joins}, []
        at = self.asked
        while at in by_node:
            path.append(by_node[at])
            at = path[-1].to_key
        return path


def explain(settings: Settings, who: str) -> Person:
    """The person of a key (of a person, one that was merged away, or an identifier), an e-mail address or a phone number.

    Raises SourceError when it is none of these, when nobody is known by it, or when the warehouse cannot be read.
    """
    if not settings.warehouse_file.exists():
        raise SourceError("person", "there is no warehouse yet: it takes a night (make nightly)")
    try:
        con = duckdb.connect(str(settings.warehouse_file), read_only=True)
    except duckdb.IOException as e:
        raise SourceError("person", "a night is building the warehouse: ask again when it is done") from e
    with con:
        con.execute("set timezone = 'UTC'")
        privacy.install(con, settings.require_hash_key())
        try:
            return _explained(con, who.strip())
        except duckdb.CatalogException as e:
            raise SourceError("person", "the warehouse has no identity yet: it takes a night (make nightly)") from e


def _explained(con: duckdb.DuckDBPyConnection, who: str) -> Person:
    key, asked = _found(con, who)
    [(anchor, anchor_kind)] = con.execute(
        "select node_key, node_kind from intermediate.int_identity__members where person_key = ? and is_anchor", [key]
    ).fetchall()
    edges = con.execute(_EDGES.format(which="is_used and person_key = ?"), [key]).fetchall()
    refused = con.execute(_EDGES.format(which="not is_used and ? in (person_key, other_person_key)"), [key]).fetchall()
    merges = con.execute(
        """select merged_person_key, kept_person_key, merged_date, reason, source_system from marts.identity_merge
           where current_person_key = ? order by merged_date, merged_person_key""",
        [key],
    ).fetchall()
    answers = con.execute(
        """select node_kind, purpose, state, basis, source_system, changed_at, is_current from marts.fct_consent
           where person_key = ? order by purpose, changed_at, consent_key""",
        [key],
    ).fetchall()
    return Person(
        key, anchor, anchor_kind, asked, _spread(anchor, [Join(*e) for e in edges]), [Join(*e) for e in refused],
        [Merge(*m) for m in merges], [Answer(*a) for a in answers],
    )  # fmt: skip


def _found(con: duckdb.DuckDBPyConnection, who: str) -> tuple[str, str | None]:
    """(person key, key of the identifier where one was asked for)"""
    members = "select person_key, node_key from intermediate.int_identity__members where "
    if _KEY.fullmatch(who):
        ways = [
            ("select person_key, null from intermediate.int_identity__members where person_key = ?", [who]),
            ("select current_person_key, null from marts.identity_merge where merged_person_key = ?", [who]),
            (f"{members} node_key = ?", [who]),
        ]
    else:
        [(email, phone)] = con.execute("select email_hash(?), phone_hash(?)", [who, who]).fetchall()
        if not (email or phone):
            raise SourceError("person", "expected a key of 32 signs, an e-mail address or a phone number")
        ways = [(f"{members} node_kind = ? and node_hash = ?", ["email", email] if email else ["phone", phone])]
    for query, values in ways:
        if row := con.execute(f"{query} limit 1", values).fetchone():
            return row[0], row[1]
    raise SourceError("person", "nobody is known by it")


def _spread(anchor: str, edges: list[Join]) -> list[Join]:
    """One join for each identifier beside the anchor, the nearest first."""
    near: dict[str, list[Join]] = {}
    for e in edges:
        near.setdefault(e.to_key, []).append(e)
        turned = Join(e.to_key, e.to_kind, e.node_key, e.kind, e.reason, e.source, e.n_seen, e.first_seen_at)
        near.setdefault(e.node_key, []).append(turned)
    known, open_, joins = {anchor}, deque([anchor]), []
    while open_:
        for join in near.get(open_.popleft(), []):
            if join.node_key not in known:
                known.add(join.node_key)
                open_.append(join.node_key)
                joins.append(join)
    return joins
