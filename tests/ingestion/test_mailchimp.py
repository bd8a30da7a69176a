"""Mailchimp against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from ingestion.sandbox.server.vendors.mailchimp import API_KEY, VENDOR
from ingestion.sandbox.server.vendors.mailchimp.fields import LIST_ID
from ingestion.settings import Settings
from ingestion.sources.mailchimp import SPEC, envelope
from tests.email_house import NIGHT, House, make_company, serving


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with serving(SPEC, VENDOR, company, tmp_path, monkeypatch) as house:
        yield house


def ask(house: House, path: str, key: str = API_KEY, **params: Any) -> requests.Response:
    return requests.get(f"{house.url}/mailchimp/3.0{path}", params=params, auth=("any", key), timeout=30)


def assert_raw_is_as_the_company(house: House) -> None:
    contacts = "select contact_id, {email}, first_name, status from {table} order by all"
    assert house.raw(contacts.format(email="email_address", table="members")) == house.books(
        contacts.format(email="email", table="mail.contacts")
    )
    mails = """select code, count(distinct email) filter (event in ('delivered', 'bounced')),
        count(*) filter (event = 'opened'), count(*) filter (event = 'opened' and is_proxy_open),
        count(distinct email) filter (event = 'unsubscribed')
        from now.mail_events join mail.mails using (mail_id) group by code order by code"""
    told = """with sends as (select campaign_id, count(*) as n from sent_to group by all),
        opened as (select campaign_id, count(*) as n, count(*) filter (is_proxy_open) as proxy from open_details group by all),
        left_ as (select campaign_id, count(*) as n from unsubscribes group by all)
        select campaign_id, sends.n, coalesce(opened.n, 0), coalesce(proxy, 0), coalesce(left_.n, 0)
        from sends left join opened using (campaign_id) left join left_ using (campaign_id) order by campaign_id"""
    assert house.raw(told) == house.books(mails)
    acts = "select code, {who}, epoch(date_trunc('second', happened_at))::bigint from mail.events join mail.mails using (mail_id)"
    clicks = house.books(acts.format(who="md5(email)") + " where event = 'clicked' order by all")
    assert (
        house.raw(
            "select campaign_id, email_id, epoch(timestamp)::bigint from email_activity where action = 'click' order by all"
        )
        == clicks
    )
    bounces = house.books("select bounce, count(*) from mail.events where event = 'bounced' group by all order by all")
    assert (
        house.raw("select type, count(*) from email_activity where action = 'bounce' group by all order by all")
        == bounces
    )


def test_everything_is_as_the_company_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAILCHIMP__PAGE_SIZE", "97")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    assert_raw_is_as_the_company(house)
    flows = house.raw("select title, position from automation_emails order by all")
    assert flows == house.books("select title, position from mail.mails where flow is not null order by all")
    assert house.raw("select count(*) from members where first_name like '% 🌟'")[0][0] > 0
    before = house.all_of_raw()
    assert house.load().status == "loaded"
    assert house.all_of_raw() == before
    for table in set(before) - {"members", "address_changes"}:  # addresses stand in these alone
        rows = house.raw(f'select to_json(t)::varchar from "{table}" as t')
        assert not [r for r in rows if "@post.example" in r[0] or "203.0.113" in r[0]], table


def test_missed_nights_are_caught_up_and_a_clock_that_runs_back_loses_nothing(house: House) -> None:
    house.load()
    assert house.load(date(2026, 11, 25)).status == "loaded"
    assert_raw_is_as_the_company(house)
    through = house.all_of_raw()
    assert house.load(date(2026, 11, 22)).status == "loaded"
    assert house.load(date(2026, 11, 25)).status == "loaded"
    assert_raw_is_as_the_company(house)
    assert house.all_of_raw() == through


def test_moves_swaps_deletions_and_archives_follow_on_the_next_night(house: House) -> None:
    house.load()
    people = [
        r[0] for r in house.books("select owner from mail.contacts where status = 'subscribed' order by owner limit 6")
    ]
    mover, one, two, gone, archived, pending = people
    on = "2026-11-20 10:00:00+00"
    house.happens(
        (mover, on, "address", "ny.adresse@post.example.no"),
        (one, on, "address", two),
        (two, on, "address", one),
        (gone, on, "deleted", None),
        (archived, on, "status", "archived"),
        (pending, on, "status", "pending"),
        (pending, on, "name", "Åse 👩‍🚀"),
    )
    assert house.load(date(2026, 11, 21)).status == "loaded"
    assert house.raw("select contact_id, email_address, first_name, status from members order by all") == house.books(
        "select contact_id, email, first_name, status from mail.contacts order by all"
    )
    moves = house.raw("select old_email, new_email, seen_date from address_changes order by all")
    night = date(2026, 11, 21)
    assert moves == sorted([(mover, "ny.adresse@post.example.no", night), (one, two, night), (two, one, night)])
    assert house.raw("select first_name from members where status = 'pending'") == [("Åse 👩‍🚀",)]
    before = house.all_of_raw()
    assert house.load(date(2026, 11, 21)).status == "loaded"
    assert house.all_of_raw() == before

    house.happens((mover, "2026-11-21 10:00:00+00", "address", "enda.nyere@post.example.no"))
    house.happens((one, "2026-11-21 10:00:00+00", "deleted", None))
    assert house.load(date(2026, 11, 22)).status == "loaded"
    assert [
        r[:2]
        for r in house.raw("select old_email, new_email, seen_date from address_changes order by seen_date, old_email")
    ] == [
        *sorted([(mover, "ny.adresse@post.example.no"), (two, one)]),
        ("ny.adresse@post.example.no", "enda.nyere@post.example.no"),
    ]  # what the deleted contact was called is gone with it
    assert house.raw(f"select count(*) from members where email_address = '{gone}'") == [(0,)]


def test_passing_faults_are_waited_for_and_nothing_is_lost(house: House) -> None:
    kinds = {"rate_limit": "members", "server_error": "sent-to", "truncated": "email-activity", "reset": "open-details"}
    for kind, route in kinds.items():
        house.fault(kind, route)
    assert house.load().status == "loaded"
    assert {kind for kind, _ in house.app.state.orders.struck} == set(kinds)
    assert_raw_is_as_the_company(house)


def test_an_invalid_key_fails_with_what_to_do_and_the_next_good_night_catches_up(house: House) -> None:
    house.load()
    house.fault("expired_token", times=-1)
    report = house.load(date(2026, 11, 22))
    assert (report.status, report.last_good_as_of) == ("failed", NIGHT)
    assert "API Key Invalid" in report.message
    assert "set SOURCES__MAILCHIMP__API_KEY" in report.message
    assert API_KEY not in report.message
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 24)).status == "loaded"
    assert_raw_is_as_the_company(house)


@pytest.mark.parametrize(
    ("route", "table", "column"),
    [("members", "members", "last_changed"), ("sent-to", "sent_to", "status")],
)
def test_a_malformed_row_is_kept_apart_and_comes_on_the_next_good_night(
    house: House, route: str, table: str, column: str
) -> None:
    house.fault("malformed_row", route)
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1), report.message
    assert house.raw("select table_name, column_name from _rejects") == [(table, column)]
    assert house.load().status == "loaded"
    assert_raw_is_as_the_company(house)


def test_a_malformed_open_is_kept_apart_and_comes_while_its_day_is_pulled_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAILCHIMP__START_DATE", "2026-11-17")
    house.fault("malformed_row", "open-details", times=-1)
    report = house.load()
    n_mails = len(
        house.books(
            "select distinct mail_id from now.mail_events where event = 'opened' and happened_at >= '2026-11-17'"
        )
    )
    assert (report.status, report.rejected) == ("partial", n_mails)
    house.app.state.orders.clear()
    assert house.load().status == "loaded"
    assert house.raw("select count(*) from open_details") == house.books(
        "select count(*) from now.mail_events where event = 'opened' and happened_at >= '2026-11-17'"
    )


def test_a_changed_answer_is_named_and_raw_keeps_what_it_has(house: House) -> None:
    house.load()
    before = house.all_of_raw()
    house.fault("schema_change", "(members|email-activity|open-details)", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "no row of members has contact_id; did the API change?" in report.message
    assert "no row of emails has timestamp; did the API change?" in report.message
    assert house.all_of_raw() == before


def test_a_campaign_that_fails_keeps_its_rows_and_is_pulled_the_next_night(house: House) -> None:
    [[mail]] = house.books("select code from mail.mails where flow is null order by mail_id limit 1")
    house.fault("server_error", f"{mail}/sent-to", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert f"{mail}/sent-to" in report.message
    assert house.raw("select count(distinct campaign_id) > 0, bool_or(campaign_id = '" + mail + "') from sent_to") == [
        (True, False)
    ]
    house.app.state.orders.clear()
    assert house.load().status == "loaded"
    assert_raw_is_as_the_company(house)


def test_the_sandbox_refuses_what_the_vendor_refuses(house: House) -> None:
    assert ask(house, "/lists", "wrong-us21").status_code == 401
    bearer = requests.get(f"{house.url}/mailchimp/3.0/ping", headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30)
    assert bearer.status_code == 200
    token = base64.b64encode(b"any").decode()
    assert (
        requests.get(
            f"{house.url}/mailchimp/3.0/ping", headers={"Authorization": f"Basic {token}"}, timeout=30
        ).status_code
        == 401
    )
    for path, params, status in [
        ("/lists", {"limit": 5}, 400),
        ("/lists", {"count": 1001}, 400),
        (f"/lists/{LIST_ID}/members", {"status": "gone"}, 400),
        (f"/lists/{LIST_ID}/members", {"since_last_changed": "2026-11-20"}, 400),
        ("/lists/zzz/members", {}, 404),
        ("/reports/zzz/sent-to", {}, 404),
    ]:
        answer = ask(house, path, **params)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
            status,
            "application/problem+json",
        ), path
        assert envelope(answer.json()) is not None
    page = ask(house, f"/lists/{LIST_ID}/members").json()
    assert (len(page["members"]), page["total_items"] > 10) == (10, True)
    narrow = ask(house, f"/lists/{LIST_ID}/members", fields="members.id,total_items", count=1).json()
    assert (set(narrow), set(narrow["members"][0])) == ({"members", "total_items"}, {"id"})


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    assert SPEC.configured(settings).message == "no key; set SOURCES__MAILCHIMP__API_KEY"
    monkeypatch.setenv("SOURCES__MAILCHIMP__ACCESS_TOKEN", "token")
    assert "set SOURCES__MAILCHIMP__SERVER" in SPEC.configured(settings).message
    monkeypatch.setenv("SOURCES__MAILCHIMP__SERVER", "us21")
    assert SPEC.configured(settings).message == "all lists of the account"
    monkeypatch.setenv("SOURCES__MAILCHIMP__API_KEY", "0123-us6")
    monkeypatch.setenv("SOURCES__MAILCHIMP__LISTS", "a, b")
    assert (SPEC.configured(settings).ready, SPEC.configured(settings).message) == (True, "lists a, b")
