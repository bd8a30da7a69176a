"""The exports tell of the same people as the world, as it was on the morning they are made."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sandbox.store import World


@pytest.fixture(scope="module")
def morning(world: World) -> date:
    return world.through_date  # some of what the world knows has not happened yet


@pytest.fixture(scope="module")
def drop(world: World, morning: date, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drop")
    assert make_drop_folder(folder, morning, world) == sum(p.is_file() for p in folder.rglob("*")) - 2
    return folder


def _amount(text: str) -> Decimal:
    return Decimal(text.replace(" ", "").replace(",", "."))


def _orders(drop: Path) -> pd.DataFrame:
    return pd.read_csv(drop / "shop" / "orders.csv.gz", sep=";", dtype=str, keep_default_na=False)


def test_order_heads_are_the_worlds_orders_and_refunds_so_far(world: World, morning: date, drop: Path) -> None:
    before = f"< timestamptz '{morning} 00:00:00+01:00'"
    sold = world.con().execute(f"select order_id, amount_ore from world.orders where ordered_at {before}").fetchall()
    back = (
        world.con().execute(f"select refund_id, -amount_ore from world.refunds where refunded_at {before}").fetchall()
    )
    later = world.con().execute("select count(*) from world.refunds").fetchall()[0][0]
    assert 0 < len(back) < later
    heads = _orders(drop)
    assert {n: _amount(s) * 100 for n, s in zip(heads["Ordrenr"], heads["Sum"], strict=True)} == dict(sold + back)


def test_lines_add_up_to_their_order(drop: Path) -> None:
    lines = pd.read_parquet(drop / "shop" / "order_lines.parquet")
    total: dict[str, Decimal] = defaultdict(Decimal)
    for order, quantity, price in zip(lines["order_id"], lines["quantity"], lines["unit_price"], strict=True):
        total[order] += quantity * Decimal(str(price))
    heads = _orders(drop)
    assert dict(total) == {n: _amount(s) for n, s in zip(heads["Ordrenr"], heads["Sum"], strict=True)}


def test_an_open_deal_tells_nothing_of_its_end(drop: Path) -> None:
    deals = pd.read_excel(drop / "crm" / "deals.xlsx")
    still_open = deals[deals["Status"] == "Åpen"]
    assert len(still_open) > 0
    assert still_open[["Avsluttet", "Tapsårsak"]].isna().all(axis=None)
    assert set(still_open["Fase"]) <= {"Ny", "Møte", "Tilbud", "Forhandling"}


def test_no_export_holds_ads_of_a_platform_that_has_a_server(drop: Path) -> None:
    platforms = {p for path in (drop / "ads").glob("*.csv") for p in pd.read_csv(path)["Platform"]}
    assert platforms == {"lokalavisen"}
