"""GA4's export read from BigQuery itself, against the sandbox: the same rows as from its files, night after night, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.ga4 import write_events
from ingestion.sandbox.server.vendors import bigquery as vendor
from ingestion.sandbox.server.vendors.bigquery.export import LIMITS, PAGES
from ingestion.settings import Settings
from ingestion.sources.ga4_export import SPEC, bigquery
from ingestion.sources.ga4_export.bigquery import BigQueryDays
from tests.sandbox import THROUGH, Sandbox, serving, set_all

NIGHT = THROUGH + timedelta(days=1)
LATER = THROUGH + timedelta(days=4)  # all late events have come
DAY = THROUGH - timedelta(days=1)  # the middle one of those that are read; events of it come late
EVENTS = "select * exclude (_dlt_id, _dlt_load_id) from ga4_export.events order by event_date, event_key"
HOME = "bigquery/bigquery/v2/projects"
DATA = "/bigquery/.*/data$"


@dataclass
class House:
    """A served company, and a data folder that loads its export."""

    sandbox: Sandbox
    settings: Settings

    def load(self, as_of: date = NIGHT, **kwargs: Any) -> LoadReport:
        self.sandbox.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str = EVENTS) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file(SPEC.name)), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(sql).fetchall()

    def count(self, day: date = DAY) -> int:
        return int(self.raw(f"select count(*) from ga4_export.events where event_date = '{day}'")[0][0])

    def day(self, day: date = DAY) -> tuple[Any, ...]:
        """(kind, status, message)"""
        return tuple(self.raw(f"select kind, status, message from ga4_export.event_days where date_day = '{day}'")[0])

    def ask(self, path: str, status: int = 200, **params: Any) -> Any:
        form = {"grant_type": "refresh_token", "client_id": vendor.TOKENS.client_id}
        form |= {"client_secret": vendor.TOKENS.client_secret, "refresh_token": vendor.TOKENS.refresh_token}
        token = requests.post(f"{self.sandbox.url}/bigquery/token", form, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(f"{self.sandbox.url}/{HOME}/{path}", params, headers=headers, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def house(tiny_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """It reads three days, page by page."""
    with serving(tiny_company, NIGHT) as sandbox:
        set_all(monkeypatch, vendor.VENDOR.environment(sandbox.url))
        monkeypatch.setenv("SOURCES__GA4_EXPORT__PROJECT", vendor.PROJECT)
        monkeypatch.setenv("SOURCES__GA4_EXPORT__PAGE_ROWS", "500")
        monkeypatch.setenv("SOURCES__GA4_EXPORT__START_DATE", (DAY - timedelta(days=1)).isoformat())
        yield House(sandbox, Settings(_env_file=None, data_dir=tmp_path / "data", hash_key="0123456789abcdef" * 2))  # type: ignore[call-arg,arg-type]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of which a page was read, one entry a page."""
    read: list[str] = []
    original = BigQueryDays._page

    def page(self: Any, con: Any, path: str, *rest: Any) -> Any:
        read.append(path.split("/")[-2])
        return original(self, con, path, *rest)

    monkeypatch.setattr(BigQueryDays, "_page", page)
    return read


def _before_page(
    monkeypatch: pytest.MonkeyPatch, table: str, nth: int, act: Callable[[], None], times: int = 1
) -> None:
    """Do something before the nth page of a table is read, each time it is read from its beginning, `times` times."""
    original, done = BigQueryDays._page, []
    at = {"n": 0}

    def page(self: Any, con: Any, path: str, params: dict[str, Any], file: Path) -> Any:
        if f"/{table}/" in path:
            at["n"] = at["n"] + 1 if "pageToken" in params else 1
            if at["n"] == nth and len(done) < times:
                done.append(act())
        return original(self, con, path, params, file)

    monkeypatch.setattr(BigQueryDays, "_page", page)


def _table(day: date = DAY, kind: str = "") -> str:
    return f"events_{kind}{day:%Y%m%d}"


def _from_files(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_of: date) -> list[Any]:
    """What a night that reads the same export from files has in raw."""
    write_events(house.sandbox.world, as_of, folder=tmp_path / "export")
    settings = house.settings.model_copy(update={"data_dir": tmp_path / "files"})
    with monkeypatch.context() as changed:
        changed.delenv("SOURCES__GA4_EXPORT__PROJECT")
        changed.setenv("SOURCES__GA4_EXPORT__FOLDER", str(tmp_path / "export"))
        report = load_source(SPEC, settings, as_of)
    assert (report.status, report.message) == ("loaded", "")
    return House(house.sandbox, settings).raw()


def test_rows_are_those_of_the_files_and_only_what_changed_is_read(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: list[str]
) -> None:
    monkeypatch.delenv("SOURCES__GA4_EXPORT__START_DATE")
    report = house.load()
    assert (report.status, report.message, report.data_through_date) == ("loaded", "", THROUGH)
    assert len(set(pages)) == 20 and len(pages) > 2 * 20
    assert house.raw() == _from_files(house, tmp_path, monkeypatch, NIGHT) != []
    pages.clear()
    assert house.load().rows["events"] == 0 and pages == []
    before = house.raw()
    report = house.load(LATER)
    assert set(pages) == {_table(THROUGH - timedelta(days=n)) for n in range(3)}
    assert report.rows["events"] == sum(house.count(THROUGH - timedelta(days=n)) for n in range(3))
    assert house.raw() == _from_files(house, tmp_path, monkeypatch, LATER) != before


def test_intraday_gives_way_to_daily_and_never_replaces_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "intraday_days", 1)
    assert house.load().status == "loaded"
    early = house.count(THROUGH)
    assert house.day(THROUGH)[0] == "intraday" and early > 0
    assert house.raw("select distinct event_date from ga4_export.events where is_intraday") == [(THROUGH,)]
    assert house.load().rows["events"] == 0
    assert house.load(LATER).status == "loaded"
    full = house.count(THROUGH)
    assert house.day(THROUGH)[0] == "daily" and full > early
    assert house.raw("select count(*) from ga4_export.events where is_intraday") == [(0,)]
    monkeypatch.setattr(LIMITS, "intraday_days", 30)
    assert house.load(LATER).rows["events"] == 0 and house.count(THROUGH) == full


def test_only_what_raw_reads_is_asked_for(house: House) -> None:
    requests.post(f"{house.sandbox.url}/_sandbox/record", timeout=30).raise_for_status()
    house.load()
    urls = [call["url"] for call in requests.get(f"{house.sandbox.url}/_sandbox/record", timeout=30).json()]
    asked = next(requests.utils.unquote(u) for u in urls if "selectedFields" in u)
    assert "event_params" in asked and "device.web_info.browser," in asked and "geo.country" in asked
    assert not any(n in asked for n in ("event_previous_timestamp", "geo.metro", "device.time_zone_offset_seconds"))
    looks = [u for u in urls if "/tables/" in u and "/data?" not in u and "schema" not in u]
    assert len(looks) == 3 + 3  # once for the list, once after each day's pages; of the other days none


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        *((DATA, kind) for kind in ("rate_limit", "server_error", "expired_token", "truncated", "reset")),
        ("/tables$", "server_error"),
        (f"/{_table()}$", "truncated"),
    ],
)
def test_a_fault_that_passes_costs_nothing(house: House, route: str, kind: str) -> None:
    house.sandbox.order(route, kind, after=1 if route == DATA else 0)
    report = house.load()
    assert house.sandbox.struck()[0][0] == kind
    assert (report.status, report.message) == ("loaded", "")
    counted = {
        date.fromisoformat(str(d)): n
        for d, n in house.raw("select event_date, count(*) from ga4_export.events group by all")
    }
    days = [DAY + timedelta(days=n) for n in (-1, 0, 1)]
    assert counted == {d: int(house.ask(f"{_home()}/{_table(d)}")["numRows"]) for d in days}


def _home() -> str:
    return f"{vendor.PROJECT}/datasets/{vendor.DATASET}/tables"


@pytest.mark.parametrize(
    ("route", "kind", "said"),
    [
        (f"{_table()}/data$", "malformed_row", "Could not convert string"),
        (f"{_table()}/data$", "schema_change", "rows came of"),
        (f"{_table()}/data$", "truncated", "the page is no JSON, 3 times; was it cut off?"),
        (f"{_table()}/data$", "server_error", "code backendError"),
        (f"{_table()}$", "malformed_row", "in what tables.get tells; did the API change?"),
        (f"{_table()}$", "schema_change", "KeyError('lastModifiedTime')"),
    ],
)
def test_one_days_trouble_is_its_own_and_mended_the_next_night(house: House, route: str, kind: str, said: str) -> None:
    house.sandbox.order(route, kind, times=5 if kind in ("truncated", "server_error") else 1)
    report = house.load()
    assert report.status == "partial" and f"{DAY}: {_table()}: " in report.message and said in report.message
    assert house.day()[1] == "refused" and house.count() == 0
    assert house.count(DAY - timedelta(days=1)) > 0 and house.count(THROUGH) > 0
    house.sandbox.clear_faults()
    assert house.load().status == "loaded" and house.count() > 0


def test_a_service_that_does_not_answer_is_no_days_trouble(house: House) -> None:
    house.load()
    house.sandbox.order(f"{_table()}$", "truncated", times=5)
    report = house.load()
    assert report.status == "failed" and "cannot be listed" in report.message and "was it cut off?" in report.message
    house.sandbox.clear_faults()
    assert house.load().rows["events"] == 0  # what was loaded counts as loaded


def test_a_table_that_changes_while_it_is_read_is_read_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load()
    before = house.count(THROUGH)
    later = [NIGHT + timedelta(days=n) for n in (1, 2, 3)]
    with monkeypatch.context() as changing:
        _before_page(changing, _table(THROUGH), 2, lambda: house.sandbox.set_clock(later[1]))
        report = house.load(later[0])
    assert (report.status, report.message) == ("loaded", "")
    n = int(house.ask(f"{_home()}/{_table(THROUGH)}")["numRows"])
    assert house.count(THROUGH) == n > before
    with monkeypatch.context() as changing:
        clocks = iter([later[2], later[0]])
        _before_page(changing, _table(THROUGH), 2, lambda: house.sandbox.set_clock(next(clocks)), times=2)
        report = house.load(later[1], window=(THROUGH, THROUGH))
    assert report.status == "partial" and "changed or its page token expired while it was read, twice" in report.message
    assert house.count(THROUGH) == n


def test_a_page_token_that_expired_starts_the_day_anew_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as changing:
        _before_page(changing, _table(), 2, PAGES.expire)
        report = house.load(window=(DAY, DAY))
    assert (report.status, report.message) == ("loaded", "")
    assert house.count() == int(house.ask(f"{_home()}/{_table()}")["numRows"])
    with monkeypatch.context() as changing:
        _before_page(changing, _table(), 2, PAGES.expire, times=2)
        report = house.load(window=(DAY, DAY))
    assert report.status == "partial" and "its page token expired while it was read, twice" in report.message


def test_a_table_that_is_gone_is_no_trouble_before_and_told_while_it_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.sandbox.world.start_date
    gone = first - timedelta(days=1)
    names, look = BigQueryDays._names, BigQueryDays._looked_at
    monkeypatch.setattr(BigQueryDays, "_names", lambda self: [_table(gone), *names(self)])
    assert house.load(window=(gone, first)).status == "loaded"
    assert house.raw("select distinct event_date from ga4_export.events") == [(first,)]
    stands = bigquery._Table(7, 0, 7_000, datetime(2026, 11, 1, tzinfo=UTC))
    monkeypatch.setattr(BigQueryDays, "_looked_at", lambda self, t: stands if t[0] == _table(gone) else look(self, t))
    report = house.load(window=(gone, first))
    assert report.status == "partial" and f"{gone}: {_table(gone)} is gone since it was listed" in report.message


def test_a_view_is_no_table_and_other_names_are_not_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    names, get = BigQueryDays._names, VendorClient.get
    others = ["events_fresh_20261101", "events_20261399", "events_flat", "pseudonymous_users_20261101"]
    monkeypatch.setattr(BigQueryDays, "_names", lambda self: sorted([*names(self), *others]))

    def answer(self: Any, path: str, params: Any = None, **more: Any) -> Any:
        return {"type": "VIEW"} if path.endswith(_table()) else get(self, path, params, **more)

    monkeypatch.setattr(VendorClient, "get", answer)
    report = house.load()
    assert report.message == f"{DAY}: {_table()} is a VIEW; expected a table of the export"
    assert house.count(THROUGH) > 0


def test_when_the_quota_is_used_up_nothing_more_is_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(self: Any, path: str, params: Any) -> bytes:
        asked.append(path)
        raise SourceError(SPEC.name, "exceeded quota for tabledata.list bytes per second per project", "quotaExceeded")

    monkeypatch.setattr(bigquery, "LOOKS", 1)
    monkeypatch.setattr("ingestion.sources.ga4_export.night.FETCHES", 1)
    monkeypatch.setattr(VendorClient, "read", read)
    report = house.load()
    assert len(asked) == 1 and report.message.count("exceeded quota") == 3
    assert report.status == "failed"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"DATASET": "finance"},
            "(code accessDenied, HTTP 403); give the user the role BigQuery Data Viewer on the dataset",
        ),
        (
            {"DATASET": "4711"},
            "Not found: Dataset nordlyskontor-web:analytics_4711 (code notFound, HTTP 404); check SOURCES__",
        ),
        (
            {"PROJECT": "another"},
            "Not found: Project another (code notFound, HTTP 404); check SOURCES__GA4_EXPORT__PROJECT",
        ),
        (
            {"CLIENT_SECRET": "wrong"},
            "no token: invalid_client (HTTP 401); grant access anew and set SOURCES__GA4_EXPORT__",
        ),
        ({"FOLDER": "ga4"}, "FOLDER and SOURCES__GA4_EXPORT__PROJECT are both set; the export is read from one place"),
    ],
)
def test_what_is_wrong_with_the_whole_fails_and_says_what_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    assert house.load().status == "loaded"
    before = house.raw()
    for key, value in changed.items():
        monkeypatch.setenv(f"SOURCES__GA4_EXPORT__{key}", value)
    report = house.load()
    assert report.status == "failed" and said in report.message and "wrong" not in report.message
    assert house.raw() == before


def test_a_long_list_of_tables_is_read_to_its_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery, "TABLES_A_PAGE", 7)
    first = house.sandbox.world.start_date
    assert sorted(BigQueryDays(None, THROUGH).listing().days) == [first + timedelta(days=n) for n in range(20)]


def test_a_property_id_stands_for_its_dataset(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__GA4_EXPORT__DATASET", vendor.DATASET.removeprefix("analytics_"))
    assert house.load().status == "loaded"


@pytest.mark.parametrize("missing", ["PROJECT", "DATASET", "REFRESH_TOKEN"])
def test_what_is_not_set_is_named(house: House, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv(f"SOURCES__GA4_EXPORT__{missing}", "")
    report = house.load()
    assert report.status == "not configured" and f"SOURCES__GA4_EXPORT__{missing}" in report.message


def test_cells_are_named_nested_and_typed_by_the_schema(tmp_path: Path) -> None:
    def field(name: str, kind: str, mode: str = "NULLABLE", *fields: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, "mode": mode} | ({"fields": list(fields)} if fields else {})

    def v(*values: Any) -> list[dict[str, Any]]:
        return [{"v": value} for value in values]

    param = field("item_params", "RECORD", "REPEATED", field("key", "STRING"), field("n", "INTEGER"))
    web = field("web_info", "RECORD", "NULLABLE", field("browser", "STRING"), field("is_bot", "BOOLEAN"))
    schema = [
        field("event_timestamp", "INTEGER"),
        field("value", "FLOAT"),
        field("device", "RECORD", "NULLABLE", field("category", "STRING"), web),
        field("items", "RECORD", "REPEATED", field("item_id", "STRING"), field("price", "FLOAT64"), param),
        field("tags", "STRING", "REPEATED"),
        field("seen_at", "TIMESTAMP"),
        field("day", "DATE"),
    ]
    item = {"f": v('a "b" {c}', "1.5E1", v({"f": v("k", "7")}, {"f": v(None, None)}))}
    device = {"f": v("mobile", {"f": v("Chrome", "true")})}
    rows = [
        {"f": v("1793491200000000", "0.1", device, v(item), v("x", "y"), "1793491200000001", "2026-11-01")},
        {"f": v(None, None, None, [], [], None, None)},
        {"f": v("1", "NaN", {"f": v(None, None)}, [], [], None, None)},
    ]
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"kind": "bigquery#tableDataList", "totalRows": "3", "rows": rows}, indent=1))
    found = duckdb.execute(
        f"select {bigquery._select(schema)} from (select unnest(rows) as r from {bigquery._rows(page)})"
    ).fetchall()
    thing = {"item_id": 'a "b" {c}', "price": 15.0, "item_params": [{"key": "k", "n": 7}, {"key": None, "n": None}]}
    read = {"category": "mobile", "web_info": {"browser": "Chrome", "is_bot": True}}
    assert found[0][:5] == (1793491200000000, 0.1, read, [thing], ["x", "y"])
    assert (found[0][5].microsecond, found[0][6]) == (1, date(2026, 11, 1))
    assert found[1] == (None, None, None, [], [], None, None)
    assert found[2][2] == {"category": None, "web_info": None}
    page.write_text(json.dumps({"rows": [{"f": v("12:00", *[None] * 6)}]}))
    with pytest.raises(duckdb.ConversionException, match="12:00"):
        duckdb.execute(f"select {bigquery._select(schema)} from (select unnest(rows) as r from {bigquery._rows(page)})")


def test_fields_are_picked_in_the_tables_order() -> None:
    def record(name: str, *names: str, mode: str = "NULLABLE") -> dict[str, Any]:
        return {"name": name, "type": "RECORD", "mode": mode, "fields": [{"name": n, "type": "STRING"} for n in names]}

    schema = [
        record("geo", "city", "metro", "country"),
        {"name": "event_date", "type": "STRING"},
        record("device", "new_field"),
        record("items", "item_id", mode="REPEATED"),
        {"name": "event_value_in_usd", "type": "FLOAT"},
    ]
    picked = bigquery._picked(schema, bigquery._wanted())
    assert list(bigquery._paths(picked)) == ["geo.city", "geo.country", "event_date", "items"]
    assert [f["name"] for f in picked[0]["fields"]] == ["city", "country"]


# ---- the sandbox's BigQuery -----------------------------------------------------------------------------------------


def test_pages_are_one_state_of_the_table_and_end_where_google_ends_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = f"{_home()}/{_table()}/data"
    whole = house.ask(home)
    assert "pageToken" not in whole and len(whole["rows"]) == int(whole["totalRows"])
    first = house.ask(home, maxResults=10)
    house.sandbox.set_clock(LATER)
    second = house.ask(home, pageToken=first["pageToken"], maxResults=10)
    assert first["rows"] + second["rows"] == whole["rows"][:20] and second["totalRows"] == whole["totalRows"]
    assert int(house.ask(home, maxResults=0)["totalRows"]) > int(whole["totalRows"])
    assert house.ask(home, startIndex=3, maxResults=2)["rows"] != whole["rows"][:2]
    monkeypatch.setattr(LIMITS, "page_bytes", 20_000)
    short = house.ask(home)
    assert 1 < len(short["rows"]) < 40 and short["pageToken"]
    days = house.ask(_home(), maxResults=7)
    assert (days["totalItems"], len(days["tables"])) == (20, 7) and days["nextPageToken"]


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("", {"filter": "x"}, 400, 'Unknown name "filter"'),
        ("", {"maxResults": "many"}, 400, "Invalid value at 'maxResults'"),
        ("", {"fields": "table"}, 400, "Invalid field selection table"),
        (f"/{_table()}", {"selectedFields": "nothing"}, 400, "No such field: nothing"),
        (f"/{_table()}/data", {"selectedFields": "geo.nothing"}, 400, "No such field"),
        (f"/{_table()}/data", {"pageToken": "made-up"}, 400, "Invalid value for pageToken"),
        (f"/{_table()}/data", {"formatOptions.useInt64Timestamp": "1"}, 400, "Invalid value at"),
        ("/events_20200101", {}, 404, "Not found: Table nordlyskontor-web:analytics_318204771.events_20200101"),
    ],
)
def test_what_google_refuses_is_refused(
    house: House, path: str, params: dict[str, str], status: int, said: str
) -> None:
    error = house.ask(_home() + path, status, **params)["error"]
    assert (error["code"], said in error["message"]) == (status, True)
    assert error["errors"][0]["reason"] and error["status"]


def test_rows_that_a_table_says_it_has_are_those_it_gives(house: House) -> None:
    for as_of in (NIGHT, LATER):
        house.sandbox.set_clock(as_of)
        for n in range(3):
            table = f"{_home()}/{_table(THROUGH - timedelta(days=n))}"
            assert house.ask(table)["numRows"] == house.ask(f"{table}/data", maxResults=0)["totalRows"]
    unsigned = requests.get(f"{house.sandbox.url}/{HOME}/{_home()}", timeout=30)
    assert (unsigned.status_code, unsigned.json()["error"]["errors"][0]["reason"]) == (401, "authError")
