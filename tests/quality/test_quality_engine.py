"""The joint with Great Expectations: the mend for DuckDB, silence, and a cheap import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_importing_the_checks_opens_no_socket_and_loads_no_great_expectations() -> None:
    done = python(
        """
        import socket, sys
        def refuse(*a, **k): raise AssertionError("a socket was opened at import")
        socket.socket.connect = socket.socket.bind = socket.getaddrinfo = refuse
        import quality.run, quality.docs, quality.build, quality.suites, quality.engine, quality.__main__
        heavy = {"great_expectations", "sqlalchemy", "dagster", "dlt", "pandas"} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    assert done.returncode == 0, done.stderr


def test_without_the_mend_checks_on_duckdb_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shows why the mend is there; when this fails after an upgrade, the mend may go."""
    from great_expectations.execution_engine import sqlalchemy_execution_engine as module

    from quality import engine

    engine.great_expectations()
    mended = module._PERSISTED_CONNECTION_DIALECTS
    assert [d for d in mended if d == "duckdb"] == ["duckdb"]
    monkeypatch.setattr(module, "_PERSISTED_CONNECTION_DIALECTS", tuple(d for d in mended if d != "duckdb"))
    monkeypatch.setattr(engine, "_keep_duckdb_connections", lambda: None)
    result = _not_null_result(tmp_path)
    assert not result.success
    assert "IndexError" in str(result.exception_info) or "index out of range" in str(result.exception_info)


def test_with_the_mend_the_same_check_passes(tmp_path: Path) -> None:
    result = _not_null_result(tmp_path)
    assert result.success
    assert not result.exception_info["raised_exception"]


def _not_null_result(tmp_path: Path) -> Any:
    """A check as Great Expectations runs it on DuckDB by itself, without our session."""
    import duckdb
    from great_expectations.validator.v1_validator import Validator

    from quality.engine import great_expectations, new_context

    gx = great_expectations()
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute("create table t as select range as a from range(3)")
    datasource = new_context().data_sources.add_sql(
        "x", connection_string=f"duckdb:///{tmp_path}/x.duckdb?access_mode=read_only", create_temp_table=False
    )
    asset = datasource.add_table_asset("t", table_name="t")
    validator = Validator(asset.add_batch_definition_whole_table("all"), result_format="BASIC")
    return validator.validate_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column="a"))


def test_telemetry_is_off_and_no_progress_bar_is_drawn(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import os

    monkeypatch.delenv("GX_ANALYTICS_ENABLED", raising=False)
    _not_null_result(tmp_path)
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
    assert "Calculating Metrics" not in "".join(capfd.readouterr())
