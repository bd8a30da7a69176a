"""Google's own clients read the sandbox: google-cloud-bigquery over tabledata.list and the Storage read API, google-cloud-bigquery-storage
alone, and google-api-python-client with the discovery document it carries. Usage: check.py <url>. CONFORMANCE_FOLDER: the company's,
with its export as Parquet in ga4/.

The client types each value by the table's schema, so that what it reads is compared with the export's Parquet value by value.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    MethodNotImplemented,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.cloud.bigquery import Client, SchemaField
from google.cloud.bigquery_storage import BigQueryReadClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

URL = sys.argv[1]
SETTING = "SOURCES__GA4_EXPORT__"
DATASET = os.environ[f"{SETTING}DATASET"]
PROJECT = "nordlyskontor-web"
PARQUET = Path(os.environ["CONFORMANCE_FOLDER"]) / "ga4"


def sandbox(what: str, body: Any = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"{URL}/_sandbox/{what}", data, method=method)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def signed_in(secret: str = "") -> Credentials:
    return Credentials(
        None, refresh_token=os.environ[f"{SETTING}REFRESH_TOKEN"], client_id=os.environ[f"{SETTING}CLIENT_ID"],
        client_secret=secret or os.environ[f"{SETTING}CLIENT_SECRET"], token_uri=os.environ[f"{SETTING}TOKEN_URL"],
    )  # fmt: skip


def client(credentials: Any) -> Client:
    return Client(PROJECT, credentials, client_options={"api_endpoint": f"{URL}/bigquery"})


def exported(day: date) -> list[dict[str, Any]]:
    """The day's events in the export's Parquet, in an order of their own."""
    found: list[dict[str, Any]] = pq.read_table(PARQUET / f"events_{day:%Y%m%d}.parquet").to_pylist()
    return sorted(found, key=repr)


def read(bigquery: Client, day: date, page_size: int = 400, **more: Any) -> tuple[list[dict[str, Any]], int]:
    """(rows, number of pages) of a day's table."""
    table = bigquery.get_table(f"{PROJECT}.{DATASET}.events_{day:%Y%m%d}")
    found = bigquery.list_rows(table, page_size=page_size, **more)
    rows = [dict(row.items()) for page in found.pages for row in page]
    assert len(rows) == table.num_rows == found.total_rows, "rows are missing"
    return sorted(rows, key=repr), found.page_number


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """A token over a channel in plain text, as an emulator's: gRPC's call credentials want TLS."""

    def __init__(self, credentials: Any) -> None:
        credentials.refresh(Request())
        self.token = credentials.token

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {self.token}")]
        return continuation(details._replace(metadata=metadata), request)

    intercept_unary_stream = intercept_unary_unary


def storage(bearer: Bearer) -> BigQueryReadClient:
    channel = grpc.insecure_channel(os.environ[f"{SETTING}STORAGE_ADDRESS"])
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=grpc.intercept_channel(channel, bearer)))


def begun(client: BigQueryReadClient, table: str, streams: int = 0, dataset: str = DATASET, **options: Any) -> Any:
    """A read session of a table."""
    name = f"projects/{PROJECT}/datasets/{dataset}/tables/{table}"
    asked = types.ReadSession(table=name, data_format=types.DataFormat.ARROW, read_options=options)
    return client.create_read_session(parent=f"projects/{PROJECT}", read_session=asked, max_stream_count=streams)


def streamed(client: BigQueryReadClient, table: str, **asked: Any) -> tuple[pa.Table, int]:
    """(rows, number of streams) of a table, each stream by the client's own reader."""
    session = begun(client, table, **asked)
    parts = [client.read_rows(s.name).rows(session).to_arrow() for s in session.streams]
    return pa.concat_tables(parts), len(parts)


def check_storage(bigquery: Client, day: date) -> int:
    """The Storage read API gives a day's rows by each of the clients' ways; the number of streams."""
    bearer = Bearer(signed_in())
    client, table = storage(bearer), f"events_{day:%Y%m%d}"
    whole = bigquery.list_rows(bigquery.get_table(f"{PROJECT}.{DATASET}.{table}"))
    assert sorted(whole.to_arrow(bqstorage_client=client).to_pylist(), key=repr) == exported(day)
    found, n_streams = streamed(client, table)
    assert sorted(found.to_pylist(), key=repr) == exported(day) and n_streams > 1
    assert streamed(client, table, streams=1)[1] == 1
    fields = ["device.web_info.browser", "event_name"]
    few, _ = streamed(client, table, selected_fields=fields)
    read = [(r["event_name"], r["device"]["web_info"]) for r in few.to_pylist()]
    there = [(r["event_name"], {"browser": r["device"]["web_info"]["browser"]}) for r in exported(day)]
    assert few.column_names == ["event_name", "device"] and sorted(read, key=repr) == sorted(there, key=repr)
    one = begun(client, table, streams=1).streams[0].name
    rows = [dict(r) for r in client.read_rows(one, offset=3).rows()]
    assert len(rows) == found.num_rows - 3 and "event_params" in rows[0]

    at = "BigQueryRead/ReadRows"
    for kind in ("server_error", "reset", "rate_limit"):  # the client goes on by itself
        sandbox("faults", {"route": at, "kind": kind})
        assert streamed(client, table)[0].num_rows == found.num_rows, kind
    sandbox("faults", {"route": at, "kind": "truncated"})
    assert streamed(client, table)[0].num_rows < found.num_rows, "a stream that ends early went unnoticed"
    must_fail(
        MethodNotImplemented, lambda: streamed(client, table, row_restriction="event_name = 'x'"), "a restriction"
    )
    must_fail(NotFound, lambda: streamed(client, "events_19990101"), "a table that is not there")
    must_fail(PermissionDenied, lambda: streamed(client, "x", dataset="finance"), "a closed dataset")
    bearer.token = "made-up"
    must_fail(Unauthenticated, lambda: streamed(client, table), "a made-up token")
    return n_streams


def must_fail(error: type[Exception] | tuple[type[Exception], ...], call: Any, what: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{what} went unnoticed")


def main() -> None:
    about = sandbox("state")
    clock, first = date.fromisoformat(about["clock"]), date.fromisoformat(about["from"])
    yesterday = clock - timedelta(days=1)
    bigquery = client(signed_in())

    assert DATASET in [d.dataset_id for d in bigquery.list_datasets()]
    assert bigquery.get_dataset(DATASET).location == "EU"
    listed = bigquery.list_tables(DATASET, page_size=6)
    tables = [t.table_id for t in listed]
    days = [first + timedelta(days=n) for n in range((clock - first).days)]
    assert tables == [f"events_{d:%Y%m%d}" for d in days] and listed.page_number > 2

    n_rows = 0
    for day in (first, yesterday):
        rows, n_pages = read(bigquery, day)
        assert rows == exported(day) and n_pages > 1
        n_rows += len(rows)
    table = bigquery.get_table(f"{DATASET}.events_{yesterday:%Y%m%d}")
    kinds = {f.name: (f.field_type, f.mode) for f in table.schema}
    assert kinds["event_params"] == ("RECORD", "REPEATED") and kinds["event_timestamp"] == ("INTEGER", "NULLABLE")
    assert table.modified.date() == clock and table.num_bytes > 0
    arrow = bigquery.list_rows(table, page_size=500).to_arrow(create_bqstorage_client=False)
    assert sorted(arrow.to_pylist(), key=repr) == exported(yesterday)

    few = [SchemaField("event_name", "STRING"), SchemaField("user_pseudo_id", "STRING")]
    picked, _ = read(bigquery, yesterday, selected_fields=few)
    names = ("event_name", "user_pseudo_id")
    assert picked == sorted(({n: r[n] for n in names} for r in exported(yesterday)), key=repr)
    skipped = bigquery.list_rows(table, start_index=table.num_rows - 3, selected_fields=few)
    assert len(list(skipped)) == 3

    service = build(
        "bigquery",
        "v2",
        credentials=signed_in(),
        static_discovery=True,
        client_options={"api_endpoint": f"{URL}/bigquery/bigquery/v2/"},
    )
    at = {"projectId": PROJECT, "datasetId": DATASET, "tableId": table.table_id}
    answer = service.tabledata().list(**at, selectedFields="device.web_info.browser,event_name", maxResults=2).execute()
    browser = answer["rows"][0]["f"][1]["v"]["f"][0]["v"]["f"]  # in the schema's order, whatever was asked for first
    assert len(answer["rows"][0]["f"]) == 2 and len(browser) == 1 and isinstance(browser[0]["v"], str)
    assert set(service.tables().get(**at, fields="numRows,etag").execute()) == {"numRows", "etag"}

    for kind in ("rate_limit", "server_error", "expired_token"):  # the client goes on by itself
        sandbox("faults", {"route": "/bigquery/.*/data$", "kind": kind, "after": 1})
        assert read(bigquery, yesterday)[0] == exported(yesterday), kind
    assert [kind for kind, _ in sandbox("state")["struck"]] == ["rate_limit", "server_error", "expired_token"]
    must_fail(NotFound, lambda: bigquery.get_table(f"{DATASET}.events_19990101"), "a table that is not there")
    must_fail(NotFound, lambda: list(bigquery.list_tables("analytics_1")), "a dataset that is not there")
    must_fail(Forbidden, lambda: list(bigquery.list_tables("finance")), "a closed dataset")
    must_fail(BadRequest, lambda: list(bigquery.list_rows(table, page_token="made-up")), "a made-up page token")
    must_fail(RefreshError, lambda: list(client(signed_in("wrong")).list_datasets()), "a wrong secret")
    spoiled = {"malformed_row": ValueError, "schema_change": AssertionError, "truncated": (ValueError, AssertionError)}
    for kind, error in spoiled.items():
        sandbox("faults", {"route": "/bigquery/.*/data$", "kind": kind})
        must_fail(error, lambda: read(bigquery, yesterday), kind)

    n_streams = check_storage(bigquery, yesterday)
    sandbox("clock", {"as_of": (clock + timedelta(days=4)).isoformat()})
    later, _ = read(bigquery, yesterday)
    assert len(later) > len(exported(yesterday))
    assert bigquery.get_table(f"{DATASET}.events_{yesterday:%Y%m%d}").etag != table.etag
    n_late = len(later) - len(exported(yesterday))
    sys.stdout.write(
        f"{len(tables)} tables on {listed.page_number} pages; {n_rows} events of two days are those of the Parquet files, "
        f"{n_late} came late; malformed, renamed and cut-off answers do not pass; "
        f"the Storage read API gives the same in {n_streams} streams\n"
    )


if __name__ == "__main__":
    main()
