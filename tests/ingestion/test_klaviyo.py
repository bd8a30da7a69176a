"""Klaviyo against the sandbox: its protocol, and what the source makes of it in raw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from ingestion.sandbox.server.vendors import klaviyo as vendor
from ingestion.sandbox.server.vendors.klaviyo import API_KEY, VENDOR
from ingestion.sandbox.server.vendors.klaviyo.resources import LIST_ID, PROFILE_ID
from ingestion.settings import Settings
from ingestion.sources.klaviyo import SPEC, envelope
from tests.email_house import NIGHT, House, make_company, serving


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def house(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("SOURCES__KLAVIYO__API_KEY", API_KEY)
    with serving(SPEC, VENDOR, company, tmp_path, monkeypatch) as house:
        yield house


def ask(house: House, path: str, key: str = API_KEY, revision: str = "2026-07-15", **params: Any) -> requests.Response:
    headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": revision}
    return requests.get(f"{house.url}/klaviyo/api{path}", params=params, headers=headers, timeout=30)


def assert_raw_is_as_the_company(house: House) -> None:
    assert house.raw("select profile_id, email, first_name from profiles order by all") == house.books(
        f"select {PROFILE_ID} as id, email, first_name from mail.contacts order by all"
    )
    assert house.raw("select count(*), count(joined_group_at) from list_profiles") == house.books(
        "select count(*) as n, count(*) as dated from mail.contacts where opted_at is not null and status <> 'archived'"
    )
    told = """select name, count(*), count(*) filter (apple_privacy_open), count(bounce_type) from events join metrics using (metric_id)
        where name not in ('Placed Order', 'Subscribed to List') group by name order by name"""
    assert house.raw(told) == house.books(
        """select case event when 'delivered' then 'Received Email' when 'bounced' then 'Bounced Email' when 'opened' then 'Opened Email'
            when 'clicked' then 'Clicked Email' when 'complained' then 'Marked Email as Spam' else 'Unsubscribed from Email Marketing' end
            as name, count(*) as n, count(*) filter (event = 'opened' and is_proxy) as p, count(bounce) as b
            from mail.events where event <> 'sent' group by name order by name"""
    )
    opened = "select count(*) from events join metrics using (metric_id) where name = 'Opened Email'"
    assert house.raw(opened) == house.books("select count(*) from now.mail_events where event = 'opened'")
    paid = "select order_id, value from events where order_id is not null order by all"
    until = f"timestamptz '{house.app.state.desk.clock} 00:00:00+00'"
    assert [(o, int(v * 100)) for o, v in house.raw(paid)] == house.books(
        f"""select order_id, amount_ore from world.orders join mail.contacts on orders.email = owner
            where ordered_at >= first_at and ordered_at < {until} order by order_id"""
    )
    assert house.raw("select name, position from flow_messages order by all") == house.books(
        "select title, position from mail.mails where flow is not null order by all"
    )


def test_everything_is_as_the_company_over_many_pages_and_a_second_pull_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KLAVIYO__PAGE_SIZE", "60")
    monkeypatch.setenv("SOURCES__KLAVIYO__EVENTS_PAGE_SIZE", "90")
    report = house.load()
    assert (report.status, report.message, report.rejected) == ("loaded", "", 0)
    assert_raw_is_as_the_company(house)
    assert house.raw("select name, subject from campaigns order by all") == house.books(
        "select title, subject from mail.mails where flow is null order by all"
    )
    before = house.all_of_raw()
    assert house.load().status == "loaded"
    assert house.all_of_raw() == before
    assert house.load(date(2026, 11, 25)).status == "loaded"  # nights that were missed
    assert_raw_is_as_the_company(house)
    for table in SPEC.tables:
        if table.name not in ("profiles", "address_changes"):
            rows = house.raw(f'select to_json(t)::varchar from "{table.name}" as t')
            assert not [r for r in rows if "@post.example" in r[0]], table.name


def test_moves_swaps_and_deletions_follow_on_the_next_night(house: House) -> None:
    house.load()
    mover, one, two, gone, left = [
        r[0] for r in house.books("select owner from mail.contacts where status = 'subscribed' order by owner limit 5")
    ]
    on = "2026-11-20 10:00:00+00"
    house.happens(
        (mover, on, "address", "ny.adresse@post.example.no"),
        (one, on, "address", two),
        (two, on, "address", one),
        (gone, on, "deleted", None),
        (left, on, "status", "unsubscribed"),
        (left, on, "name", "Åse 👩‍🚀"),
    )
    assert house.load(date(2026, 11, 21)).status == "loaded"
    contacts = f"select {PROFILE_ID} as id, email, first_name from mail.contacts order by all"
    assert house.raw("select profile_id, email, first_name from profiles order by all") == house.books(contacts)
    night = date(2026, 11, 21)
    assert house.raw("select old_email, new_email, seen_date from address_changes order by all") == sorted(
        [(mover, "ny.adresse@post.example.no", night), (one, two, night), (two, one, night)]
    )
    assert house.raw("select consent, suppression_reason from profiles where first_name = 'Åse 👩‍🚀'") == [
        ("UNSUBSCRIBED", "UNSUBSCRIBE")
    ]


def test_passing_faults_and_the_vendors_own_limits_are_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vendor.BURST, "profiles", 2)
    for kind, route in [
        ("rate_limit", "events"),
        ("server_error", "flows"),
        ("truncated", "lists"),
        ("reset", "campaigns"),
    ]:
        house.fault(kind, route)
    assert house.load().status == "loaded"
    assert {kind for kind, _ in house.app.state.orders.struck} == {"rate_limit", "server_error", "truncated", "reset"}
    assert_raw_is_as_the_company(house)


def test_an_invalid_key_fails_with_what_to_do_and_the_next_good_night_catches_up(house: House) -> None:
    house.load()
    house.fault("expired_token", times=-1)
    report = house.load(date(2026, 11, 22))
    assert (report.status, report.last_good_as_of) == ("failed", NIGHT)
    assert "authentication_failed" in report.message
    assert "set SOURCES__KLAVIYO__API_KEY" in report.message
    assert API_KEY not in report.message
    house.app.state.orders.clear()
    assert house.load(date(2026, 11, 24)).status == "loaded"
    assert_raw_is_as_the_company(house)


def test_malformed_rows_are_kept_apart_and_a_changed_answer_is_named(house: House) -> None:
    house.fault("malformed_row", "api/profiles")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1)
    assert house.raw("select table_name, column_name from _rejects") == [("profiles", "updated")]
    assert house.load().status == "loaded"
    assert_raw_is_as_the_company(house)
    before = house.all_of_raw()
    house.fault("schema_change", "(api/profiles|api/events)", times=-1)
    report = house.load()
    assert report.status == "partial"
    assert "no row of the profiles has id; did the API change?" in report.message
    assert "no row of the events has id; did the API change?" in report.message
    assert house.all_of_raw() == before


def test_the_sandbox_refuses_what_the_vendor_refuses(house: House) -> None:
    assert ask(house, "/metrics", "pk_wrong").status_code == 401
    assert ask(house, "/metrics", revision="2020-01-01").status_code == 400
    assert ask(house, "/campaigns", revision="2026-10-15").status_code == 400
    for path, params, says in [
        ("/events", {"limit": 5}, "'limit' is not a valid query parameter"),
        ("/events", {"page[size]": 1001}, "between 1 and 1000"),
        ("/lists", {"page[size]": 11}, "between 1 and 10"),
        ("/events", {"filter": "contains(datetime,2026)"}, "'contains' cannot be used on 'datetime'"),
        ("/events", {"filter": 'equals(metric_id,"x"'}, "cannot be read"),
        ("/events", {"sort": "name"}, "not a valid sort"),
        ("/profiles", {"fields[profile]": "shoe_size"}, "not a valid field"),
        ("/campaigns", {}, "A filter on 'messages.channel' is required"),
    ]:
        answer = ask(house, path, **params)
        assert answer.status_code == 400, path
        assert says in str((envelope(answer.json()) or ("", ""))[1]), path
    assert ask(house, "/lists/nope/profiles").status_code == 404
    page = ask(house, f"/lists/{LIST_ID}/profiles", **{"fields[profile]": "joined_group_at"}).json()
    assert (len(page["data"]), set(page["data"][0]["attributes"])) == (20, {"joined_group_at"})
    assert page["links"]["next"].startswith(house.url)


def test_the_source_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]
    assert SPEC.configured(settings).message == "no key; set SOURCES__KLAVIYO__API_KEY"
    monkeypatch.setenv("SOURCES__KLAVIYO__API_KEY", "pk_1")
    assert SPEC.configured(settings).ready
