"""The schedule is off until someone starts it, runs at 05:00 in Oslo, and its day is the day it was due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.schedules import build_schedule


def test_schedule_is_off_until_started_and_runs_at_five_in_oslo() -> None:
    schedule = build_schedule("nightly")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.execution_timezone == "Europe/Oslo"


@pytest.mark.parametrize("due", ["2026-01-15", "2026-07-15", "2026-03-29"])  # winter, summer, the day clocks change
def test_as_of_is_the_day_the_run_was_due(due: str) -> None:
    at = datetime.fromisoformat(due).replace(hour=5, tzinfo=ZoneInfo("Europe/Oslo"))
    context = dg.build_schedule_context(scheduled_execution_time=at.astimezone(ZoneInfo("UTC")))
    request = build_schedule("nightly")(context)
    assert isinstance(request, dg.RunRequest)
    assert request.run_config == {"resources": {"night": {"config": {"as_of": due}}}}
    assert request.run_key == f"nightly-{due}"
