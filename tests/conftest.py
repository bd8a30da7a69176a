"""What all tests share: settings in a folder of their own, a drop folder to write to, and the real data beside the project."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.registry import get_spec
from ingestion.settings import PROJECT_DIR, Settings

pytest_plugins = ["tests.sandbox"]

REAL_DATA = PROJECT_DIR.parent / "shared" / "data"
AS_OF = date(2026, 11, 20)


@pytest.hookimpl(tryfirst=True)  # before xdist writes the groups into the tests' names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay together, and those of all files that work in the one shared warehouse: they would wait for each other."""
    for item in items:
        shares = "undisturbed" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("one warehouse" if shares else item.nodeid.split("::")[0]))


@pytest.fixture(autouse=True)
def no_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test starts the simulated company by having configured nothing; those that mean it switch it on."""
    monkeypatch.setenv("WAREHOUSE_DEMO", "false")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation in a folder of its own."""
    (tmp_path / "drop").mkdir()
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        data_dir=tmp_path / "data",
        files_catalogue=tmp_path / "drop" / "catalogue.yml",
        hash_key="a key for tests only",
    )


class Drop:
    """A drop folder: write files and a catalogue, load, look into raw."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.files_catalogue.parent

    def catalogue(self, text: str) -> None:
        self.settings.files_catalogue.write_text(
            "version: 1\ndatasets:\n" + textwrap.indent(textwrap.dedent(text), "  ")
        )

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return path

    def load(self, as_of: date = AS_OF, **kwargs: Any) -> LoadReport:
        """One night of this source alone; the tables of the others are not needed here."""
        ops.start_run(self.settings, as_of)
        report = load_source(get_spec("files"), self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.raw_file("files")), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(query).fetchall()


@pytest.fixture
def drop(settings: Settings) -> Drop:
    return Drop(settings)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The public data sets beside the project. Without them the tests that need them say so."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real data sets are not beside the project (../shared/data)")
    return REAL_DATA


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    yield monkeypatch.setattr
