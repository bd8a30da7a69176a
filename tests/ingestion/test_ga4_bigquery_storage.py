"""GA4's export over BigQuery's Storage read API, against the sandbox: the same rows as over REST, whatever happens to its streams."""

from __future__ import annotations

import builtins
import logging
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet as pq
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types
from google.rpc.error_details_pb2 import ErrorInfo

from ingestion.ads import setting
from ingestion.http import google_auth
from ingestion.pipeline import load_source
from ingestion.sandbox.server.run import HOST, beside_port, listens
from ingestion.sandbox.server.vendors import bigquery as vendor
from ingestion.sandbox.server.vendors.bigquery import export
from ingestion.sandbox.server.vendors.bigquery import storage as served
from ingestion.sandbox.server.vendors.bigquery.export import LIMITS
from ingestion.sandbox.server.vendors.bigquery.storage import SERVICE, STREAMS
from ingestion.sources.ga4_export import SPEC, bigquery, storage
from ingestion.sources.ga4_export.bigquery import BigQueryDays
from ingestion.sources.ga4_export.storage import Storage
from tests.ingestion import test_ga4_bigquery as rest
from tests.ingestion.test_ga4_bigquery import DAY, LATER, NIGHT, House, _from_files, _table
from tests.sandbox import THROUGH

over_rest = rest.house
READ, SESSION = f"{SERVICE}/ReadRows$", f"{SERVICE}/CreateReadSession$"


@pytest.fixture
def house(over_rest: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """It reads three days, each in several streams of several messages."""
    monkeypatch.setenv("SOURCES__GA4_EXPORT__STORAGE_API", "true")
    monkeypatch.setattr(LIMITS, "stream_rows", 300)
    monkeypatch.setattr(LIMITS, "batch_rows", 100)
    return over_rest


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that were read over the Storage API."""
    read: list[str] = []
    original = Storage.read

    def reading(self: Any, project: str, table: str, *rest: Any) -> Any:
        read.append(table.rsplit("/", 1)[-1])
        return original(self, project, table, *rest)

    monkeypatch.setattr(Storage, "read", reading)
    return read


def _over_rest(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a night that reads the same tables over REST has in raw."""
    settings = house.settings.model_copy(update={"data_dir": tmp_path / "rest"})
    with monkeypatch.context() as changed:
        changed.delenv("SOURCES__GA4_EXPORT__STORAGE_API")
        report = load_source(SPEC, settings, NIGHT)
    assert (report.status, report.message) == ("loaded", "")
    return House(house.sandbox, settings).raw()


def _before_stream(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], times: int = 1) -> None:
    """Do something when a table's session has begun and none of its rows are read, `times` times."""
    original, done = Storage._session, []

    def session(self: Any, *asked: Any) -> Any:
        found = original(self, *asked)
        if len(done) < times:
            done.append(act())
        return found

    monkeypatch.setattr(Storage, "_session", session)


def test_rows_are_those_of_rest_and_of_the_files_and_only_what_changed_is_read(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: list[str]
) -> None:
    monkeypatch.delenv("SOURCES__GA4_EXPORT__START_DATE")
    report = house.load()
    assert (report.status, report.message, report.data_through_date) == ("loaded", "", THROUGH)
    assert len(tables) == len(set(tables)) == 20
    assert house.raw() == _from_files(house, tmp_path, monkeypatch, NIGHT) != []
    assert house.raw() == _over_rest(house, tmp_path, monkeypatch)
    tables.clear()
    assert house.load().rows["events"] == 0 and tables == []
    report = house.load(LATER)
    assert sorted(tables) == sorted(_table(THROUGH - timedelta(days=n)) for n in range(3))
    assert house.raw() == _from_files(house, tmp_path, monkeypatch, LATER)
    tables.clear()
    monkeypatch.delenv("SOURCES__GA4_EXPORT__STORAGE_API")  # the other way reads no day anew
    assert house.load(LATER).rows["events"] == 0 and tables == []


def test_a_table_is_read_in_streams_of_the_fields_that_raw_has(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = BigQueryDays(DAY, DAY)
    about = days._state(_table(), f"{bigquery._STATE},schema")
    fields = list(bigquery._paths(bigquery._picked(about.fields, bigquery._wanted())))
    monkeypatch.setattr(storage, "GROUP_BYTES", 1)
    assert days._storage
    n_rows, paths = days._storage.read(vendor.PROJECT, f"{days._tables}/{_table()}", fields, tmp_path)
    files = [pq.ParquetFile(path) for path in paths]
    assert len(files) == storage.STREAMS and sum(f.metadata.num_rows for f in files) == n_rows
    assert all(f.metadata.num_row_groups > 1 for f in files)
    schema = files[0].schema_arrow
    assert [f.name for f in schema.field("geo").type] == ["city", "country", "continent", "region", "sub_continent"]
    assert "event_previous_timestamp" not in schema.names and schema.field("event_params").type.value_field.name


def test_fields_that_ga4_added_change_nothing(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = export.events_query

    def more(*asked: Any) -> str:
        added = "struct_insert(device, new_part := 'x') as device, struct_insert(geo, nested := {'a': [1, 2]}) as geo"
        return f"select 7 as new_field, * replace ({added}), [{{'k': 'v'}}] as new_list from ({original(*asked)})"

    monkeypatch.setattr(export, "events_query", more)
    added = house.ask(f"{rest._home()}/{_table()}")["schema"]["fields"]
    assert (added[0]["name"], added[-1]["name"], added[-1]["mode"]) == ("new_field", "new_list", "REPEATED")
    report = house.load()
    assert (report.status, report.message) == ("loaded", "")
    assert house.raw() == _from_files(house, tmp_path, monkeypatch, NIGHT) != []


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        *((READ, kind) for kind in ("rate_limit", "server_error", "expired_token", "reset", "slow")),
        *((SESSION, kind) for kind in ("rate_limit", "server_error", "expired_token", "reset", "slow")),
    ],
)
def test_a_fault_that_passes_costs_nothing(house: House, route: str, kind: str) -> None:
    house.sandbox.order(route, kind, after=1, seconds=0.2)
    report = house.load()
    assert house.sandbox.struck() == [(kind, f"/bigquery/{route[:-1]}")]
    assert (report.status, report.message) == ("loaded", "")
    for day in (DAY - timedelta(days=1), DAY, THROUGH):
        assert house.count(day) == int(house.ask(f"{rest._home()}/{_table(day)}")["numRows"])


def test_a_stream_that_breaks_before_its_first_row_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(served._REFUSED, "server_error", ("INTERNAL", "Received RST_STREAM with error code 2"))
    house.sandbox.order(READ, "server_error", times=2)
    report = house.load(window=(DAY, DAY))
    assert (report.status, report.message) == ("loaded", "") and len(house.sandbox.struck()) == 2


def test_a_stream_that_breaks_again_and_again_brings_every_row_once(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.sandbox.order(READ, "reset", times=12)
    house.sandbox.order(READ, "expired_token", times=2)
    report = house.load()
    assert (report.status, report.message) == ("loaded", "")
    assert len(house.sandbox.struck()) == 14
    assert house.raw() == _over_rest(house, tmp_path, monkeypatch)


def test_a_call_that_takes_too_long_goes_on_in_another_as_long_as_rows_come(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls = BigQueryReadClient.read_rows, []

    def cut(self: Any, name: str, offset: int, **more: Any) -> Any:
        calls.append(offset)
        for message in read(self, name, offset, **more):
            yield message
            if stands_still or not offset:
                raise exceptions.DeadlineExceeded("Deadline Exceeded")

    stands_still = False
    monkeypatch.setattr(BigQueryReadClient, "read_rows", cut)
    assert house.load(window=(DAY, DAY)).status == "loaded"
    assert set(calls) == {0, 100} and house.count() == int(house.ask(f"{rest._home()}/{_table()}")["numRows"])

    def still(self: Any, *asked: Any, **more: Any) -> Any:
        raise exceptions.DeadlineExceeded("Deadline Exceeded")

    monkeypatch.setattr(BigQueryReadClient, "read_rows", still)
    report = house.load(window=(DAY, DAY))
    assert report.status == "partial" and "(code DEADLINE_EXCEEDED); the service does not answer" in report.message


def test_rows_that_do_not_come_refuse_the_day_and_are_mended_the_next_night(house: House) -> None:
    house.load(window=(DAY - timedelta(days=1), DAY - timedelta(days=1)))
    house.sandbox.order(READ, "truncated")
    report = house.load()
    assert report.status == "partial" and "rows came of" in report.message
    refused = "select date_day from ga4_export.event_days where status = 'refused' and n_events is null"
    assert len(house.raw(refused)) == 1
    assert house.load().status == "loaded" and house.count() > 0 and house.raw(refused) == []


def test_a_table_that_changes_while_it_is_read_is_read_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load()
    before = house.count(THROUGH)
    later = [NIGHT + timedelta(days=n) for n in (1, 2, 3)]
    with monkeypatch.context() as changing:
        _before_stream(changing, lambda: house.sandbox.set_clock(later[1]))
        report = house.load(later[0], window=(THROUGH, THROUGH))
    assert (report.status, report.message) == ("loaded", "")
    assert house.count(THROUGH) == int(house.ask(f"{rest._home()}/{_table(THROUGH)}")["numRows"]) > before
    with monkeypatch.context() as changing:
        clocks = iter([later[2], later[0]])
        _before_stream(changing, lambda: house.sandbox.set_clock(next(clocks)), times=2)
        report = house.load(later[1], window=(THROUGH, THROUGH))
    assert report.status == "partial" and "changed or its page token expired while it was read, twice" in report.message


def test_a_session_that_is_over_starts_the_day_anew_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as changing:
        _before_stream(changing, STREAMS.expire)
        report = house.load(window=(DAY, DAY))
    assert (report.status, report.message) == ("loaded", "") and house.count() > 0
    with monkeypatch.context() as changing:
        _before_stream(changing, STREAMS.expire, times=2)
        report = house.load(window=(DAY, DAY))
    assert report.status == "partial" and "expired while it was read, twice" in report.message


def test_a_table_that_is_gone_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Storage.read

    def gone(self: Any, project: str, table: str, *more: Any) -> Any:
        return original(self, project, f"{table}_gone", *more)

    monkeypatch.setattr(Storage, "read", gone)
    report = house.load(window=(DAY, DAY))
    assert f"{DAY}: {_table()} is gone since it was listed" in report.message


def test_an_empty_table_empties_its_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load()
    original = export.events_query
    monkeypatch.setattr(export, "events_query", lambda *asked: f"select * from ({original(*asked)}) limit 0")
    monkeypatch.setattr(export, "counted", lambda seen_on: f"select date '{DAY}' as date, 0 as n_events")
    report = house.load(LATER, window=(DAY, DAY))
    assert report.status == "loaded" and house.count() == 0 and house.count(THROUGH) > 0


def test_without_the_role_nothing_more_is_asked_and_what_to_do_is_said(
    house: House, monkeypatch: pytest.MonkeyPatch, tables: list[str]
) -> None:
    monkeypatch.setattr("ingestion.sources.ga4_export.night.FETCHES", 1)
    monkeypatch.setattr(LIMITS, "session_user", False)
    report = house.load()
    assert report.status == "failed" and len(tables) == 1
    said = "'bigquery.readsessions.create' permission for 'projects/nordlyskontor-web' (code PERMISSION_DENIED)"
    assert f"{said}; give the user the role BigQuery Read Session User on the project" in report.message
    monkeypatch.setattr(LIMITS, "session_user", True)
    assert house.load().status == "loaded"


def test_a_limit_that_stays_is_the_quota(house: House, monkeypatch: pytest.MonkeyPatch, tables: list[str]) -> None:
    monkeypatch.setattr("ingestion.sources.ga4_export.night.FETCHES", 1)
    monkeypatch.setattr(storage, "MAX_WAIT", 0.7)
    house.sandbox.order(READ, "rate_limit", times=-1)
    report = house.load()
    assert report.status == "failed" and len(tables) == 1
    assert "(code RESOURCE_EXHAUSTED); the project's quota of BigQuery is used up" in report.message


def test_a_service_that_is_down_is_not_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch, tables: list[str]
) -> None:
    monkeypatch.setattr("ingestion.sources.ga4_export.night.FETCHES", 1)
    monkeypatch.setattr(storage, "RETRY_SECONDS", 1.0)
    house.sandbox.order(SESSION, "server_error", times=-1)
    report = house.load()
    assert report.status == "failed" and len(tables) == 1
    assert "(code UNAVAILABLE); the service does not answer and is not asked again" in report.message


def test_a_token_that_cannot_be_had_is_told_and_never_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = vendor.TOKENS.refresh_token

    def revoke() -> None:
        monkeypatch.setattr(vendor.TOKENS, "refresh_token", "another")
        vendor.TOKENS.expire()

    _before_stream(monkeypatch, revoke)
    report = house.load(window=(DAY, DAY))
    assert f"{DAY}: {_table()}: no token: invalid_grant (HTTP 400); grant access anew" in report.message
    assert ours not in report.message


def test_the_token_is_in_no_log(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = logging.getLogger("google")
    monkeypatch.setattr(google, "handlers", [caplog.handler])
    monkeypatch.setattr(google, "propagate", False)
    caplog.set_level(logging.DEBUG, "google")
    assert house.load(window=(DAY, DAY)).status == "loaded"
    logged = [str(vars(record)) for record in caplog.records]
    assert any("CreateReadSession" in text for text in logged)
    assert vendor.TOKENS._live and not any(token in text for token in vendor.TOKENS._live for text in logged)


@pytest.mark.parametrize(
    ("error", "reason", "code", "said"),
    [
        (exceptions.PermissionDenied, "SERVICE_DISABLED", "accessNotConfigured", "switch the API on"),
        (
            exceptions.PermissionDenied,
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "insufficientPermissions",
            "(bigquery for the",
        ),
        (exceptions.PermissionDenied, "", "accessDenied", "the role BigQuery Data Viewer on the dataset"),
        (exceptions.Unauthenticated, "", "authError", "grant access anew"),
        (exceptions.NotFound, "", "notFound", "does GA4 export to there?"),
        (exceptions.DataLoss, "", "DATA_LOSS", "(code DATA_LOSS)"),
    ],
)
def test_what_google_says_has_rests_code_and_says_what_to_do(error: Any, reason: str, code: str, said: str) -> None:
    info = ErrorInfo(reason=reason, domain="googleapis.com") if reason else None
    told = Storage("ga4_export", storage.ADDRESS, None, bigquery.NEXT_STEPS)._told("t", error("no", error_info=info))
    assert (
        told.code == code and said in told.detail and told.detail.startswith("t over the Storage read API: no (code ")
    )


@pytest.mark.parametrize("missing", ["google.cloud.bigquery_storage_v1", "grpc"])
def test_a_missing_library_is_named_with_what_installs_it(
    house: House, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    original = builtins.__import__

    def importing(name: str, *more: Any) -> Any:
        if name.startswith(missing):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *more)

    monkeypatch.delitem(sys.modules, "ingestion.sources.ga4_export.storage")
    monkeypatch.setattr(builtins, "__import__", importing)
    report = house.load()
    assert (
        report.status == "failed" and "needs the package google-cloud-bigquery-storage; `make setup`" in report.message
    )
    monkeypatch.setenv("SOURCES__GA4_EXPORT__STORAGE_API", "false")
    assert house.load().status == "loaded"


def test_plain_text_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def opening(kind: str) -> Any:
        original = getattr(grpc, kind)

        def channel(address: str, *more: Any) -> Any:
            opened.append((kind, address))
            return original(address, *more)

        return channel

    for kind in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(grpc, kind, opening(kind))
    for address in ("127.0.0.1:8906", "localhost:1", "[::1]:1", storage.ADDRESS, "127.0.0.1.example:443"):
        Storage("ga4_export", address, None, {}).client().transport.close()
    assert opened == [
        ("insecure_channel", "127.0.0.1:8906"), ("insecure_channel", "localhost:1"), ("insecure_channel", "[::1]:1"),
        ("secure_channel", storage.ADDRESS), ("secure_channel", "127.0.0.1.example:443"),
    ]  # fmt: skip


# ---- the sandbox's Storage API --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"data_format": types.DataFormat.AVRO}, exceptions.MethodNotImplemented, "data_format other than ARROW"),
        ({"read_options": {"row_restriction": "x > 1"}}, exceptions.MethodNotImplemented, "row_restriction is not"),
        ({"read_options": {"sample_percentage": 5.0}}, exceptions.MethodNotImplemented, "sample_percentage is not"),
        ({"table_modifiers": {"snapshot_time": "2026-11-01T00:00:00Z"}}, exceptions.MethodNotImplemented, "snapshot_time"),
        ({"read_options": {"selected_fields": ["geo.x"]}}, exceptions.InvalidArgument, "do not exist in the table schema"),
        ({"table": "x"}, exceptions.InvalidArgument, "invalid table name"),
        ({"table": "projects/nordlyskontor-web/datasets/finance/tables/x"}, exceptions.PermissionDenied, "tables.getData"),
        ({"table": "projects/nordlyskontor-web/datasets/no/tables/x"}, exceptions.NotFound, "Not found: Table"),
    ],
)  # fmt: skip
def test_what_google_refuses_is_refused(house: House, changed: dict[str, Any], error: Any, said: str) -> None:
    table = f"projects/{vendor.PROJECT}/datasets/{vendor.DATASET}/tables/{_table()}"
    asked = {"table": table, "data_format": types.DataFormat.ARROW} | changed
    with _client() as client, pytest.raises(error, match=said):
        client.create_read_session(parent=f"projects/{vendor.PROJECT}", read_session=types.ReadSession(asked))


def test_who_is_not_signed_in_and_what_was_not_given_out_is_refused(house: House) -> None:
    with _client() as client:
        with pytest.raises(exceptions.NotFound):
            list(client.read_rows("projects/p/locations/eu/sessions/s/streams/0"))
        vendor.TOKENS.expire()
        with pytest.raises(exceptions.Unauthenticated):
            list(client.read_rows("projects/p/locations/eu/sessions/s/streams/0"))


def _client() -> Any:
    address = str(setting("ga4_export", "storage_address"))
    signed = google_auth("ga4_export")
    signed.token()  # the sandbox serves from the first token on
    return Storage("ga4_export", address, signed, {}).client()


def test_the_next_port_is_kept_for_what_is_served_beside() -> None:
    with listens(0) as listening:
        port = beside_port(listening.getsockname()[1])
        with socket.socket() as other, pytest.raises(OSError):
            other.bind((HOST, port))
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}, which is kept beside"), listens(port - 1):
            pass
