"""Dagster's home in the data folder: its settings, and the runs that a killed process left behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

PROCESS_TAG = "warehouse/process"  # "<pid> <when it started>" of the process that runs it
SHELL_TAG = "warehouse/from_shell"  # the shell alerts for its own runs
ALERTED_TAG = "warehouse/alerted"

_DAGSTER_YAML = """\
# Written once by orchestration/instance.py; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
# Runs from the UI and the schedule one at a time; the writer's lock in the data folder guards the rest.
concurrency:
  runs:
    max_concurrent_runs: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
run_retries:
  enabled: false
event_log_storage:
  module: orchestration.event_log
  class: EventLog
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: -1}
"""


def prepare_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME and point this process (and its children) at it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return home


def process_mark(pid: int | None = None) -> str:
    """A process and when it started: a number that was given out again is another process. "" when it is
    gone.
    """
    pid = pid or os.getpid()
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return "" if stat[0] == "Z" else f"{pid} {boot[:8]}-{stat[19]}"
    if Path("/proc/self/stat").exists():
        return ""
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return f"{pid} {done.stdout.strip()}" if done.stdout.strip() else ""


def close_orphans(
    instance: dg.DagsterInstance, on_close: Callable[[dg.DagsterRun, str], None] = lambda run, message: None
) -> list[str]:
    """Report runs as failed whose process is gone (kill -9, power cut); returns their ids.

    `on_close` is called before the run is reported, so that an alert is sent once.
    """
    import dagster as dg

    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    closed = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        mark = run.tags.get(PROCESS_TAG)
        if not mark or process_mark(int(mark.split()[0])) == mark:
            continue  # without a mark it has not begun to write; Dagster's run monitoring times it out
        message = (
            f"the process of this run (pid {mark.split()[0]}) is gone: it was killed or the machine stopped. "
            "Nothing half-done is visible to readers; the next run finishes what is left."
        )
        on_close(run, message)
        instance.report_run_failed(run, message)
        closed.append(run.run_id)
    return closed
