"""The verdict: what is red, what is only said, and what to do next."""

from __future__ import annotations

from orchestration.night import NightRecord, judge

PUBLISHED = {"generation": "000001_2026-03-02", "n_marts": 9}


def test_nothing_wrong_is_green() -> None:
    verdict = judge(NightRecord("r", "2026-03-02", published=PUBLISHED))
    assert not verdict.is_red
    assert verdict.headline == "night 2026-03-02: green; published 000001_2026-03-02 (9 marts)"


def test_nothing_published_is_red_even_when_no_step_complained() -> None:
    verdict = judge(NightRecord("r", "2026-03-02"), still="; readers still see 000001_2026-03-01")
    assert verdict.is_red
    assert "readers still see 000001_2026-03-01" in verdict.text()


def test_a_dbt_failure_is_named_with_what_to_do() -> None:
    record = NightRecord("r", "2026-03-02", dbt={"failures": ["model fct_order: error, no such column"]})
    verdict = judge(record)
    assert verdict.problems[0].what == "dbt: model fct_order: error, no such column"
    assert "run the night again" in verdict.problems[0].todo


def test_a_step_that_stopped_is_named() -> None:
    record = NightRecord("r", "2026-03-02", crashes={"publish": "disk full"})
    assert "step publish stopped: disk full" in judge(record).text()


def test_warnings_of_dbt_leave_the_night_green() -> None:
    record = NightRecord("r", "2026-03-02", published=PUBLISHED, dbt={"warnings": ["test x: warn"]})
    verdict = judge(record)
    assert not verdict.is_red
    assert verdict.warnings == ("dbt: test x: warn",)
