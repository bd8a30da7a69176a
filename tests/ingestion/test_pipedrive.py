"""Pipedrive against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ingestion.pipeline import LoadReport
from ingestion.sandbox.server.vendors import pipedrive as vendor
from ingestion.sandbox.server.vendors._crm import Crm
from ingestion.sandbox.server.vendors.pipedrive.records import ROLE_FIELD, ROWS, SOURCE_FIELD, deal_changes, deal_row
from ingestion.settings import Settings
from ingestion.sources import pipedrive
from ingestion.sources.pipedrive import SPEC
from tests.crm import NIGHT, House, edited, housed, make_company

DAY = timedelta(days=1)
GOOD = ("loaded", "", 0)
SIGNED = {"x-api-token": vendor.TOKEN}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "burst", (100_000, 2.0))
    with housed(SPEC, vendor.VENDOR, company, tmp_path, monkeypatch, new_ids=False) as house:
        yield house


def verdict(report: LoadReport) -> tuple[str, str, int]:
    return report.status, report.message, report.rejected


def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vendor.LIMITS, "page", 6)
    monkeypatch.setattr(pipedrive, "PAGE_ROWS", 6)


def text(value: Any) -> str | None:
    return None if value is None else str(value)


def assert_raw_is_as_told(house: House) -> None:
    """Every table holds what Pipedrive holds at the clock, and nothing else."""
    crm = house.crm()
    seconds = ", ".join(f"strftime({c}, '%Y-%m-%dT%H:%M:%SZ')" for c in ("created_at", "modified_at"))
    told: list[Any] = []
    for r in ROWS["persons"](crm):
        mail, phone = (v[0]["value"] if v else None for v in (r["emails"], r["phones"]))
        own = (r["custom_fields"][SOURCE_FIELD], r["custom_fields"][ROLE_FIELD])
        told.append((text(r["id"]), r["name"], mail, phone, text(r["org_id"]), *own, r["add_time"], r["update_time"]))
    found = house.raw(
        f"select person_id, name, email, phone, organization_id, source, buying_role, {seconds} from persons"
    )
    assert sorted(found, key=str) == sorted(told, key=str)
    told = [(text(r["id"]), r["name"], r["website"], r["update_time"]) for r in ROWS["organizations"](crm)]
    moment = "strftime(modified_at, '%Y-%m-%dT%H:%M:%SZ')"
    found = house.raw(f"select organization_id, name, website, {moment} from organizations")
    assert sorted(found) == sorted(told)
    deals = [deal_row(t, crm) for t in [*crm.live("deal"), *crm.binned("deal")]]
    told = [
        (
            text(r["id"]),
            text(r["person_id"]),
            text(r["stage_id"]),
            r["status"],
            float(r["value"]),
            r["lost_reason"],
            r["is_deleted"],
        )
        for r in deals
    ]
    columns = "deal_id, person_id, stage_id, status, amount::double, lost_reason, is_deleted"
    assert sorted(house.raw(f"select {columns} from deals"), key=str) == sorted(told, key=str)
    told = [
        (str(t.id), position, c["field_key"], c["old_value"], c["new_value"], c["time"])
        for t in crm.live("deal")
        for position, c in enumerate(deal_changes(t))
    ]
    changes = house.raw(
        """select deal_id, position, field, old_value, new_value, strftime(changed_at, '%Y-%m-%dT%H:%M:%SZ') from deal_changes
           where deal_id not in (select deal_id from deals where is_deleted)"""
    )
    assert sorted(changes) == sorted(told)
    now = {str(gone): str(stays) for gone, stays, _ in crm.merges}
    told = {(str(t.id), str(p)) for t in crm.live("deal") for p in t.links.get("contact", {})}
    people = house.raw(
        "select deal_id, person_id from deal_participants where deal_id not in (select deal_id from deals where is_deleted)"
    )
    assert {(d, now.get(p, p)) for d, p in people} == told
    told = [(text(r["id"]), r["type"], r["due_time"], r["duration"]) for r in ROWS["activities"](crm)]
    assert sorted(house.raw("select activity_id, activity_type, due_time, duration from activities")) == sorted(told)
    pairs = {("persons", str(gone), str(stays)) for gone, stays, _ in crm.merges}
    # what was merged more than thirty days before the first pull is told by nobody
    recent = {("persons", str(gone), str(stays)) for gone, stays, at in crm.merges if at > crm.at - timedelta(days=28)}
    assert recent <= set(house.raw("select object_type, merged_id, surviving_id from merges")) <= pairs


def test_every_object_is_as_told_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    assert verdict(house.load(date(2026, 11, 5))) == GOOD  # merges are told for thirty days
    monkeypatch.setenv("SOURCES__PIPEDRIVE__FULL_PULL", "true")
    assert verdict(house.load()) == GOOD
    assert_raw_is_as_told(house)
    assert house.raw("select count(*) > 60 from persons") == [(True,)]
    assert house.raw("select count(distinct status) from deals") == [(4,)]
    assert house.raw("select count(*) > 0 from leads where label_names = 'Varm'") == [(True,)]
    assert verdict(house.load()) == GOOD
    assert_raw_is_as_told(house)


def test_changes_deletions_and_merges_follow_in_the_next_nights_and_after_missed_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    monkeypatch.setenv("SOURCES__PIPEDRIVE__FULL_PULL_DAYS", "60")
    house.load(date(2026, 11, 3))
    before = {r[0] for r in house.raw("select merged_id from merges")}
    n_persons = house.raw("select count(*) from persons")[0][0]
    for night in (date(2026, 11, 4), date(2026, 11, 14), date(2026, 11, 26)):
        report = house.load(night)
        assert verdict(report) == GOOD
        assert_raw_is_as_told(house)
        assert 0 < report.rows["persons"] < n_persons  # a night costs what a night brings
        assert house.raw("select is_full from pulls where object_type = 'persons'") == [(False,)]
    gone = {r[0] for r in house.raw("select merged_id from merges")} - before
    assert gone
    assert not gone & {r[0] for r in house.raw("select person_id from persons")}


def test_the_windows_limit_is_waited_for_and_that_of_the_day_is_left_for_the_next_night(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vendor.LIMITS, "burst", (30, 1.0))
    house.fault("rate_limit", "api/v2/persons")
    assert verdict(house.load()) == GOOD
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from persons order by all")
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "budget", 2)
    report = house.load(NIGHT + DAY)
    assert report.status in ("failed", "partial")
    assert "calls are used up; the next night goes on" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from deals order by all")
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "budget", 250_000)
    assert verdict(house.load(NIGHT + 2 * DAY)) == GOOD
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from persons order by all") != before
    assert_raw_is_as_told(house)


def test_a_token_that_is_not_accepted_fails_by_name_of_the_setting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__PIPEDRIVE__API_TOKEN", "of-yesterday")
    report = house.load()
    assert report.status == "failed"
    assert "set SOURCES__PIPEDRIVE__API_TOKEN" in report.message and "of-yesterday" not in report.message
    monkeypatch.delenv("SOURCES__PIPEDRIVE__API_TOKEN")
    state = pipedrive.configured(Settings(_env_file=None))  # type: ignore[call-arg]
    assert (state.ready, "SOURCES__PIPEDRIVE__API_TOKEN" in state.message) == (False, True)
    assert house.load().status == "not configured"


def test_rows_nobody_can_read_and_other_shapes_are_told_and_mended_by_the_next_good_night(house: House) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from deals order by all")
    house.fault("malformed_row", "api/v2/persons")
    house.fault("schema_change", "api/v2/deals", times=-1)
    report = house.load(NIGHT + DAY)
    assert (report.status, report.rejected) == ("partial", 1)
    assert "deals: no row could be read" in report.message and "did the API change?" in report.message
    assert house.raw("select table_name, column_name from _rejects") == [("persons", "modified_at")]
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from deals order by all") == before
    house.app.state.orders.clear()
    assert verdict(house.load(NIGHT + 2 * DAY)) == GOOD
    assert_raw_is_as_told(house)


def test_what_is_odd_is_kept_as_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note of two megabytes, a name of emojis, swapped addresses, a deleted company with open deals, an erased person."""
    monkeypatch.setenv("SOURCES__PIPEDRIVE__LOAD_BODIES", "true")
    monkeypatch.setenv("SOURCES__PIPEDRIVE__PERSON_FIELDS", SOURCE_FIELD)
    house.load()
    assert house.raw("select count(*) > 5 from persons where extra_properties is not null") == [(True,)]
    people = [t.id for t in house.crm().live("contact") if t.get("email") and t.links.get("company")][:4]
    call = next(t.id for t in house.crm().live("call"))
    deal = next(t for t in house.crm().live("deal") if t.get("stage") not in ("Vunnet", "Tapt"))
    (company,) = deal.links["company"]
    addresses = dict(house.raw("select person_id, email from persons"))

    def odd(crm: Crm) -> None:
        at = crm.at - timedelta(hours=1)
        crm.things["call"][call].set("body", "æ" * 2_000_000, at)
        one, other, nameless, erased = (crm.things["contact"][n] for n in people)
        mine, theirs = one.get("email"), other.get("email")
        one.set("email", theirs, at)
        other.set("email", mine, at)
        nameless.set("first_name", "👩‍🚀🦊", at)
        nameless.set("email", None, at)
        crm.things["company"][company].archived_at = at
        del crm.things["contact"][erased.id]
        for kind in crm.things.values():
            for thing in kind.values():
                thing.links.get("contact", {}).pop(erased.id, None)

    with edited(odd):
        assert verdict(house.load(NIGHT + DAY)) == GOOD
        now = dict(house.raw("select person_id, email from persons"))
        one, other, nameless, erased = map(str, people)
        assert (now[one], now[other], now[nameless]) == (addresses[other], addresses[one], None)
        assert house.raw(f"select length(activity_note) from activities where activity_id = '{call}'") == [(2_000_000,)]
        assert house.raw(f"select first_name from persons where person_id = '{nameless}'") == [("👩‍🚀🦊",)]
        assert house.raw(f"select count(*) from organizations where organization_id = '{company}'") == [(0,)]
        assert house.raw(f"select organization_id, status from deals where deal_id = '{deal.id}'") == [
            (str(company), "open")
        ]
        assert erased in now  # nothing tells of it but the weekly pull of everything
        house.load(NIGHT + 7 * DAY)
        assert erased not in dict(house.raw("select person_id, email from persons"))


def test_an_activity_that_says_neither_when_nor_how_long_has_no_empty_texts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_all = ROWS["activities"]
    vague = {"due_time": "", "duration": ""}
    monkeypatch.setitem(ROWS, "activities", lambda crm: [row | vague for row in of_all(crm)])  # type: ignore[arg-type]
    assert verdict(house.load()) == GOOD
    assert house.raw("select distinct due_time, duration from activities") == [(None, None)]


def test_bodies_are_not_loaded_unless_wanted_and_a_part_can_be_left_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__PIPEDRIVE__LEAVE_OUT", "deals,organizations,persons")
    report = house.load()
    assert verdict(report) == GOOD
    assert house.raw("select count(activity_note), count(*) > 5 from activities") == [(0, True)]
    assert house.raw("select count(*) from deals") == [(0,)]
    monkeypatch.setenv("SOURCES__PIPEDRIVE__LEAVE_OUT", "notes")
    assert "LEAVE_OUT names 'notes'" in house.load().message


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("api/v2/persons?limit=501", 400, "limit"),
        ("api/v2/persons?colour=red", 400, "colour"),
        ("api/v2/persons?updated_since=yesterday", 400, "RFC3339"),
        ("api/v2/persons?cursor=abc", 400, "cursor"),
        ("api/v2/deals?status=asleep", 400, "asleep"),
        ("api/v2/deals?sort_by=colour", 400, "sort_by"),
        ("v1/recents", 400, "since_timestamp"),
        ("v1/deals/1/changelog", 404, "not found"),
    ],
)
def test_it_refuses_what_pipedrive_refuses(house: House, path: str, status: int, says: str) -> None:
    answer = requests.get(f"{house.url}/{path}", headers=SIGNED, timeout=30)
    body = answer.json()
    assert (answer.status_code, body["success"], body["data"]) == (status, False, None)
    assert says in body["error"]
    assert requests.get(f"{house.url}/{path}", timeout=30).status_code == 401
