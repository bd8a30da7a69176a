"""A channel that is switched off takes its own effects away and leaves everybody's luck alone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from ingestion.sandbox.company import Company, epoch
from ingestion.sandbox.population import COMPANY_SIZE
from ingestion.sandbox.simulate import Simulation
from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.store import World
from ingestion.sandbox.truth import SWITCHES, incremental, result_of
from tests.ingestion.sandbox.conftest import SEED, THROUGH

Touches = set[tuple[int, int, int]]


def _touches(off: frozenset[str], days: int) -> tuple[Touches, set[int]]:
    """(person, channel, instant) of all visits, and who became a lead."""
    simulation = Simulation(Company(SEED, SIZES["tiny"], THROUGH), off)
    touches: Touches = set()
    asked: set[int] = set()
    for day in range(epoch(THROUGH), epoch(THROUGH) + days):
        out = simulation.step(day)
        rows = out["touches"]
        touches |= set(
            zip(rows["person_id"].tolist(), rows["channel"].tolist(), rows["touched_at"].tolist(), strict=True)
        )
        asked |= set(np.flatnonzero(simulation.outcomes.lead_day > 0).tolist())
    return touches, asked


def test_without_platform_forms_everybody_else_makes_the_very_same_visits() -> None:
    with_forms, asked = _touches(frozenset(), 12)
    without, asked_too = _touches(frozenset({"lead_gen"}), 12)
    first_business = Simulation(Company(SEED, SIZES["tiny"], THROUGH)).people.first_business
    colleagues = {
        p - (p - first_business) % COMPANY_SIZE + k
        for p in asked | asked_too
        if p >= first_business
        for k in range(COMPANY_SIZE)
    }
    touched = asked | asked_too | colleagues
    assert asked != asked_too, "no form was filled in: this would prove nothing"
    assert {t for t in with_forms if t[0] not in touched} == {t for t in without if t[0] not in touched}


def test_without_search_ads_some_of_those_who_clicked_come_by_a_plain_result() -> None:
    on, _ = _touches(frozenset(), 1)
    off, _ = _touches(frozenset({"brand_search"}), 1)
    clicked = {p for p, channel, _ in on if channel == 0}
    assert not any(channel == 0 for _, channel, _ in off)
    assert {t for t in on if t[0] not in clicked} == {t for t in off if t[0] not in clicked}
    assert {p for p, _, _ in off} & clicked


def test_the_same_run_gives_the_same_result_and_without_all_channels_less() -> None:
    about = (SEED, "tiny", THROUGH, THROUGH + timedelta(days=5))
    assert result_of(*about) == result_of(*about)
    lost = result_of(*about).less(result_of(*about, off=frozenset(SWITCHES)))
    assert min(lost.orders, lost.leads, lost.revenue_ore) >= 0 < lost.orders + lost.leads


def test_incremental_results_are_kept_in_truth(world: World) -> None:
    gained = incremental(world, ["generic_search"])
    kept = (
        World.open(world.folder).con().execute("select channel, orders, revenue_ore from truth.incremental").fetchall()
    )
    assert kept == [("generic_search", gained["generic_search"].orders, gained["generic_search"].revenue_ore)]
    (world.folder / "truth" / "incremental" / "all.parquet").unlink()  # the company is shared
