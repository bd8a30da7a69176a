"""The seed of public holidays is what the `holidays` library says today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"


def test_seed_of_norwegian_holidays_equals_the_library() -> None:
    spec = importlib.util.spec_from_file_location("make_holidays", SEEDS / "make_holidays.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.SEED.read_text(encoding="utf-8") == module.seed_text()
