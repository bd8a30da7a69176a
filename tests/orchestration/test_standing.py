"""Views and seeds that stand from an earlier build: told in Dagster's order, and made anew when anything they are made of changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.settings import Settings
from orchestration.assets import dbt


def _node(name: str, materialized: str, *parents: str, kind: str = "model") -> dict[str, Any]:
    layer = "seeds" if kind == "seed" else "intermediate"
    return {
        "resource_type": kind,
        "name": name,
        "fqn": ["marketing_warehouse", layer, "ads", name],
        "config": {"materialized": materialized},
        "depends_on": {"nodes": [f"model.{p}" for p in parents]},
    }


MANIFEST = {
    "nodes": {
        "model.words": _node("words", "seed", kind="seed"),
        "model.unioned": _node("unioned", "view", "words"),
        "model.daily": _node("daily", "table", "unioned"),
        "model.typed": _node("typed", "view", "daily"),
        "model.report": _node("report", "table", "typed"),
        "test.unique": _node("unique", "test", "report", kind="test"),
    }
}
WORDS, UNIONED, TYPED = (
    dg.AssetKey(["seeds", "words"]),
    *(dg.AssetKey(["intermediate", n]) for n in ("unioned", "typed")),
)


@pytest.fixture
def built(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """After a whole build of a project whose fingerprint is `one`."""
    settings.dbt_dir.mkdir(parents=True)
    settings.warehouse_file.write_text("a warehouse")
    monkeypatch.setattr(dbt, "fingerprint", lambda settings: "one")
    dbt._note_built(settings)
    return settings


def test_views_and_seeds_stand_after_a_whole_build_and_tables_do_not(built: Settings) -> None:
    assert dbt._standing(built, MANIFEST) == {WORDS, UNIONED, TYPED}


def test_nothing_stands_before_the_first_build_or_after_a_change(
    built: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dbt, "fingerprint", lambda settings: "two")
    assert dbt._standing(built, MANIFEST) == set()
    monkeypatch.setattr(dbt, "fingerprint", lambda settings: "one")
    other = tmp_path / "other"
    other.write_text("another warehouse")
    other.replace(built.warehouse_file)  # put back from a backup, or begun anew
    assert dbt._standing(built, MANIFEST) == set()
    built.warehouse_file.unlink()
    assert dbt._standing(built, MANIFEST) == set()


def test_what_stands_is_told_before_what_reads_it() -> None:
    parents = dbt._parents(MANIFEST)
    key_of: Callable[[str], dg.AssetKey] = lambda name: dg.AssetKey(["intermediate", name])  # noqa: E731
    events = iter([dg.Output(None, "daily"), dg.Output(None, "report")])
    told = list(dbt._with_standing(events, {WORDS, UNIONED, TYPED}, parents, key_of))
    names = [e.output_name if isinstance(e, dg.Output) else e.asset_key.path[-1] for e in told]
    assert names == ["words", "unioned", "daily", "typed", "report"]


def test_what_nothing_reads_is_told_at_the_end() -> None:
    told = list(dbt._with_standing(iter([]), {WORDS, UNIONED, TYPED}, dbt._parents(MANIFEST), lambda name: WORDS))
    assert [e.asset_key for e in told] == [WORDS, UNIONED, TYPED]
