from __future__ import annotations

from datetime import date

import pytest

from ingestion.sandbox.store import World

SEED = 7
THROUGH = date(2026, 11, 22)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A tiny company of 20 days, made at once. Not to be extended: others read it."""
    return World.create_or_extend(tmp_path_factory.mktemp("company"), "tiny", SEED, THROUGH)
