"""Specs refuse nonsense when they are made; the registry is loud about a module that cannot be used."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import replace
from typing import Any

import pytest

from ingestion import registry
from ingestion.registry import all_specs, get_spec
from ingestion.settings import PROJECT_DIR, Settings, SettingsError
from ingestion.sources.files import SPEC
from ingestion.spec import Column, SpecError, Table

ROW = Table("t", (Column("a", "text"),), row_key=("a",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "My Source"}, "source 'My Source': name is 'My Source'"),
        ({"kind": "magic"}, "source 'files': kind is 'magic'"),
        ({"tables": ()}, "tables is ()"),
        ({"tables": (ROW, ROW)}, "expected each table once"),
        ({"provides": frozenset({"gold"})}, "provides is ['gold']"),
        ({"restatement_days": -1}, "restatement_days is -1"),
        ({"expected_lag_days": 9, "stale_after_days": 3}, "stale_after_days is 3; expected at least the lag of 9"),
        ({"expected_lag_days": -1}, "expected_lag_days is -1"),
        ({"expected_lag_days": None, "stale_after_days": -1}, "stale_after_days is -1"),
        ({"owner": ""}, "owner is ''"),
        ({"schema_version": 0}, "schema_version is 0"),
        ({"migrations": {2: ()}}, "migrations is [2]"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_naming_field_and_value(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        replace(SPEC, **change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Column("Amount NOK", "decimal"), "column name 'Amount NOK'"),
        (lambda: Column("a", "money"), "type 'money'"),  # type: ignore[arg-type]
        (lambda: Column("a", "decimal", precision=50), "decimal(50,6)"),
        (lambda: Table("t", (), row_key=("a",)), "declares no columns"),
        (lambda: Table("t", (Column("a", "text"),) * 2, row_key=("a",)), "columns declared twice: a"),
        (lambda: Table("t", (Column("a", "text"),), row_key=()), "row_key is empty"),
        (lambda: replace(ROW, merge_key=("b",)), "merge_key names 'b', which is not a column"),
        (lambda: replace(ROW, date_column="b"), "date_column names 'b'"),
    ],
)
def test_a_table_that_cannot_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert message in str(caught.value)


def test_every_source_is_found_under_its_modules_name() -> None:
    folder = PROJECT_DIR / "ingestion" / "sources"
    modules = {p.stem for p in folder.glob("*.py") if p.stem != "__init__"} | {
        p.parent.name for p in folder.glob("*/__init__.py")
    }
    assert {s.name for s in all_specs()} == modules


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (types.SimpleNamespace(), "defines no SPEC"),
        (types.SimpleNamespace(SPEC=7), "SPEC is a int"),
        (types.SimpleNamespace(SPEC=replace(SPEC, name="other")), "SPEC.name is 'other'"),
        (ImportError("no such thing"), "cannot be imported: ImportError: no such thing"),
    ],
)
def test_a_bad_source_module_stops_everything_loudly(
    monkeypatch: pytest.MonkeyPatch, module: Any, message: str
) -> None:
    def importing(name: str) -> Any:
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr(registry.importlib, "import_module", importing)
    with pytest.raises(SpecError) as caught:
        registry.all_specs.__wrapped__()
    assert message in str(caught.value)


def test_an_unknown_source_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"no source 'filez'; known: .*files"):
        get_spec("filez")


def test_settings_take_relative_paths_from_the_project_and_refuse_a_short_key() -> None:
    settings = Settings(_env_file=None, data_dir="data", hash_key="short")  # type: ignore[call-arg, arg-type]
    assert settings.data_dir == PROJECT_DIR / "data"
    with pytest.raises(SettingsError, match="WAREHOUSE_HASH_KEY is missing or shorter than 16"):
        settings.require_hash_key()
    assert "short" not in repr(settings)


IMPORT_ALL = """
import importlib, json, os, pathlib, socket, sys
def refuse(*args, **kwargs):
    raise RuntimeError("a socket at import")
socket.socket.connect = socket.socket.bind = refuse
os.environ.pop("WAREHOUSE_HASH_KEY", None)
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
for room in ("ingestion", "quality"):
    for path in sorted(pathlib.Path(room).rglob("*.py")):
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
print(json.dumps([f for f in opened if f.endswith((".env", "secrets.toml", "catalogue.yml", "dbt_project.yml", ".duckdb"))]))
"""


def test_importing_any_module_opens_no_socket_and_reads_no_secret() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=PROJECT_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "[]\n"
