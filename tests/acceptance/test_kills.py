"""A night killed at random points, again and again, ends with the marts of one that nothing disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ingestion.settings import PROJECT_DIR
from tests.acceptance.conftest import Undisturbed, warehouse_of
from tests.acceptance.nights import differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

N_KILLS = 10


def test_a_night_killed_at_ten_random_points_ends_with_the_same_marts(
    undisturbed: Undisturbed, drop_folder: Path, tmp_path: Path
) -> None:
    """Each night starts on what the one before left. Every second kill leaves the processes it had started alone."""
    house = warehouse_of(tmp_path, drop_folder)
    rng = random.Random(20)
    points = [(i + rng.random()) / N_KILLS for i in range(N_KILLS)]
    rng.shuffle(points)
    groups: list[int] = []
    n_killed = 0
    said = tmp_path / "said.txt"
    seconds = undisturbed.seconds
    try:
        while n_killed < N_KILLS:
            began = time.monotonic()
            with said.open("w") as out:
                night = subprocess.Popen(
                    house.command(),
                    cwd=PROJECT_DIR,
                    env=house.environment,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            groups.append(night.pid)
            with suppress(subprocess.TimeoutExpired):
                night.wait(points[n_killed] * seconds)
            if night.poll() is None:
                (os.killpg if n_killed % 2 else os.kill)(night.pid, signal.SIGKILL)
                assert night.wait(10) == -signal.SIGKILL
                n_killed += 1
            else:
                assert night.returncode == 0, f"a night after {n_killed} kills was not green:\n{said.read_text()}"
                seconds = min(seconds, time.monotonic() - began)  # with less to do it got away: again, sooner
        house.green()
    finally:
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
    assert differences(undisturbed.marts, house.published / "marts.duckdb") == {}
    assert differences(undisturbed.marts, house.published / "current" / "marts.duckdb") == {}
    assert not list(house.published.glob("**/.building-*")) + list(house.published.glob(".new-*"))
    assert not (house.published / ".pending").exists()
