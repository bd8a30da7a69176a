"""What can be said of the elements of an array within their groups."""

from __future__ import annotations

import numpy as np

from ingestion.sandbox.rng import I64, Bool


def first_of(group: I64, which: Bool) -> Bool:
    """True for the first element of each group among those chosen."""
    rows = np.flatnonzero(which)
    _, first = np.unique(group[rows], return_index=True)
    out = np.zeros(len(group), bool)
    out[rows[first]] = True
    return out


def rank_within(group: I64) -> I64:
    """0, 1, 2, ... within each group, in order of appearance."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    start = (
        np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(group) else np.empty(0, np.int64)
    )
    sizes = np.diff(np.concatenate([start, [len(group)]]))
    out = np.empty(len(group), np.int64)
    out[order] = np.arange(len(group)) - np.repeat(start, sizes)
    return out
