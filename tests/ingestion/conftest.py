"""Raw tables of a new installation, made once a process and source: dlt takes most of a second to make them, and does so the
same way each time. Tests of the making itself (test_pipeline) have it made in truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import pipeline
from ingestion.settings import Settings
from ingestion.spec import SourceSpec

MADE_IN_TRUTH = ("tests.ingestion.test_pipeline",)


@pytest.fixture(scope="session")
def made_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made_tables")


@pytest.fixture(scope="module", autouse=True)
def tables_from_a_copy(request: pytest.FixtureRequest, made_tables: Path) -> Iterator[None]:
    """Where nothing is there yet, a copy of what was made for this very spec; anything else as ever."""
    make = pipeline._migrate

    def copy(spec: SourceSpec, settings: Settings) -> None:
        raw, state = settings.raw_file(spec.name), settings.pipelines_dir / spec.name
        if raw.exists() or state.exists():
            return make(spec, settings)
        made = settings.model_copy(update={"data_dir": made_tables / f"{spec.name}-{spec.fingerprint}"})
        if not made.raw_file(spec.name).exists():
            make(spec, made)
        raw.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made.raw_file(spec.name), raw)
        shutil.copytree(made.pipelines_dir / spec.name, state)
        return None

    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__ not in MADE_IN_TRUTH:
            patch.setattr(pipeline, "_migrate", copy)
        yield
