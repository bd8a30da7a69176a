"""The shell: short messages, the right exit code, and who waits for whom. Whole nights are in tests/acceptance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from ingestion.lock import writer_lock
from ingestion.settings import PROJECT_DIR, Settings
from orchestration import publish
from tests.orchestration.conftest import NIGHT
from tests.orchestration.test_alerts import Hook


def start(settings: Settings, *args: str, **env: str) -> subprocess.Popen[str]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith("WAREHOUSE_")}
    ours |= {"PYTHONPATH": str(PROJECT_DIR), "WAREHOUSE_DATA_DIR": str(settings.data_dir)}
    ours |= {"WAREHOUSE_HASH_KEY": "a key for tests only", "WAREHOUSE_ALERT_WEBHOOK_URL": ""}
    ours |= {"WAREHOUSE_ALERT_EMAIL_TO": "", "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", *args],
        cwd=PROJECT_DIR,
        env=ours | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(settings: Settings, *args: str, **env: str) -> tuple[int, str]:
    process = start(settings, *args, **env)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def test_without_a_key_the_night_says_what_to_do_and_alerts(settings: Settings) -> None:
    with Hook() as hook:
        code, said = run(settings, "nightly", WAREHOUSE_HASH_KEY="", WAREHOUSE_ALERT_WEBHOOK_URL=hook.url)
    assert code == 2
    assert "python -m ingestion init" in said
    assert "Traceback" not in said and len(said.splitlines()) < 8
    assert [b["kind"] for b in hook.bodies] == ["crash"]
    logs = list((settings.data_dir / "logs").glob("nightly-*.log"))
    assert len(logs) == 1 and "Traceback" in logs[0].read_text()


def test_an_earlier_night_is_refused_before_anything_starts(settings: Settings, build: Callable[..., None]) -> None:
    build()
    publish.publish(settings, NIGHT)
    code, said = run(settings, "nightly", "--as-of", str(NIGHT - timedelta(days=1)))
    assert code == 2
    assert "data folder of its own" in said
    assert not settings.raw_dir.exists()


def test_a_date_that_is_none_is_refused_with_the_form(settings: Settings) -> None:
    code, said = run(settings, "nightly", "--as-of", "31.12.2026")
    assert code == 2
    assert "%Y-%m-%d" in said


def test_a_second_night_waits_and_names_whom_for(settings: Settings) -> None:
    with writer_lock(settings, "a night that is running"):
        second = start(settings, "nightly")
        try:
            assert second.stdout
            line = second.stdout.readline()
            assert "waiting for a night that is running" in line
            assert f"process {os.getpid()}" in line
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(timeout=0.5)
        finally:
            second.kill()
            second.communicate()


def test_generations_are_listed_and_rolled_back_from_the_shell(settings: Settings, build: Callable[..., None]) -> None:
    for day in range(2):
        build([day])
        publish.publish(settings, NIGHT + timedelta(days=day))
    code, said = run(settings, "publish", "list")
    assert code == 0
    assert "000001_2026-03-02" in said and "000002_2026-03-03" in said
    code, said = run(settings, "publish", "rollback")
    assert (code, said.strip()) == (0, "readers now see 000001_2026-03-02 (as-of 2026-03-02)")
    code, said = run(settings, "publish", "rollback")
    assert (code, said.strip()) == (1, "there is no older generation to go back to")
