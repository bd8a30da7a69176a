"""Numbers by which the company's systems know people and things."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.books import Columns
from ingestion.sandbox.rng import I64


def numbered(prefix: str, numbers: I64) -> pa.Array:
    """Ids like L00012; null for negative numbers."""
    text = pc.utf8_lpad(pa.array(np.abs(numbers)).cast(pa.string()), 5, "0")
    return pc.if_else(
        pa.array(numbers >= 0), pc.binary_join_element_wise(prefix, text, ""), pa.scalar(None, pa.string())
    )


def customer_number(person: I64) -> I64:
    """A customer's number in the shop: one to one with the person, but telling nothing about the order of people."""
    return (person * 48_271 + 11) % 2_147_483_647


def contact_number(person: I64) -> I64:
    """A contact's number in the CRM, likewise."""
    return (person * 16_807 + 7) % 2_147_483_647


def identifiers(day: int, who: I64, ids: list[tuple[str, pa.Array]]) -> Columns:
    """Rows of `identifiers` for ids of several kinds that people got to be known by today."""
    k = len(ids)
    return {
        "person_id": np.tile(who, k), "kind": pa.array([name for name, _ in ids for _ in who], pa.string()),
        "value": pa.concat_arrays([v.cast(pa.string()) for _, v in ids]), "device_id": np.full(k * len(who), -1),
        "from_date": np.full(k * len(who), day),
    }  # fmt: skip
