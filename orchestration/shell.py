"""The night from the shell: the same Dagster job, in this process, with progress people can read.

Everything that is not for people (Dagster's events, dbt's output, tracebacks) goes to
data/logs/nightly-<run>.log.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ingestion.lock import writer_lock
from ingestion.settings import Settings
from orchestration import alerts, publish
from orchestration.instance import ALERTED_TAG, PROCESS_TAG, SHELL_TAG, prepare_home, process_mark
from orchestration.manifest import make_manifest
from orchestration.night import Verdict, judge, logs_dir, read_record
from orchestration.progress import listening

if TYPE_CHECKING:
    from rich.status import Status

GREEN, RED, COULD_NOT_RUN = 0, 1, 2


class Screen:
    """What people see: one line for each thing that happened, and one that moves (on a terminal only)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self._status: Status | None = None

    def line(self, part: str, message: str, passing: bool = False) -> None:
        if passing:
            if self._status:
                self._status.update(f"{part}: {message}")
            return
        seconds = f"{time.monotonic() - self.started:6.1f} s  "
        self.console.print(Text(seconds, style="dim") + Text(f"{part:<8} ", style="bold") + Text(message))

    @contextmanager
    def moving(self) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with self.console.status("starting") as self._status:
            yield
        self._status = None


def run_nightly(settings: Settings, as_of: date | None) -> int:
    """Run the job `nightly`; returns the exit code: 0 green, 1 red, 2 it could not run."""
    run_id = str(uuid.uuid4())
    log = logs_dir(settings) / f"nightly-{run_id[:8]}.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _output_to(log) as console:
        screen = Screen(console)
        with screen.moving(), listening(screen.line):
            try:
                verdict = _run(settings, as_of, run_id, screen)
            except Exception as error:  # noqa: BLE001 - the shell's last line of defence: log, tell, alert
                traceback.print_exc()
                said = " ".join(str(error).split())[:1000] or type(error).__name__
                _tell_all(settings, screen, "warehouse: the night could not run", said, "crash", run_id)
                console.print(Text(f"\nthe night could not run: {said}", style="bold red"))
                console.print(f"full log: {log}")
                return COULD_NOT_RUN
        _print_verdict(console, settings, verdict, log)
    return RED if verdict.is_red else GREEN


def _run(settings: Settings, as_of: date | None, run_id: str, screen: Screen) -> Verdict:
    settings.require_hash_key()
    with writer_lock(settings, "the night", lambda message: screen.line("lock", message)):
        publish.refuse_earlier(settings, as_of or settings.today())
        if make_manifest(settings):
            screen.line("dbt", "project parsed")
        prepare_home(settings)
        gc.disable()  # what is imported and defined stays: looking through it for garbage is a tenth of the night's work
        try:
            import dagster as dg  # from here on it costs seconds: a wrong key or date is told before

            from orchestration.definitions import JOB, defs
            from orchestration.resources import close_and_alert
            from orchestration.schedules import as_of_config

            job = defs().resolve_job_def(JOB)
            gc.freeze()
        finally:
            gc.enable()
        instance = dg.DagsterInstance.get()
        for orphan in close_and_alert(instance, settings):
            screen.line("start", f"run {orphan[:8]} had been killed; closed it as failed")
        screen.line("start", f"run {run_id[:8]}, as-of {as_of or settings.today()}, data in {settings.data_dir}")
        result = job.execute_in_process(
            run_config=as_of_config((as_of or settings.today()).isoformat()),
            instance=instance,
            raise_on_error=False,
            run_id=run_id,
            tags={PROCESS_TAG: process_mark(), SHELL_TAG: "yes"},
        )
        record = read_record(settings, run_id)
        if not result.success and not (record.crashes or record.sources):
            record.crashes["start"] = _why(result)
        current = publish.current_generation(settings)
        verdict = judge(record, still=f"; readers still see {current.id}" if current else "")
        if verdict.is_red:
            kind = "crash" if record.crashes else "red"
            _tell_all(settings, screen, f"warehouse: {verdict.headline}", verdict.text(), kind, run_id)
            instance.add_run_tags(run_id, {ALERTED_TAG: kind})
        return verdict


def _why(result: object) -> str:
    """What Dagster says when a run fails before our first step."""
    for event in reversed(getattr(result, "all_events", [])):
        if event.is_failure and event.message:
            return " ".join(event.message.split())[:600]
    return "the run failed before its first step"


def _tell_all(settings: Settings, screen: Screen, subject: str, text: str, kind: str, run_id: str) -> None:
    if not alerts.is_configured(settings):
        return
    errors = alerts.send_alert(settings, subject, text, kind=kind, run_id=run_id)
    for error in errors:
        screen.line("alert", error)
    if not errors:
        screen.line("alert", "sent")


def _print_verdict(console: Console, settings: Settings, verdict: Verdict, log: Path) -> None:
    console.print()
    console.print(Text(verdict.headline, style="bold red" if verdict.is_red else "bold green"))
    for problem in verdict.problems:
        console.print(Text(f"  ✗ {problem.what}", style="red"))
        console.print(Text(f"    → {problem.todo}"))
    for warning in verdict.warnings:
        console.print(Text(f"  ! {warning}", style="yellow"))
    for what, path in (
        ("marts for BI", settings.published_dir / "marts.duckdb"),
        ("checks", settings.data_docs_dir / "index.html"),
        ("full log", log),
    ):
        if path.exists():
            console.print(f"  {what}: {path}", highlight=False, soft_wrap=True)


@contextmanager
def _output_to(log: Path) -> Iterator[Console]:
    """Send this process's (and its children's) output to the log; yields a console on the real one."""
    sys.stdout.flush()
    sys.stderr.flush()
    real_out, real_err = os.dup(1), os.dup(2)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    try:
        with os.fdopen(os.dup(real_out), "w") as stream:
            yield Console(file=stream, highlight=False, soft_wrap=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(real_out, 1)
        os.dup2(real_err, 2)
        os.close(real_out)
        os.close(real_err)
