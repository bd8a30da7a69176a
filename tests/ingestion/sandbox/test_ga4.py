"""GA4's export: shaped as BigQuery's, telling what the visits tell, late as GA4 is late."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.sandbox.ga4 import extend_events, write_events
from ingestion.sandbox.store import World

SESSION = "list_filter(event_params, p -> p.key = 'ga_session_id')"


@pytest.fixture(scope="module")
def export(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ga4")
    assert write_events(world, world.through_date + timedelta(days=9), folder=folder) > 10_000
    return folder


def _rows(export: Path, query: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(query.replace("events", f"'{export}/events_*.parquet'", 1)).fetchall()


def test_there_is_a_file_a_day(world: World, export: Path) -> None:
    days = (world.through_date - world.start_date).days + 1
    assert len(list(export.glob("events_????????.parquet"))) == days == len(list(export.iterdir()))


def test_a_visit_is_one_session_start_and_its_page_views(world: World, export: Path) -> None:
    expected = (
        world.con()
        .execute(f"select count(*), sum(n_page_views) from world.visits where date <= '{world.through_date}'")
        .fetchall()
    )
    counted = (
        "select count(*) filter (event_name = 'session_start'), count(*) filter (event_name = 'page_view') from events"
    )
    assert _rows(export, counted) == expected


def test_purchases_are_the_tracked_orders_without_vat(world: World, export: Path) -> None:
    expected = (
        world.con()
        .execute(
            f"""select order_id, round((amount_ore - shipping_ore) / 125.0, 2) from world.orders where order_id in (
            select order_id from world.visits where date <= '{world.through_date}') order by 1"""
        )
        .fetchall()
    )
    found = "select ecommerce.transaction_id, round(ecommerce.purchase_revenue, 2) from events where event_name = 'purchase' order by 1"
    assert _rows(export, found) == expected != []
    wrong = """select 1 from events where event_name = 'purchase' and abs(list_sum(list_transform(items, x -> x.item_revenue))
        - ecommerce.purchase_revenue) > 0.01"""
    assert _rows(export, wrong) == []


def test_without_consent_there_is_neither_client_nor_session(export: Path) -> None:
    wrong = f"""select count(*) from events where (privacy_info.analytics_storage = 'No') <> (user_pseudo_id is null)
        or (privacy_info.analytics_storage = 'No') <> (len({SESSION}) = 0)"""
    assert _rows(export, wrong) == [(0,)]
    assert _rows(export, "select count(*) > 100 from events where user_pseudo_id is null") == [(True,)]


def test_the_last_three_days_are_restated_and_older_ones_never(world: World, export: Path, tmp_path: Path) -> None:
    last = world.through_date
    write_events(world, last + timedelta(days=1), first=last - timedelta(days=5), folder=tmp_path)
    counts = {}
    for back in range(6):
        count = f"select count(*) from '{{}}/events_{last - timedelta(days=back):%Y%m%d}.parquet'"
        counts[back] = tuple(duckdb.execute(count.format(folder)).fetchall()[0][0] for folder in (tmp_path, export))
    assert all(counts[back][0] == counts[back][1] for back in (3, 4, 5))
    assert sum(counts[back][0] for back in range(3)) < sum(counts[back][1] for back in range(3))


def test_a_night_writes_new_days_and_those_that_change_and_nothing_else(world: World, tmp_path: Path) -> None:
    day = world.through_date - timedelta(days=5)
    extend_events(world, tmp_path / "ga4", day)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "ga4").iterdir()}
    assert extend_events(world, tmp_path / "ga4", day) == 0
    extend_events(world, tmp_path / "ga4", day + timedelta(days=1))
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "ga4").iterdir()}
    written = sorted(name for name, at in after.items() if before.get(name) != at)
    assert written == [f"events_{day - timedelta(days=n):%Y%m%d}.parquet" for n in (3, 2, 1, 0)]
    write_events(world, day + timedelta(days=1), folder=tmp_path / "whole")
    for path in (tmp_path / "whole").iterdir():
        sides = [
            duckdb.execute(f"select count(*) from '{f}/{path.name}'").fetchall()
            for f in (path.parent, tmp_path / "ga4")
        ]
        assert sides[0] == sides[1], path.name
