"""What follows an order: tickets, reviews, answers to a survey."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ingestion.sandbox.books import Columns
from ingestion.sandbox.calendar import DAY_US, HOUR_US
from ingestion.sandbox.numbers import numbered
from ingestion.sandbox.population import Population
from ingestion.sandbox.rng import F64, I64, U64, exponential, integers, pick, uniform
from ingestion.sandbox.words import TOPICS


def service(
    seed: int, people: Population, person: I64, at: I64, key: U64, order_id: pa.Array, returned: I64
) -> dict[str, Columns]:
    """Tickets, reviews and answers to "would you recommend us?" that follow orders; `returned` are indices."""

    def draw(stream: str, keys: U64) -> F64:
        return uniform(seed, stream, keys)

    chance = np.full(len(person), 0.07)
    chance[returned] = 0.6
    asks = np.flatnonzero(draw("ticket", key) < chance)
    opened = at[asks] + exponential(draw("ticket_after", key[asks]), 4 * DAY_US).astype(np.int64)
    reply = opened + exponential(draw("reply", key[asks]), 7 * HOUR_US).astype(np.int64)
    solved = reply + exponential(draw("solve", key[asks]), 30 * HOUR_US).astype(np.int64)
    happy = integers(draw("happy", key[asks]), 1, 6)
    ticket_id = numbered("T", (key[asks] % np.uint64(10**9)).astype(np.int64))
    tickets = {
        "ticket_id": ticket_id, "email": people.emails(person[asks]), "order_id": order_id.take(pa.array(asks)),
        "category": integers(draw("topic", key[asks]), 0, len(TOPICS)), "opened_at": opened, "first_reply_at": reply,
        "solved_at": solved, "satisfaction": np.where(draw("answers", key[asks]) < 0.35, happy, -1),
    }  # fmt: skip
    writes = np.flatnonzero(draw("review", key) < 0.10)
    rating = 1 + pick(draw("rating", key[writes]), [0.07, 0.05, 0.08, 0.25, 0.55])
    reviews = {
        "review_id": numbered("G", (key[writes] % np.uint64(10**9)).astype(np.int64)),
        "reviewed_at": at[writes] + ((9 + 20 * draw("review_after", key[writes])) * DAY_US).astype(np.int64),
        "rating": rating, "n_characters": np.floor(exponential(draw("length", key[writes]), 120.0)).astype(np.int64),
        "author": people.first_names(person[writes]),
    }  # fmt: skip
    says = np.flatnonzero(draw("nps", key) < 0.12)
    nps = {
        "email": people.emails(person[says]),
        "answered_at": at[says] + ((20 + 10 * draw("nps_after", key[says])) * DAY_US).astype(np.int64),
        "score": 10 - pick(draw("score", key[says]), [0.3, 0.2, 0.17, 0.12, 0.06, 0.05, 0.04, 0.02, 0.02, 0.01, 0.01]),
    }  # fmt: skip
    return {"tickets": tickets, "reviews": reviews, "nps": nps}
