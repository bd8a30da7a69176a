"""What is measured on: the order lines as Parquet and as CSV, and a catalogue of all sets. Nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.settings import PROJECT_DIR

REAL_DATA = PROJECT_DIR.parent / "shared" / "data"
CATALOGUES = PROJECT_DIR / "tests" / "acceptance" / "catalogues"
REAL_LINES = REAL_DATA / "orders" / "online_retail_2009_2010.parquet"
N_LINES = 525_461  # made-up lines are as many as the real ones


@dataclass(frozen=True)
class Input:
    """One file in a shape, with the catalogue that describes it."""

    name: str
    catalogue: Path
    megabytes: float


def has_real_data() -> bool:
    return REAL_DATA.is_dir()


def order_lines(folder: Path) -> Path:
    """The real order lines; where they are absent, as many made-up ones."""
    if REAL_LINES.exists():
        return REAL_LINES
    path = folder / "made_up_lines.parquet"
    with duckdb.connect() as con:
        con.execute("select setseed(0.2)")
        con.execute(
            f"""copy (
                select (489434 + i // 18)::varchar as "Invoice", (10000 + floor(random() * 4600))::int::varchar as "StockCode",
                    'PRODUCT NO ' || floor(random() * 4600)::int as "Description", (1 + floor(random() * 24))::bigint as "Quantity",
                    timestamp '2009-12-01 07:45:00' + to_minutes(i::int) as "InvoiceDate",
                    round(0.19 + random() * 12, 2) as "Price",
                    case when random() > 0.2 then (12346 + floor(random() * 4400))::double end as "Customer ID",
                    'United Kingdom' as "Country"
                from range({N_LINES}) t(i)
            ) to '{path}' (format parquet)"""
        )
    return path


def shapes(folder: Path) -> list[Input]:
    """The order lines as Parquet, as plain CSV, and as a Norwegian Excel would write them."""
    parquet = order_lines(folder)
    plain, norwegian = folder / "lines.csv", folder / "lines_no.csv"
    with duckdb.connect() as con:
        con.execute(f"copy (from '{parquet}') to '{plain}' (header)")
        con.execute(
            f"""copy (
                select * replace (
                    strftime("InvoiceDate"::timestamp, '%d.%m.%Y %H:%M:%S') as "InvoiceDate",
                    replace(regexp_replace("Price"::varchar, '(\\d)(\\d{{3}})(\\.|$)', '\\1 \\2\\3'), '.', ',') as "Price"
                ) from '{parquet}'
            ) to '{norwegian}' (header, delimiter ';')"""
        )
    norsk = {"delimiter": ";", "decimal": ",", "thousands": " ", "date_formats": ["%d.%m.%Y %H:%M:%S"]}
    return [
        _input("Parquet", parquet, folder, {}),
        _input("CSV", plain, folder, {}),
        _input("CSV, Norwegian (`;`, `1 234,50`, `31.12.2026`)", norwegian, folder, norsk),
    ]


def _input(name: str, path: Path, folder: Path, changes: Mapping[str, Any]) -> Input:
    lines = yaml.safe_load((CATALOGUES / "sales.yml").read_text())["datasets"]["gift_shop_lines"]
    catalogue = folder / f"{path.stem}_{path.suffix.removeprefix('.')}.yml"
    text = yaml.safe_dump({"version": 1, "datasets": {"lines": {**lines, "location": str(path), **changes}}})
    catalogue.write_text(text)
    return Input(name, catalogue, path.stat().st_size / 1e6)


def all_sets(folder: Path) -> Path:
    """One catalogue over all real sets. For timing only: they belong to unrelated companies and years."""
    datasets: dict[str, Any] = {}
    for path in sorted(CATALOGUES.glob("*.yml")):
        datasets |= yaml.safe_load(path.read_text())["datasets"]
    for dataset in datasets.values():
        dataset["location"] = str((CATALOGUES / dataset["location"]).resolve())
    catalogue = folder / "all_sets.yml"
    catalogue.write_text(yaml.safe_dump({"version": 1, "datasets": datasets}))
    return catalogue
