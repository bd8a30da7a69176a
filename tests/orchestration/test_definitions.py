"""The graph as a whole: equal to the registry and to dbt's sources, without breaks, and nothing at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import orchestration.definitions
from ingestion import ops
from ingestion.registry import all_specs
from ingestion.settings import PROJECT_DIR, Settings
from orchestration.manifest import ManifestError, make_manifest, manifest_path, read_manifest, target_dir

NO_SOCKET_NO_SECRET = """
import builtins, importlib, io, json, pkgutil, socket, sys
from pathlib import Path
opened = []
class Refused(socket.socket):
    def connect(self, *a): raise AssertionError(f"a socket was opened: {a}")
    def bind(self, *a): raise AssertionError(f"a socket was opened: {a}")
socket.socket = Refused
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import orchestration
names = [m.name for m in pkgutil.walk_packages(orchestration.__path__, "orchestration.")]
for name in names:
    importlib.import_module(name)
ours = [p for p in opened if p.endswith((".env", "manifest.json", "dbt_project.yml", "profiles.yml", ".duckdb"))]
print(json.dumps({"modules": len(names), "opened": ours, "heavy": sorted(
    {"great_expectations", "dlt", "dbt.parser.manifest"} & set(sys.modules))}))
"""


def test_importing_orchestration_opens_no_socket_reads_no_secret_and_parses_no_dbt_project() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_SOCKET_NO_SECRET],
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["modules"] > 15
    assert told["opened"] == []
    assert told["heavy"] == []


def test_definitions_compose_and_nothing_else() -> None:
    text = (PROJECT_DIR / "orchestration" / "definitions.py").read_text()
    assert len(text.splitlines()) < 60


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a data folder with a fresh manifest (one parse for all tests here)."""
    data = tmp_path_factory.mktemp("graph")
    made = Settings(_env_file=None, data_dir=data, hash_key="a key for tests only")  # type: ignore
    make_manifest(made)
    return made


@pytest.fixture
def graph(parsed: Settings, monkeypatch: pytest.MonkeyPatch) -> dg.AssetGraph:
    monkeypatch.setattr(orchestration.definitions, "get_settings", lambda: parsed)
    return orchestration.definitions.defs().resolve_asset_graph()


def test_registry_tables_are_dbts_source_tables_are_dagsters_raw_assets(graph: dg.AssetGraph, parsed: Settings) -> None:
    registered = {(spec.name, table.name) for spec in all_specs() for table in spec.tables}
    sources = {(s["source_name"], s["name"]) for s in read_manifest(parsed)["sources"].values()}
    raw = {tuple(k.path) for k in graph.get_all_asset_keys() if (graph.get(k).group_name or "").startswith("raw_")}
    assert registered == raw
    assert registered == {s for s in sources if s[0] != "ops"}
    assert {s for s in sources if s[0] == "ops"} <= {("ops", t) for t in ops.TABLES}


def test_lineage_has_no_breaks_from_the_systems_to_the_published_marts(graph: dg.AssetGraph) -> None:
    only_shown = {k for k in graph.get_all_asset_keys() if not graph.get(k).is_executable}
    assert only_shown == {dg.AssetKey(["systems", spec.name]) for spec in all_specs()}
    marts = {k for k in graph.get_all_asset_keys() if k.path[0] == "marts"}
    published = {k for k in graph.get_all_asset_keys() if k.path[0] == "published"}
    assert {k.path[-1] for k in marts} == {k.path[-1] for k in published}
    for key in published:
        assert dg.AssetKey(["marts", key.path[-1]]) in graph.get(key).parent_keys


def test_every_mart_is_audited_and_every_raw_table_has_a_contract(graph: dg.AssetGraph) -> None:
    checked = {(tuple(k.asset_key.path), k.name) for k in graph.asset_check_keys}
    for key in graph.get_all_asset_keys():
        if key.path[0] == "marts":
            assert (tuple(key.path), "audit") in checked
        if (graph.get(key).group_name or "").startswith("raw_"):
            assert (tuple(key.path), "contract") in checked


def test_every_asset_that_is_made_has_a_group_and_marts_have_owner_and_description(
    graph: dg.AssetGraph,
) -> None:
    for key in graph.get_all_asset_keys():
        assert graph.get(key).group_name not in (None, "default"), key
        if key.path[0] in ("marts", "published"):
            assert graph.get(key).owners, key
            assert graph.get(key).description, key


def test_job_schedule_and_sensor_are_there(parsed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestration.definitions, "get_settings", lambda: parsed)
    defs = orchestration.definitions.defs()
    assert defs.resolve_job_def("nightly").executor_def.name == "in_process"
    assert defs.resolve_schedule_def("nightly").job_name == "nightly"
    assert defs.resolve_sensor_def("alert_on_failure")


def test_a_missing_manifest_says_how_to_make_it(settings: Settings) -> None:
    with pytest.raises(ManifestError, match="python -m orchestration manifest"):
        read_manifest(settings)


def test_a_manifest_that_dbt_left_half_written_stops_no_night(parsed: Settings) -> None:
    whole = (target_dir(parsed) / "manifest.json").read_bytes()
    (target_dir(parsed) / "manifest.json").write_bytes(b"")  # killed while dbt wrote it
    try:
        assert make_manifest(parsed) is False
        assert read_manifest(parsed)["nodes"]
    finally:
        (target_dir(parsed) / "manifest.json").write_bytes(whole)


def test_an_outdated_manifest_says_how_to_make_it(parsed: Settings, tmp_path: Path) -> None:
    other = Settings(_env_file=None, data_dir=tmp_path, hash_key="a key for tests only")  # type: ignore
    other.dbt_dir.mkdir(parents=True)
    manifest_path(other).write_bytes(manifest_path(parsed).read_bytes())
    (other.dbt_dir / "manifest.fingerprint").write_text("another project")
    with pytest.raises(ManifestError, match="changed since"):
        read_manifest(other)


def test_a_manifest_is_not_made_twice_when_nothing_changed(parsed: Settings) -> None:
    assert make_manifest(parsed) is False
