"""Alerts arrive on loopback, by webhook and by mail; what goes wrong with them hides nothing and tells no secret."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

import orchestration.sensors
from ingestion.settings import Settings
from orchestration.alerts import send_alert
from orchestration.instance import SHELL_TAG
from orchestration.night import NightRecord
from orchestration.sensors import build_failure_sensor


class Hook:
    """A webhook's receiving end on loopback."""

    def __init__(self, status: int = 200) -> None:
        self.bodies: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-token"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Hook:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[Message]]]:
    received: list[Message] = []

    class Keep(MessageHandler):
        def handle_message(self, message: Message) -> None:
            received.append(message)

    controller = Controller(Keep(), hostname="127.0.0.1", port=0)
    controller._port = 0  # type: ignore[attr-defined]
    server_port = _start(controller)
    yield server_port, received
    controller.stop(no_assert=True)


def _start(controller: Controller) -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    return int(controller.port)


def with_targets(settings: Settings, **targets: object) -> Settings:
    return Settings.model_validate(settings.model_dump() | targets)


def test_webhook_gets_subject_text_kind_and_run(settings: Settings) -> None:
    with Hook() as hook:
        errors = send_alert(
            with_targets(settings, alert_webhook_url=hook.url), "night red", "why", kind="red", run_id="r1"
        )
    assert errors == []
    assert hook.bodies[0]["subject"] == "night red"
    assert hook.bodies[0]["text"] == "night red\nwhy"
    assert (hook.bodies[0]["kind"], hook.bodies[0]["run_id"]) == ("red", "r1")


def test_mail_gets_subject_and_text(settings: Settings, mailbox: tuple[int, list[Message]]) -> None:
    port, received = mailbox
    told = with_targets(settings, alert_email_to="duty@example.com", smtp_port=port)
    assert send_alert(told, "night red", "source files failed", kind="crash") == []
    assert received[0]["Subject"] == "night red"
    assert received[0]["To"] == "duty@example.com"
    assert received[0]["X-Warehouse-Alert"] == "crash"
    assert "source files failed" in str(received[0].get_payload())


def test_one_target_that_fails_does_not_keep_the_other_from_being_told(
    settings: Settings, mailbox: tuple[int, list[Message]]
) -> None:
    port, received = mailbox
    with Hook(status=500) as hook:
        told = with_targets(settings, alert_webhook_url=hook.url, alert_email_to="duty@example.com", smtp_port=port)
        errors = send_alert(told, "night red", "why", kind="red")
    assert errors == ["the webhook alert could not be sent: status 500"]
    assert len(received) == 1


def test_a_target_that_is_gone_is_told_without_its_address(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with Hook() as hook:
        url = hook.url
    told = with_targets(settings, alert_webhook_url=url, alert_email_to="duty@example.com", smtp_port=1)
    with caplog.at_level(logging.DEBUG):
        errors = send_alert(told, "night red", "why", kind="red")
    assert len(errors) == 2
    assert "secret-token" not in caplog.text + str(errors)


def test_without_a_target_nothing_is_sent(settings: Settings) -> None:
    assert send_alert(settings, "night red", "why", kind="red") == []


@dg.op
def stops() -> None:
    raise RuntimeError("out of memory")


def failed_run(instance: dg.DagsterInstance, **tags: str) -> dg.RunFailureSensorContext:
    job = dg.GraphDefinition(node_defs=[stops], name="nightly").to_job()
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    failure = next(e for e in result.all_events if e.event_type_value == "PIPELINE_FAILURE")
    return dg.build_run_status_sensor_context(
        "alert_on_failure", failure, instance, result.dagster_run
    ).for_run_failure()


@pytest.mark.parametrize("kind", ["red", "crash"])
def test_the_sensor_tells_of_a_red_verdict_and_of_a_crash(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with Hook() as hook, dg.DagsterInstance.ephemeral() as instance:
        told = with_targets(settings, alert_webhook_url=hook.url)
        monkeypatch.setattr(orchestration.sensors, "get_settings", lambda: told)
        context = failed_run(instance)
        if kind == "red":
            failed = {"status": "failed", "message": "no folder", "last_good_as_of": None, "is_stale": True}
            NightRecord(context.dagster_run.run_id, "2026-03-02", [{"source": "files"} | failed]).save(told)
        build_failure_sensor()(context)
        again = build_failure_sensor()(failed_run_again(context, instance))
    assert [b["kind"] for b in hook.bodies] == [kind]
    assert ("source files failed: no folder" if kind == "red" else "step start stopped") in hook.bodies[0]["text"]
    assert isinstance(again, dg.SkipReason)


def failed_run_again(context: dg.RunFailureSensorContext, instance: dg.DagsterInstance) -> dg.RunFailureSensorContext:
    run = instance.get_run_by_id(context.dagster_run.run_id)
    assert run
    return dg.build_run_status_sensor_context(
        "alert_on_failure", context.failure_event, instance, run
    ).for_run_failure()


def test_the_sensor_leaves_runs_of_the_shell_to_the_shell(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hook() as hook, dg.DagsterInstance.ephemeral() as instance:
        told = with_targets(settings, alert_webhook_url=hook.url)
        monkeypatch.setattr(orchestration.sensors, "get_settings", lambda: told)
        build_failure_sensor()(failed_run(instance, **{SHELL_TAG: "yes"}))
    assert hook.bodies == []
