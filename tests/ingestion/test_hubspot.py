"""HubSpot against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ingestion.pipeline import LoadReport
from ingestion.sandbox.server.vendors import hubspot as vendor
from ingestion.sandbox.server.vendors._crm import Crm, Thing
from ingestion.sandbox.server.vendors.hubspot.objects import (
    PLURAL,
    STAGES,
    association_types,
    history,
    properties,
    stamp,
)
from ingestion.settings import Settings
from ingestion.sources import hubspot
from ingestion.sources.hubspot import SPEC, reading
from ingestion.sources.hubspot.tables import KINDS
from tests.crm import NIGHT, House, edited, housed, make_company
from tests.house import turning_down

DAY = timedelta(days=1)
GOOD = ("loaded", "", 0)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "burst", (100_000, 10.0))
    with housed(SPEC, vendor.VENDOR, company, tmp_path, monkeypatch, new_ids=True) as house:
        yield house


def verdict(report: LoadReport) -> tuple[str, str, int]:
    return report.status, report.message, report.rejected


def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a few records, at the vendor and in the source."""
    sizes = {"list": 7, "search": 5, "with_history": 6, "batch": 6, "associations": 9, "associations_page": 1}
    for name, size in sizes.items():
        monkeypatch.setitem(vendor.LIMITS, name, size)
    for name, size in {"LIST_ROWS": 7, "SEARCH_ROWS": 5, "HISTORY_ROWS": 6, "LINK_ROWS": 9, "FORM_ROWS": 3}.items():
        monkeypatch.setattr(reading, name, size)


def assert_raw_is_as_told(house: House) -> None:
    """Every table holds what HubSpot holds at the clock, and nothing else."""
    crm = house.crm()
    for kind in KINDS:
        things = [*crm.live(kind.one), *crm.binned(kind.one)]
        columns = [p.column for p in kind.properties if p.type == "text"]
        told = []
        for thing in things:
            has = properties(thing, crm)
            texts = [has.get(p.name) for p in kind.properties if p.type == "text"]
            told.append(
                (str(thing.id), thing.archived_at is not None, stamp(thing.created), stamp(thing.modified), *texts)
            )
        moments = ", ".join(f"strftime({c}, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'" for c in ("created_at", "modified_at"))
        texts = ", ".join(f'"{c}"' for c in columns)
        assert sorted(
            house.raw(f"select {kind.key}, is_archived, {moments}, {texts} from {kind.name}"), key=str
        ) == sorted(told, key=str)
        live = list(crm.live(kind.one))
        if kind.history:
            told = [
                (str(t.id), name, position, change["value"], change["timestamp"])
                for t in live
                for name in kind.history
                for position, change in enumerate(history(t, name))
            ]
            found = house.raw(
                f"""select object_id, property, position, value, strftime(changed_at, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'
                    from property_changes where object_type = '{kind.name}'
                    and object_id not in (select {kind.key} from {kind.name} where is_archived)"""
            )
            assert sorted(found) == sorted(told)
        if kind.linked:
            told = [
                (str(t.id), PLURAL[other], str(to), link["type_id"], link["label"])
                for t in live
                for other, others in t.links.items()
                if PLURAL[other] in kind.linked
                for to, labels in others.items()
                for link in (
                    {"type_id": a["typeId"], "label": a["label"]} for a in association_types(t.kind, other, labels)
                )
            ]
            found = house.raw(
                f"""select object_id, to_type, to_id, type_id, label from associations where object_type = '{kind.name}'
                    and object_id not in (select {kind.key} from {kind.name} where is_archived)"""
            )
            # a link to a record that was merged since is not told anew: the merges lead from the old id to the new one
            now = {str(gone): str(stays) for gone, stays, _ in crm.merges}
            found = [(one, to_type, now.get(to, to), type_id, label) for one, to_type, to, type_id, label in found]
            assert sorted(found, key=str) == sorted(told, key=str)
    pairs = {("contacts", str(gone), str(stays)) for gone, stays, _ in crm.merges}
    assert set(house.raw("select object_type, merged_id, surviving_id from merges")) == pairs
    told = [(f["email"], f["at"].replace(microsecond=f["at"].microsecond // 1000 * 1000)) for f in crm.forms]
    assert sorted(house.raw("select email, submitted_at from form_submissions")) == sorted(told)
    states = {True: "ATTENDED", False: "NO_SHOW", None: "REGISTERED"}
    told = [(str(50_000_000 + n), str(c.id), states[came]) for n, _, guests in crm.webinars() for c, _, came in guests]
    assert sorted(house.raw("select event_id, contact_id, state from event_participations")) == sorted(told)


def test_every_object_is_as_told_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    assert verdict(house.load()) == GOOD
    assert_raw_is_as_told(house)
    world = house.app.state.desk.rows("select count(*) as n from world.deals where created_at < date '2026-11-20'")
    assert house.raw("select count(*) from deals") == [(world[0]["n"],)]
    # what a test of pages needs, and what the models are for
    counts = {k.name: house.raw(f"select count(*), count(*) filter (is_archived) from {k.name}")[0] for k in KINDS}
    assert counts["contacts"][0] > 60 and counts["contacts"][1] > 1
    assert house.raw("select count(*) from merges")[0][0] >= 4
    assert house.raw("select bool_or(is_archived), bool_or(is_won), bool_or(is_closed and not is_won) from deals") == [
        (True, True, True)
    ]
    monkeypatch.setenv("SOURCES__HUBSPOT__FULL_PULL", "true")
    assert verdict(house.load()) == GOOD
    assert_raw_is_as_told(house)


def test_changes_bins_and_merges_follow_in_the_next_nights_and_after_missed_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    monkeypatch.setenv("SOURCES__HUBSPOT__FULL_PULL_DAYS", "60")
    house.load(date(2026, 11, 3))
    before = {r[0] for r in house.raw("select merged_id from merges")}
    n_contacts = house.raw("select count(*) from contacts")[0][0]
    for night in (date(2026, 11, 4), date(2026, 11, 5), date(2026, 11, 14), date(2026, 11, 26)):
        report = house.load(night)
        assert verdict(report) == GOOD
        assert_raw_is_as_told(house)
        assert 0 < report.rows["contacts"] < n_contacts  # a night costs what a night brings
        assert house.raw("select bool_or(is_full) from pulls where object_type = 'contacts'") == [(False,)]
    gone = {r[0] for r in house.raw("select merged_id from merges")} - before
    assert gone
    assert not gone & {r[0] for r in house.raw("select contact_id from contacts")}


def test_a_search_beyond_the_ceiling_is_refused_and_the_source_never_needs_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    monkeypatch.setitem(vendor.LIMITS, "ceiling", 10)
    house.load()

    def imported(crm: Crm) -> None:  # an import changes everybody in one moment
        for contact in crm.live("contact"):
            contact.touched = crm.at - timedelta(minutes=5)

    with edited(imported):
        report = house.load(NIGHT + DAY)
        assert verdict(report) == GOOD
        assert house.raw("select is_full from pulls where object_type = 'contacts'") == [(False,)]
        assert report.rows["contacts"] > 60
        assert_raw_is_as_told(house)
        body = {"limit": 5, "after": "10"}
        url = f"{house.url}/crm/v3/objects/contacts/search"
        answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {vendor.PRIVATE_APP}"}, timeout=30)
        assert answer.status_code == 400
        assert "more than 10 results" in answer.json()["message"]


def test_the_windows_limit_is_waited_for_and_that_of_the_day_is_left_for_the_next_night(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vendor.LIMITS, "burst", (15, 1.0))
    house.fault("rate_limit", "objects/2026-03/deals")
    assert verdict(house.load()) == GOOD
    assert ("rate_limit", "/hubspot/crm/objects/2026-03/deals") in house.struck()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from contacts order by all")
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "daily", 1)
    report = house.load(NIGHT + DAY)
    assert report.status == "failed"
    assert "calls of the day are used up; the next night goes on" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from contacts order by all") == before
    vendor.METER.reset()
    monkeypatch.setitem(vendor.LIMITS, "daily", 250_000)
    assert verdict(house.load(NIGHT + 2 * DAY)) == GOOD
    assert_raw_is_as_told(house)


def test_a_token_that_is_over_fails_by_name_of_the_setting_or_is_renewed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fault("expired_token", "contacts/search|objects/2026-03/contacts", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert report.message.startswith("contacts: GET ")
    assert "make a new one in HubSpot and set SOURCES__HUBSPOT__ACCESS_TOKEN" in report.message
    assert vendor.PRIVATE_APP not in report.message
    assert house.raw("select count(*) from contacts") == [(0,)]
    assert house.raw("select count(*) > 0 from deals") == [(True,)]
    house.app.state.orders.clear()
    monkeypatch.delenv("SOURCES__HUBSPOT__ACCESS_TOKEN")
    tokens = vendor.TOKENS
    names = {
        "CLIENT_ID": tokens.client_id,
        "CLIENT_SECRET": tokens.client_secret,
        "REFRESH_TOKEN": tokens.refresh_token,
    }
    for name, value in names.items():
        monkeypatch.setenv(f"SOURCES__HUBSPOT__{name}", value)
    house.fault("expired_token", "objects/2026-03/deals", after=1)
    assert verdict(house.load()) == GOOD
    assert_raw_is_as_told(house)
    monkeypatch.setenv("SOURCES__HUBSPOT__REFRESH_TOKEN", "of-yesterday")
    report = house.load()
    assert report.status == "failed"
    assert "SOURCES__HUBSPOT__REFRESH_TOKEN" in report.message and "of-yesterday" not in report.message


def test_a_row_nobody_can_read_is_rejected_and_comes_when_it_can_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    house.fault("malformed_row", "contacts/search")
    report = house.load(NIGHT + DAY)
    assert (report.status, report.rejected) == ("partial", 1)
    assert "contacts: 1 rows could not be read" in report.message
    assert house.raw("select table_name, column_name, request from _rejects") == [
        ("contacts", "modified_at", "contacts, page 0")
    ]
    assert verdict(house.load(NIGHT + 2 * DAY)) == GOOD
    assert_raw_is_as_told(house)


@pytest.mark.parametrize("table", ["deals", "property_changes", "contacts"])
def test_a_table_turned_down_on_the_first_night_or_later_comes_whole_with_the_next_good_one(
    house: House, table: str
) -> None:
    rows = f"select * exclude (_dlt_load_id, _dlt_id) from {table} order by all"
    report = house.load(contract=turning_down(table))
    assert report.status == "partial"
    assert f"{table}: check unique failed" in report.message
    assert house.raw(rows) == []
    assert house.raw("select count(*) > 0 from companies") == [(True,)]
    assert verdict(house.load(NIGHT + DAY)) == GOOD
    assert_raw_is_as_told(house)
    before = house.raw(rows)
    assert house.load(NIGHT + 3 * DAY, turning_down(table)).status == "partial"
    assert house.raw(rows) == before
    assert verdict(house.load(NIGHT + 4 * DAY)) == GOOD
    assert_raw_is_as_told(house)


def test_another_shape_of_the_answer_leaves_raw_as_it_was_and_the_other_kinds_go_on(house: House) -> None:
    house.load()
    before = house.raw("select * exclude (_dlt_load_id, _dlt_id) from deals order by all")
    house.fault("schema_change", "objects/2026-03/deals", times=-1)
    house.fault("server_error", "meetings", times=-1)
    report = house.load(NIGHT + 2 * DAY)
    assert report.status == "partial"
    assert "deals: no row could be read" in report.message and "did the API change?" in report.message
    assert "meetings: POST " in report.message and "INTERNAL_ERROR" in report.message
    assert house.raw("select * exclude (_dlt_load_id, _dlt_id) from deals order by all") == before
    house.app.state.orders.clear()
    assert verdict(house.load(NIGHT + 3 * DAY)) == GOOD
    assert_raw_is_as_told(house)


def test_what_is_odd_is_kept_as_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note of two megabytes, a name of emojis, merges in a circle, swapped addresses, a company in the bin with open deals."""

    def picked(crm: Crm) -> tuple[list[Thing], Thing, Thing, Thing]:
        people = [t for t in crm.live("contact") if t.get("email") and not t.merged][:4]
        call = next(t for t in crm.live("call"))
        deal = next(t for t in crm.live("deal") if t.get("stage") not in ("Vunnet", "Tapt"))
        return people, call, deal, crm.things["company"][next(iter(deal.links["company"]))]

    def odd(crm: Crm) -> None:
        people, call, _, company = picked(crm)
        at = crm.at - timedelta(hours=1)
        call.set("body", "æ" * 2_000_000, at)
        people[0].set("first_name", "👩‍🚀🦊", at)
        people[0].set("email", None, at)
        people[0].merged, people[1].merged = (people[1].id,), (people[0].id,)
        people[0].touched = people[1].touched = at
        one, other = people[2].get("email"), people[3].get("email")
        people[2].set("email", other, at)
        people[3].set("email", one, at)
        company.archived_at = at

    monkeypatch.setenv("SOURCES__HUBSPOT__LOAD_BODIES", "true")
    monkeypatch.setenv("SOURCES__HUBSPOT__CONTACT_PROPERTIES", "hs_lead_status,industry")
    house.load()
    people, call, deal, company = picked(house.crm())
    addresses = dict(house.raw("select contact_id, email from contacts"))
    with edited(odd):
        assert verdict(house.load(NIGHT + DAY)) == GOOD
    assert house.raw(f"select length(body) from calls where call_id = '{call.id}'") == [(2_000_000,)]
    assert house.raw(f"select first_name from contacts where contact_id = '{people[0].id}'") == [("👩‍🚀🦊",)]
    both = {str(people[0].id), str(people[1].id)}
    found = house.raw("select merged_id, surviving_id from merges")
    assert {pair for pair in found if set(pair) == both} == {(one, other) for one in both for other in both - {one}}
    assert both <= {r[0] for r in house.raw("select contact_id from contacts")}
    now = dict(house.raw("select contact_id, email from contacts"))
    one, other = str(people[2].id), str(people[3].id)
    assert (now[one], now[other]) == (addresses[other], addresses[one])
    assert house.raw(f"select is_archived from companies where company_id = '{company.id}'") == [(True,)]
    assert house.raw(f"select is_closed from deals where deal_id = '{deal.id}'") == [(False,)]
    links = "select to_id from associations where object_type = 'deals' and to_type = 'companies' and object_id = "
    assert (str(company.id),) in house.raw(f"{links}'{deal.id}'")
    assert now[str(people[0].id)] is None
    assert house.raw(
        "select count(*) > 0 from contacts where json_extract_string(extra_properties, 'industry') = industry"
    ) == [(True,)]


def test_what_was_erased_is_taken_out_by_the_weekly_pull_of_everything(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    erased = next(t.id for t in house.crm().live("contact") if t.links.get("company"))

    def erase(crm: Crm) -> None:
        crm.things["contact"].pop(erased, None)
        for kind in crm.things.values():
            for thing in kind.values():
                thing.links.get("contact", {}).pop(erased, None)

    is_there = f"select count(*) from contacts where contact_id = '{erased}'"
    with edited(erase):
        house.load(NIGHT + DAY)
        assert house.raw(is_there) == [(1,)]  # changes do not tell of it
        report = house.load(NIGHT + 6 * DAY)
        assert house.raw(is_there) == [(1,)]
        monkeypatch.setenv("SOURCES__HUBSPOT__FULL_PULL_DAYS", "6")
        report = house.load(NIGHT + 6 * DAY)
        assert verdict(report) == GOOD
        assert_raw_is_as_told(house)
    assert house.raw(is_there) == [(0,)]
    assert house.raw(f"select count(*) from property_changes where object_id = '{erased}'") == [(0,)]
    assert house.raw(f"select count(*) from associations where object_id = '{erased}'") == [(0,)]


def test_a_list_that_has_lost_most_records_empties_nothing_unless_that_is_meant(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    n_contacts = house.raw("select count(*) from contacts")[0][0]

    def hide(crm: Crm) -> None:  # as a token sees it that may read its own team's contacts alone
        for number in list(crm.things["contact"])[10:]:
            del crm.things["contact"][number]
        for kind in crm.things.values():
            for thing in kind.values():
                thing.links.pop("contact", None)

    with edited(hide):
        report = house.load(NIGHT + 8 * DAY)
        assert report.status == "partial"
        assert "records are no longer told; raw keeps them" in report.message and "ACCEPT_LOSS" in report.message
        assert house.raw("select count(*) from contacts") == [(n_contacts,)]
        monkeypatch.setenv("SOURCES__HUBSPOT__ACCEPT_LOSS", "true")
        assert verdict(house.load(NIGHT + 8 * DAY)) == GOOD
        assert house.raw("select count(*) from contacts") == [(10,)]


def test_bodies_are_not_asked_for_unless_wanted_and_an_imports_day_is_told_as_such(house: House) -> None:
    requests.post(house.url.replace("/hubspot", "/_sandbox/record"), timeout=30)
    house.load()
    asked = requests.get(house.url.replace("/hubspot", "/_sandbox/record"), timeout=30).text
    assert "hs_call_disposition" in asked
    assert "hs_call_body" not in asked and "hs_meeting_body" not in asked
    assert house.raw("select count(body) from calls") == [(0,)]
    imported = house.raw(
        "select distinct object_source_id, source, source_detail_1, created_at from contacts where object_source = 'IMPORT'"
    )
    assert imported == [("import-2711", "OFFLINE", "IMPORT", datetime(2026, 10, 17, 9, tzinfo=UTC))]


def test_stages_come_from_history_with_skips_and_ways_back(house: House) -> None:
    house.load()
    visits: dict[str, list[str]] = {}
    for deal, stage in house.raw(
        "select object_id, value from property_changes where property = 'dealstage' order by object_id, changed_at"
    ):
        visits.setdefault(deal, []).append(stage)
    met, offered = "qualifiedtobuy", "presentationscheduled"
    assert any(offered in v and met not in v for v in visits.values())  # skipped
    assert any(offered in v and met in v[v.index(offered) :] for v in visits.values())  # went back
    world = house.app.state.desk.rows(
        """select deal_id, stage from world.deal_stages join world.deals using (deal_id)
           where deals.created_at < date '2026-11-20' and entered_at < date '2026-11-20'"""
    )
    truth: dict[str, set[str]] = {}
    for row in world:
        truth.setdefault(row["deal_id"], set()).add(row["stage"])
    things = {str(t.id): t for t in [*house.crm().live("deal"), *house.crm().binned("deal")]}
    for deal, stages in visits.items():
        entered = {s for s, _ in ((label, 0) for label, (i, _) in STAGES.items() if i in stages)}
        assert entered <= truth[things[deal].ref]
        assert truth[things[deal].ref] - entered <= {"Møte"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"limit": 201}, "limit may not be larger than 200"),
        ({"filterGroups": [{"filters": [{"propertyName": "shoe_size", "operator": "EQ", "value": "1"}]}]}, "problem"),
        (
            {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "LIKE", "value": "1"}]}]},
            "operator LIKE",
        ),
        ({"sorts": [{"propertyName": "email"}, {"propertyName": "createdate"}]}, "Only one sort"),
        ({"page": 2}, 'Unrecognized field "page"'),
        ({"filterGroups": [{}] * 6}, "At most 5 filterGroups"),
    ],
)
def test_the_search_refuses_what_hubspot_refuses(house: House, body: dict[str, Any], says: str) -> None:
    url = f"{house.url}/crm/objects/2026-03/contacts/search"
    answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {vendor.PRIVATE_APP}"}, timeout=30)
    assert answer.status_code == 400
    told = answer.json()
    assert (told["status"], told["category"]) == ("error", "VALIDATION_ERROR") and told["correlationId"]
    assert says in told["message"]


def test_lists_and_batches_refuse_too_many_and_answer_without_a_token_with_401(house: House) -> None:
    signed = {"Authorization": f"Bearer {vendor.PRIVATE_APP}"}
    base = f"{house.url}/crm/objects/2026-03/contacts"
    many = {"inputs": [{"id": str(n)} for n in range(51)], "propertiesWithHistory": ["lifecyclestage"]}
    assert requests.get(f"{base}?limit=101", headers=signed, timeout=30).status_code == 400
    assert requests.get(f"{base}?limit=51&propertiesWithHistory=email", headers=signed, timeout=30).status_code == 400
    assert requests.post(f"{base}/batch/read", json=many, headers=signed, timeout=30).status_code == 400
    assert requests.get(f"{base}?colour=red", headers=signed, timeout=30).status_code == 400
    answer = requests.get(base, timeout=30)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_it_says_what_is_missing_and_refuses_what_it_cannot_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hubspot.configured(house.settings).ready
    monkeypatch.setenv("SOURCES__HUBSPOT__LEAVE_OUT", "tickets")
    assert "LEAVE_OUT names 'tickets'" in house.load().message
    monkeypatch.setenv("SOURCES__HUBSPOT__LEAVE_OUT", "forms,marketing_events,calls,meetings,companies,contacts,deals")
    assert set(house.load().rows) == {"owners", "accounts", "pipeline_stages"}
    monkeypatch.setenv(
        "SOURCES__HUBSPOT__LEAVE_OUT", "forms,marketing_events,calls,meetings,companies,contacts,deals,pipelines"
    )
    report = house.load()
    assert verdict(report) == GOOD
    assert set(report.rows) == {"owners", "accounts"}
    assert house.raw("select object_type from pulls") == [("owners",)]
    monkeypatch.delenv("SOURCES__HUBSPOT__ACCESS_TOKEN")
    state = hubspot.configured(Settings(_env_file=None))  # type: ignore[call-arg]
    assert (state.ready, "SOURCES__HUBSPOT__ACCESS_TOKEN" in state.message) == (False, True)


def test_a_pull_that_lags_makes_the_source_stale_and_a_quiet_week_does_not(house: House) -> None:
    house.load()
    quiet = house.load(NIGHT + 5 * DAY)
    assert (quiet.data_through_date, quiet.is_stale) == (NIGHT + 4 * DAY, False)
    house.fault("schema_change", "objects/2026-03/deals", times=-1)
    late = house.load(NIGHT + 9 * DAY)
    assert late.is_stale
    assert late.data_through_date == NIGHT + 4 * DAY
