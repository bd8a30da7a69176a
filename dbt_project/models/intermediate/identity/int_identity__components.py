"""Grain: identifier that an edge joins to another. Which identifier names its person, and when it last named one itself.

Edges come in the order of the days they were first seen, as nights would have brought them: each day's are contracted at once, so that
the merges a person went through are known without any state that is kept. A person is named by the oldest identifier of its
component: a later join keeps the older name. Numbers are those of int_identity__nodes.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

DAY_US = 86_400_000_000
LAST = np.iinfo(np.int64).max  # what has no date comes after all that has
LAST_DAY = np.iinfo(np.int32).max


def components(nodes, edges):
    """nodes: {number, first_us, kind_rank}, edges: {a, b, first_us} as arrays -> (people, merges), tables.

    people: {node_number, anchor_number (who names the person)}, one row a node that an edge joins. merges: {node_number,
    merged_into_number, merged_day (days since 1970), via_own_number, via_number (ends of an edge that told)}, one row an identifier
    that named a person on an earlier day. Times are microseconds UTC, LAST where unknown.
    """
    place = pd.Index(nodes["number"])
    ends = place.get_indexer(edges["a"]), place.get_indexer(edges["b"])
    del place
    used = np.zeros(len(nodes["number"]), bool)
    for end in ends:
        used[end] = True
    used = np.flatnonzero(used)
    used = used[np.lexsort((nodes["number"][used], nodes["kind_rank"][used], nodes["first_us"][used]))]
    n = len(used)
    rank = np.empty(len(nodes["number"]), np.int32)  # by age: the smallest of a component names it
    rank[used] = np.arange(n, dtype=np.int32)
    a, b = rank[ends[0]], rank[ends[1]]
    del ends, rank
    born_day = _days(nodes["first_us"][used])
    day = np.maximum(
        _days(edges["first_us"]), np.maximum(born_day[a], born_day[b])
    )  # no edge is older than what it joins
    by_day = np.lexsort((b, a, day))  # whatever order the rows came in
    a, b, day = a[by_day], b[by_day], day[by_day]
    del by_day

    parent = np.arange(n, dtype=np.int32)  # an older one of its component, of an identifier that was absorbed
    gone, into, gone_day, via_own, via = [], [], [], [], []
    starts = np.flatnonzero(np.r_[True, day[1:] != day[:-1]]) if len(day) else np.empty(0, np.int64)
    for start, end in zip(starts, np.r_[starts, len(day)][1:], strict=True):
        one, other = _roots(parent, a[start:end]), _roots(parent, b[start:end])
        joins = np.flatnonzero(one != other)
        if not len(joins):
            continue
        k = len(joins)
        met, codes = np.unique(np.concatenate([one[joins], other[joins]]), return_inverse=True)
        m = len(met)
        graph = coo_matrix((np.ones(k, bool), (codes[:k], codes[k:])), shape=(m, m))
        _, label = connected_components(graph, directed=False)
        oldest = np.full(label.max() + 1, n, np.int32)
        np.minimum.at(oldest, label, met)
        root = oldest[label]
        parent[met] = root
        # it named a person on a night before this one, unless it has no date
        was_there = np.flatnonzero((met != root) & (born_day[met] < day[start]) & (day[start] != LAST_DAY))
        if not len(was_there):
            continue
        # the edge that told is the first on the shortest way to the oldest: a source m stands behind the oldest of all
        roots = np.flatnonzero(met == root)
        ways = coo_matrix(
            (np.ones(k + len(roots), bool), (np.r_[codes[:k], np.full(len(roots), m)], np.r_[codes[k:], roots])),
            shape=(m + 1, m + 1),
        )
        _, towards = breadth_first_order(ways, m, directed=False)
        ends_of = np.concatenate([codes[:k] * m + codes[k:], codes[k:] * m + codes[:k]])
        by_ends = np.argsort(ends_of, kind="stable")
        row = by_ends[np.searchsorted(ends_of, was_there * m + towards[was_there], sorter=by_ends)]
        at, flipped = start + joins[row % k], row >= k
        gone.append(met[was_there])
        into.append(root[was_there])
        gone_day.append(np.full(len(was_there), day[start]))
        via_own.append(np.where(flipped, b[at], a[at]))
        via.append(np.where(flipped, a[at], b[at]))
    anchor = _roots(parent, np.arange(n))
    numbers = nodes["number"][used]
    merges = pa.table(
        {
            "node_number": numbers[_joined(gone)],
            "merged_into_number": numbers[_joined(into)],
            "merged_day": _joined(gone_day),
            "via_own_number": numbers[_joined(via_own)],
            "via_number": numbers[_joined(via)],
        }
    )
    return pa.table({"node_number": numbers, "anchor_number": numbers[anchor]}), merges


def _days(us):
    return np.where(us == LAST, LAST_DAY, us // DAY_US).astype(np.int32)


def _joined(parts):
    return np.concatenate(parts) if parts else np.empty(0, np.int32)


def _roots(parent, nodes):
    """The oldest identifier each is joined to so far; shortens the way for the next who asks."""
    roots = parent[nodes]
    while True:
        further = parent[roots]
        if np.array_equal(further, roots):
            break
        roots = further
    parent[nodes] = roots
    return roots


def model(dbt, session):
    dbt.config(materialized="table")
    edges = dbt.ref("int_identity__edges")
    nodes = dbt.ref("int_identity__nodes")
    first_us = f"coalesce(epoch_us(first_seen_at), {LAST}) as first_us"
    used = edges.filter("guard is null").project(f"number_a as a, number_b as b, {first_us}").fetchnumpy()
    all_nodes = nodes.project(f"node_number as number, {first_us}, kind_rank").fetchnumpy()
    people, merges = components(all_nodes, used)
    del used, all_nodes
    # joined in Arrow: DuckDB's join would hand bounds above 2^63 to Arrow's scan, which cannot hold them. A relation of the session is
    # written in its transaction
    return session.from_arrow(people.join(merges, "node_number", join_type="left outer"))
