"""The made-up company's drop folder, and a warehouse after its first good night, made once a process."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from ingestion.sandbox.drop_folder import make_drop_folder
from tests.acceptance.nights import Warehouse

AS_OF = date(2026, 11, 20)


@dataclass(frozen=True)
class Undisturbed:
    """A warehouse after one good night: what it published then, and how long that took."""

    house: Warehouse
    marts: Path
    seconds: float
    said: str


@pytest.fixture(scope="session")
def drop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_up") / "drop"
    make_drop_folder(folder, AS_OF)
    return folder


def warehouse_of(folder: Path, drop_folder: Path) -> Warehouse:
    shutil.copytree(drop_folder, folder / "drop")  # file times too: the same input
    return Warehouse(folder / "data", folder / "drop" / "catalogue.yml", AS_OF)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, drop_folder: Path) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    house = warehouse_of(folder, drop_folder)
    began = time.monotonic()
    said = house.green()
    seconds = time.monotonic() - began
    shutil.copyfile(house.published / "marts.duckdb", folder / "marts.duckdb")
    return Undisturbed(house, folder / "marts.duckdb", seconds, said)


@pytest.fixture
def house(undisturbed: Undisturbed, tmp_path: Path) -> Warehouse:
    """A warehouse that has had its first good night, to do with as one likes."""
    shutil.copytree(undisturbed.house.data_dir, tmp_path / "data", symlinks=True)
    return warehouse_of(tmp_path, undisturbed.house.catalogue.parent)
