"""Runs whose process is gone are closed; runs that live are left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import pytest
import yaml
from dagster._core.events import StepMaterializationData

from ingestion.settings import Settings
from orchestration import event_log
from orchestration.instance import PROCESS_TAG, close_orphans, prepare_home, process_mark


def started_run(instance: dg.DagsterInstance, mark: str) -> str:
    job = dg.GraphDefinition(node_defs=[], name="nightly").to_job()
    run = instance.create_run_for_job(job, tags={PROCESS_TAG: mark} if mark else {})
    instance.report_run_starting = getattr(instance, "report_run_starting", None)  # type: ignore[attr-defined]
    event = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="nightly", message="started")
    instance.report_dagster_event(event, run_id=run.run_id)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


def test_a_run_whose_process_was_killed_is_closed_as_failed_and_told_of() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    mark = process_mark(child.pid)
    told: list[str] = []
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = started_run(instance, mark)
        assert close_orphans(instance) == []  # it lives
        child.kill()
        child.wait()
        assert close_orphans(instance, lambda run, message: told.append(message)) == [run_id]
        assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
        assert close_orphans(instance) == []
    assert "was killed" in told[0]


def test_a_run_of_this_process_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = started_run(instance, process_mark())
        assert close_orphans(instance) == []
        assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_process_number_given_out_again_is_another_process() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = started_run(instance, f"{os.getpid()} another-start")
        assert close_orphans(instance) == [run_id]


def test_a_run_that_has_not_begun_to_write_is_left_to_dagsters_monitoring() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = started_run(instance, "")
        assert close_orphans(instance) == []
        assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_home_has_telemetry_off_and_keeps_what_was_changed(settings: Settings) -> None:
    home = prepare_home(settings)
    config = yaml.safe_load((home / "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home(settings)
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_the_event_log_keeps_its_connections_and_dagsters_own_reads_the_same_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = prepare_home(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    made: list[str] = []
    create = event_log.create_engine
    monkeypatch.setattr(event_log, "create_engine", lambda url, **how: made.append(url) or create(url, **how))
    asset = dg.AssetKey(["marts", "fct_lead"])
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, event_log.EventLog)
        runs = [started_run(instance, "") for _ in range(event_log._KEPT + 2)]  # more files than stay open
        for run_id in (runs[0], runs[0], runs[-1]):
            instance.report_dagster_event(
                dg.DagsterEvent(
                    event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                    job_name="nightly",
                    event_specific_data=StepMaterializationData(dg.AssetMaterialization(asset)),
                ),
                run_id=run_id,
            )
        assert len(made) == len(runs) + 2  # one a file, and the first run's again
        assert [len(instance.all_logs(r)) for r in runs] == [3, *[1] * event_log._KEPT, 2]
    config = yaml.safe_load((home / "dagster.yaml").read_text())
    (home / "dagster.yaml").write_text(yaml.safe_dump({k: v for k, v in config.items() if k != "event_log_storage"}))
    with dg.DagsterInstance.get() as instance:
        assert not isinstance(instance.event_log_storage, event_log.EventLog)
        assert [len(instance.all_logs(r)) for r in (runs[0], runs[-1])] == [3, 2]
        assert len(instance.fetch_materializations(asset, limit=10).records) == 3
