"""Who names a person, and when somebody stopped to: worked by hand. Moments are days, node 1 the oldest."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.components import the_model

DAY = 86_400_000_000
MODEL = the_model()


def who(
    born: dict[int, float | None], edges: list[tuple[int, int, float | None]], ranks: dict[int, int] | None = None
) -> Any:
    """({node: who names it}, [(gone, into, day, via)]); `born`: day of each node, None where it has no date."""

    def us(days: list[float | None]) -> Any:
        return np.array([MODEL.LAST if d is None else int(d * DAY) for d in days], np.int64)

    nodes = {
        "number": np.array(list(born), np.uint64),
        "first_us": us(list(born.values())),
        "kind_rank": np.array([(ranks or {}).get(n, 1) for n in born], np.int32),
    }
    given = {
        "a": np.array([e[0] for e in edges], np.uint64),
        "b": np.array([e[1] for e in edges], np.uint64),
        "first_us": us([e[2] for e in edges]),
    }
    people, merges = MODEL.components(nodes, given)
    rows = sorted(
        (r["node_number"], r["merged_into_number"], r["merged_day"], (r["via_own_number"], r["via_number"]))
        for r in merges.to_pylist()
    )
    return {r["node_number"]: r["anchor_number"] for r in people.to_pylist()}, rows


def test_a_later_join_keeps_the_older_name_and_is_recorded() -> None:
    born = {1: 1, 2: 1, 3: 5, 4: 5}
    before = who(born, [(1, 2, 1), (3, 4, 5)])
    assert before == ({1: 1, 2: 1, 3: 3, 4: 3}, [])
    names, merges = who(born, [(1, 2, 1), (3, 4, 5), (4, 2, 9)])
    assert names == dict.fromkeys(born, 1)
    assert merges == [(3, 1, 9, (4, 2))]


def test_the_edge_that_told_leads_to_the_older_one_over_what_is_new_that_day() -> None:
    """The device 2 came back by a click (3), and sent a form (4) with the address 1 that day."""
    _, merges = who({1: 1, 2: 2, 3: 9, 4: 9.5}, [(2, 3, 9), (4, 2, 9.5), (4, 1, 9.5)])
    assert merges == [(2, 1, 9, (2, 4))]


def test_what_comes_with_its_first_edge_was_never_somebody_else() -> None:
    assert who({1: 1, 2: 4}, [(2, 1, 4.5)])[1] == []


def test_merges_go_step_by_step() -> None:
    names, merges = who({1: 1, 2: 2, 3: 3}, [(2, 3, 10), (1, 3, 20)])
    assert names == {1: 1, 2: 1, 3: 1}
    assert merges == [(2, 1, 20, (3, 1)), (3, 2, 10, (3, 2))]


def test_an_edge_that_is_undone_takes_its_merge_away() -> None:
    born = {1: 1, 2: 2, 3: 3}
    assert who(born, [(2, 3, 10)]) == ({2: 2, 3: 2}, [(3, 2, 10, (3, 2))])


def test_circular_edges_are_one_person() -> None:
    assert who({1: 1, 2: 2, 3: 3}, [(1, 2, 3), (2, 3, 3), (3, 1, 3), (2, 1, 4)])[0] == {1: 1, 2: 1, 3: 1}


def test_what_has_no_date_names_nobody_who_has_one_and_is_no_merge() -> None:
    names, merges = who({1: None, 2: 8, 3: 9}, [(1, 2, None), (3, 1, 9)])
    assert names == {1: 2, 2: 2, 3: 2}
    assert merges == []


def test_an_edge_dated_before_its_ends_counts_from_when_both_were_there() -> None:
    assert who({1: 1, 2: 5}, [(1, 2, -30)]) == ({1: 1, 2: 1}, [])


def test_of_two_seen_at_one_moment_the_surer_kind_names_the_person_then_the_smaller_number() -> None:
    assert who({1: 1, 2: 1}, [(1, 2, 1)], {1: 9, 2: 1})[0] == {1: 2, 2: 2}
    assert who({2: 1, 1: 1}, [(2, 1, 1)])[0] == {1: 1, 2: 1}


def test_nothing_joins_nothing() -> None:
    assert who({1: 1, 2: 2}, []) == ({}, [])


def test_the_order_of_rows_changes_nothing_and_a_plain_search_agrees() -> None:
    rng = np.random.default_rng(5)
    born = {int(n): float(d) for n, d in enumerate(rng.integers(1, 40, 300), start=1)}
    ends, days = rng.integers(1, 301, (260, 2)), rng.integers(1, 60, 260)
    edges = [(int(a), int(b), float(d)) for (a, b), d in zip(ends, days, strict=True) if a != b]
    names, merges = who(born, edges)
    again = [edges[i] for i in rng.permutation(len(edges))]
    assert who(dict(reversed(born.items())), again) == (names, merges)
    near: dict[int, set[int]] = {}
    for a, b, _ in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    for node in near:
        reached, open_ = {node}, [node]
        while open_:
            new = near[open_.pop()] - reached
            reached |= new
            open_ += new
        assert names[node] == min(reached, key=lambda n: (born[n], n))
    assert {gone for gone, _, _, _ in merges}.isdisjoint(names.values())


def test_numbers_use_all_64_bits() -> None:
    high = 2**64 - 2
    assert who({high: 1, 5: 2}, [(high, 5, 3)])[0] == {high: high, 5: high}
