"""How big a company is, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """`days` is the length a company gets when it is made without a start; volumes are counts in the whole company.

    `volume` multiplies ad impressions, `n_persons` is everyone who might ever become a customer, `chunk_days` bounds memory.
    """

    name: str
    days: int
    n_persons: int
    volume: float
    chunk_days: int
    in_memory: bool  # the reader holds the ad tables in memory


SIZES = {
    s.name: s
    for s in (
        Size("tiny", 20, 8_000, 0.6, 20, True),
        Size("small", 180, 30_000, 1.0, 180, True),
        Size("medium", 365, 280_000, 7.8, 30, False),
        Size("large", 730, 1_400_000, 39.0, 10, False),
    )
}
