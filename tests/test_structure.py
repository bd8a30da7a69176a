"""The house as drawn: lists that must agree are compared with equality, and what every mart must say of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ingestion.registry import all_specs, providers
from ingestion.settings import PROJECT_DIR, Settings
from ingestion.sources.files.catalogue import EntityName
from ingestion.sources.files.entities import ENTITIES
from ingestion.spec import PROVIDES
from orchestration.manifest import make_manifest, read_manifest

COMMITTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=PROJECT_DIR,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\n")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("parsed"), hash_key="a key for tests only")  # type: ignore
    make_manifest(settings)
    return dict(read_manifest(settings))


def _marts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == "marts"]


def test_each_union_var_lists_exactly_the_sources_that_provide_it() -> None:
    project = yaml.safe_load((PROJECT_DIR / "dbt_project" / "dbt_project.yml").read_text())
    assert project["vars"]["union_sources"] == {what: list(providers(what)) for what in PROVIDES}


def test_every_raw_column_is_described_in_dbts_sources_and_no_other(manifest: dict[str, Any]) -> None:
    declared = {(s.name, t.name): {c.name for c in t.columns} for s in all_specs() for t in s.tables}
    described = {
        (s["source_name"], s["name"]): set(s["columns"])
        for s in manifest["sources"].values()
        if s["source_name"] != "ops"
    }
    assert described == declared


def test_every_mart_has_grain_owner_contract_descriptions_and_a_uniqueness_test(manifest: dict[str, Any]) -> None:
    tested = {
        t["attached_node"]
        for t in manifest["nodes"].values()
        if t["resource_type"] == "test" and (t.get("test_metadata") or {}).get("name") == "unique"
    }
    marts = _marts(manifest)
    assert len(marts) >= 16
    for mart in marts:
        name = mart["name"]
        assert mart["raw_code"].lstrip().startswith("-- Grain: "), f"{name}: the header does not state its grain"
        assert mart["config"]["meta"].get("owner"), f"{name}: no owner"
        assert mart["config"]["group"] == mart["config"]["meta"]["owner"], f"{name}: another group than its owner"
        assert mart["config"]["meta"].get("grain"), f"{name}: no grain"
        assert mart["config"]["contract"]["enforced"], f"{name}: no contract"
        assert mart["description"], f"{name}: no description"
        assert all(c["description"] for c in mart["columns"].values()), f"{name}: a column without description"
        assert mart["unique_id"] in tested, f"{name}: no uniqueness test"


def test_every_mart_has_its_suite_and_every_suite_its_mart(manifest: dict[str, Any]) -> None:
    suites = {p.stem.removeprefix("mart_") for p in (PROJECT_DIR / "quality" / "suites").glob("mart_*.yml")}
    assert suites == {m["name"] for m in _marts(manifest)}


def test_every_source_kind_has_its_contract() -> None:
    contracts = {p.stem.removeprefix("contract_") for p in (PROJECT_DIR / "quality" / "suites").glob("contract_*.yml")}
    assert contracts == {s.kind for s in all_specs()}


def test_no_mart_holds_a_personal_raw_column(manifest: dict[str, Any]) -> None:
    personal = {c.name for s in all_specs() for t in s.tables for c in t.columns if c.personal}
    found = {(m["name"], c) for m in _marts(manifest) for c in m["columns"] if c in personal}
    assert found == set()


def test_the_catalogue_offers_exactly_the_entities_there_are() -> None:
    assert set(get_args(EntityName)) == {e.name for e in ENTITIES}


@pytest.mark.parametrize("room", ["ingestion", "quality"])
def test_the_linter_refuses_dagster_in_ingestion_and_quality(room: str) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--stdin-filename", f"{room}/planted.py", "-"],
        input="import dagster\n\nprint(dagster)\n",
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
    )
    assert "TID251" in done.stdout


def test_the_environment_is_read_in_one_place_only() -> None:
    # these two are no settings: one is handed on to child processes, the other Dagster is told by prepare_home
    others = r"[\[(]\"(?:PYTHONPATH|DAGSTER_HOME)\""
    reading = re.compile(rf"os\.(getenv|environ\.get(?!{others})|environ(?!{others})\[[^\]]+\](?! *=))")
    rooms = ("ingestion/", "quality/", "orchestration/")
    found = {
        f"{name}: {match.group()}"
        for name in COMMITTED
        if name.startswith(rooms) and name.endswith(".py") and name != "ingestion/settings.py"
        for match in reading.finditer((PROJECT_DIR / name).read_text())
    }
    assert found == set()


def test_the_lock_pins_everything_with_hashes_and_names_no_index() -> None:
    text = (PROJECT_DIR / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9_.\-]+)(?:\[[^\]]*\])?==\S+", text, flags=re.MULTILINE)
    assert len(pinned) > 100
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    assert [b.split()[0] for b in blocks if b.strip() and b[0].isalnum() and "--hash=sha256:" not in b] == []
    assert "index-url" not in text


@pytest.mark.parametrize("lock", [f for f in COMMITTED if Path(f).name in ("requirements.lock", "package-lock.json")])
def test_no_lock_holds_an_address(lock: str) -> None:
    # where packages come from is the installation's own matter, and npm writes its registry and sponsors into a lock
    lines = (PROJECT_DIR / lock).read_text().splitlines()
    assert [line.strip() for line in lines if re.search("https?://", line)] == []


def test_no_secret_setting_has_a_value_in_the_example() -> None:
    lines = (PROJECT_DIR / ".env.example").read_text().splitlines()
    secret = [name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
    given = [
        x for x in lines for s in secret if x.lstrip("# ").startswith(f"WAREHOUSE_{s.upper()}=") and not x.endswith("=")
    ]
    assert len(secret) == 3
    assert given == []


def test_every_setting_is_in_the_example() -> None:
    text = (PROJECT_DIR / ".env.example").read_text()
    assert [n for n in Settings.model_fields if n != "as_of" and f"WAREHOUSE_{n.upper()}=" not in text] == []
