"""What the reports of trust say of a whole night on the simulated company, against the truth that no vendor shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.sandbox.demo import export_folder
from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sandbox.ga4 import extend_events
from ingestion.sandbox.store import World
from tests.acceptance.nights import Warehouse
from tests.sandbox import SEED, THROUGH, copy_of, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLATFORMS = ("google_ads", "linkedin_ads", "meta_ads", "microsoft_ads", "tiktok_ads")


def test_the_planted_breakdown_of_tracking_is_found_and_no_other_and_bridges_add_up(
    tiny_company: Path, tmp_path: Path
) -> None:
    folder, as_of = copy_of(tiny_company, tmp_path / "company"), THROUGH + timedelta(days=1)
    world = World.create_or_extend(folder, "tiny", SEED, THROUGH)
    make_drop_folder(tmp_path / "drop", as_of, world)
    extend_events(world, export_folder(folder), as_of)
    ((first, last),) = world.con().execute(
        "select from_date, to_date from truth.planted_errors where kind = 'tracking_breakdown'"
    ).fetchall()  # fmt: skip
    planted = [str(first + timedelta(days=i)) for i in range((last - first).days + 1)]
    with serving(folder, as_of) as sandbox:
        own = sandbox.environment() | {"SOURCES__GA4_EXPORT__FOLDER": str(export_folder(folder))}
        house = Warehouse(tmp_path / "data", tmp_path / "drop" / "catalogue.yml", as_of, own)
        house.green()
    found = house.one(
        "select state, value_text, is_as_wanted from rpt_web_coverage where what = 'days_visits_not_seen' and source_name = 'ga4_export'"
    )
    assert found == ("known", ", ".join(planted), False)
    shown, accepted = (
        world.con()
        .execute(
            "select sum(shown), sum(accepted) from world.consent_counts where purpose = 'analytics' and date <= $1",
            [THROUGH],
        )
        .fetchone()
        or ()
    )
    assert house.one(
        "select numerator, denominator from rpt_web_coverage where what = 'consent_share' and purpose = 'analytics'"
    ) == (accepted, shown)
    # all three are known: the steps between them lead from one to the other
    bridges = house.rows(
        """select platform, min(platform_conversions) + sum(difference) = min(own_conversions), count(*)
           from rpt_conversion_bridge where conversion_kind = 'purchase' and period = 'recent' group by platform"""
    )
    assert sorted(bridges) == [(p, True, 15) for p in sorted(PLATFORMS)]
