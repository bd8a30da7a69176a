"""The made-up company's drop folder, and a warehouse after its first good night, made once a session for all workers."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.settings import Settings
from tests.acceptance.nights import Warehouse

AS_OF = date(2026, 11, 20)


@dataclass(frozen=True)
class Undisturbed:
    """A warehouse after one good night: what it published then, and how long that took. To look at only."""

    house: Warehouse
    marts: Path
    seconds: float
    said: str


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One test or fixture at a time over all of pytest's workers."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all workers of this session see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


def once(folder: Path, make: Callable[[], None]) -> Path:
    """The folder, made by whoever needs it first; a making that failed is made anew."""
    with locked(folder):
        done = folder / "made"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make()
            done.touch()
    return folder


@pytest.fixture(scope="session")
def drop_folder(shared: Path) -> Path:
    folder = shared / "made_up"
    once(folder, lambda: _make_drop(folder / "drop"))
    return folder / "drop"


def _make_drop(folder: Path) -> None:
    make_drop_folder(folder, AS_OF)


def warehouse_of(folder: Path, drop_folder: Path) -> Warehouse:
    shutil.copytree(drop_folder, folder / "drop")  # file times too: the same input
    return Warehouse(folder / "data", folder / "drop" / "catalogue.yml", AS_OF)


@pytest.fixture(scope="session")
def undisturbed(shared: Path, drop_folder: Path) -> Undisturbed:
    """A first night from nothing. It runs where `house` lives, and is kept beside it."""
    folder = shared / "undisturbed"

    def make() -> None:
        place = shared / "house"
        with locked(place):
            shutil.rmtree(place, ignore_errors=True)
            house = warehouse_of(place, drop_folder)
            began = time.monotonic()
            said = house.green()
            (folder / "seconds").write_text(str(time.monotonic() - began))
            (folder / "said").write_text(said)
            shutil.copytree(house.data_dir, folder / "data", symlinks=True)
        shutil.copytree(drop_folder, folder / "drop")
        shutil.copyfile(folder / "data" / "published" / "marts.duckdb", folder / "marts.duckdb")

    once(folder, make)
    house = Warehouse(folder / "data", folder / "drop" / "catalogue.yml", AS_OF)
    return Undisturbed(
        house, folder / "marts.duckdb", float((folder / "seconds").read_text()), (folder / "said").read_text()
    )


@pytest.fixture
def house(undisturbed: Undisturbed, shared: Path, drop_folder: Path) -> Iterator[Warehouse]:
    """A warehouse that has had its first good night, to do with as one likes: where it had it, so that what a night knows
    by its place (dbt's parse, the views) still holds."""
    place = shared / "house"
    with locked(place):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(undisturbed.house.data_dir, place / "data", symlinks=True)
        house = warehouse_of(place, drop_folder)
        _note_built(Settings(_env_file=None, data_dir=house.data_dir))  # type: ignore[call-arg]
        yield house


def _note_built(settings: Settings) -> None:
    """A night sees by the file's number that it is the one the views were made in; a copy has another."""
    from orchestration.assets import dbt  # dagster: seconds of import

    dbt._note_built(settings)


@pytest.fixture
def house_elsewhere(undisturbed: Undisturbed, drop_folder: Path, tmp_path: Path) -> Warehouse:
    """The same, restored into another folder."""
    shutil.copytree(undisturbed.house.data_dir, tmp_path / "data", symlinks=True)
    return warehouse_of(tmp_path, drop_folder)
