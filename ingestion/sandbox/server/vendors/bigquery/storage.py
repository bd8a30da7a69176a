"""BigQuery Storage read API v1, gRPC service google.cloud.bigquery.storage.v1.BigQueryRead, as far as reading a table in Arrow goes:
CreateReadSession and ReadRows. It is served where the package google-cloud-bigquery-storage, which brings its messages, is there.

A session is one state of a table; its streams are parts of its rows. Not served, and refused by name: Avro, row restrictions, samples,
snapshots, compressed responses (compressed Arrow is). Faults are ordered by paths as
/bigquery/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ingestion.sandbox.server.run import HOST, beside_port
from ingestion.sandbox.server.vendors.bigquery.access import CLOSED, LOCATION, PROJECT, TOKENS
from ingestion.sandbox.server.vendors.bigquery.export import (
    BYTES_A_ROW,
    DATASET,
    LIMITS,
    Export,
    Schema,
    arrow_schema,
    picked,
)

SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
SESSION_HOURS = 6
MOST_STREAMS = 10  # where the client does not say
WAIT_SECONDS = 0.5  # that a throttled call is told to wait
_TABLE = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
_REFUSED = {
    "rate_limit": ("RESOURCE_EXHAUSTED", "there was an error operating on the stream: concurrent read limit exceeded"),
    "server_error": ("UNAVAILABLE", "The service is currently unavailable."),
    "expired_token": ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
}
_lock = threading.Lock()


@dataclass(frozen=True)
class _Stream:
    """Rows `first` to `last` (not included) of a table's state."""

    state: str
    schema: Schema
    codec: str | None
    first: int
    last: int


@dataclass
class Streams:
    """The streams given out, by name."""

    _given: dict[str, _Stream | None] = field(default_factory=dict)

    def give(self, name: str, stream: _Stream) -> None:
        self._given[name] = stream

    def take(self, name: str) -> _Stream | None:
        """None: its session is over. Raises KeyError for one that was not given out."""
        return self._given[name]

    def expire(self) -> None:
        """End every session."""
        self._given = dict.fromkeys(self._given)


STREAMS = Streams()


class _Refused(Exception):
    """Google says no; args are (name of the gRPC status, message)."""


def address(url: str) -> str:
    """Where the server at `url` serves the Storage API."""
    return f"{HOST}:{beside_port(urlsplit(url).port or 80)}"


def serve(export: Export, app: Any, port: int) -> None:
    """Serve the app's export beside its HTTP on `port`, until the app ends. Does nothing when it does, or when there is no library."""
    with _lock:
        if getattr(app.state, "bigquery_storage", False):
            return
        app.state.bigquery_storage = True
        try:
            import grpc
            from google.cloud.bigquery_storage_v1 import types
        except ImportError:
            return
        room = _Room(export, app.state.orders)
        handlers = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                room.create_read_session,
                types.CreateReadSessionRequest.deserialize,
                types.ReadSession.serialize,
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                room.read_rows, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
            ),
        }
        server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 1)])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_insecure_port(f"{HOST}:{beside_port(port)}")
        server.start()
        app.state.beside.callback(server.stop, None)


class _Room:
    """The service's methods."""

    def __init__(self, export: Export, orders: Any) -> None:
        self._export, self._orders = export, orders

    def create_read_session(self, request: Any, context: Any) -> Any:
        fault = self._begin("CreateReadSession", context)
        if fault:
            _abort(context, "UNAVAILABLE", "Connection reset by peer")
        try:
            return self._session(request)
        except _Refused as e:
            _abort(context, *e.args)

    def read_rows(self, request: Any, context: Any) -> Iterator[Any]:
        fault = self._begin("ReadRows", context)
        try:
            messages = self._messages(request)
        except _Refused as e:
            _abort(context, *e.args)
            return
        if fault == "truncated":
            messages = messages[: len(messages) // 2]
        elif fault == "reset":
            messages = messages[: (len(messages) + 1) // 2]  # some rows come, each time
        yield from messages
        if fault == "reset":
            _abort(context, "INTERNAL", "Received RST_STREAM with error code 2")

    def _begin(self, method: str, context: Any) -> str:
        """Lets a call meet the fault on order, and looks at its token. "reset" or "truncated": the call breaks off half-way."""
        order = self._orders.strike(f"/bigquery/{SERVICE}/{method}")
        kind = str(order.kind) if order else ""
        if kind == "slow":
            time.sleep(order.seconds)
            kind = ""
        if kind == "expired_token":
            TOKENS.expire()
        if kind in _REFUSED:
            _abort(context, *_REFUSED[kind])
        if kind not in ("", "reset", "truncated"):
            _abort(context, "UNIMPLEMENTED", f"The fault {kind} is not served for the Storage API.")
        scheme, _, token = str(dict(context.invocation_metadata()).get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not TOKENS.accepts(token):
            _abort(context, *_REFUSED["expired_token"])
        return kind

    def _session(self, request: Any) -> Any:
        from google.cloud.bigquery_storage_v1 import types

        asked, options = request.read_session, request.read_session.read_options
        _only_what_is_served(asked, options)
        if request.parent != f"projects/{PROJECT}" or not LIMITS.session_user:
            _deny("bigquery.readsessions.create", request.parent)
        project, dataset, table = _parts(asked.table)
        tables = self._export.tables()
        if project == PROJECT and dataset == CLOSED:
            _deny("bigquery.tables.getData", asked.table)
        if project != PROJECT or dataset != DATASET or table not in tables:
            raise _Refused("NOT_FOUND", f"request failed: Not found: Table {project}:{dataset}.{table}")
        schema = self._export.schema()
        if options.selected_fields:
            try:
                schema = picked(schema, options.selected_fields)
            except KeyError as e:
                raise _Refused(
                    "INVALID_ARGUMENT",
                    f"request failed: The following selected fields do not exist in the table schema: {e.args[0]}",
                ) from None
        state = self._export.state_of(tables[table])
        n_rows = self._export.count(state)
        n_streams = min(request.max_stream_count or MOST_STREAMS, -(-n_rows // LIMITS.stream_rows))
        session = f"projects/{PROJECT}/locations/{LOCATION.lower()}/sessions/{secrets.token_urlsafe(12)}"
        names = [f"{session}/streams/{n}" for n in range(n_streams)]
        codec = {1: "lz4", 2: "zstd"}.get(int(options.arrow_serialization_options.buffer_compression))
        for n, name in enumerate(names):
            first, last = n_rows * n // n_streams, n_rows * (n + 1) // n_streams
            STREAMS.give(name, _Stream(state, schema, codec, first, last))
        return types.ReadSession(
            name=session,
            expire_time=datetime.now(UTC) + timedelta(hours=SESSION_HOURS),
            data_format=asked.data_format,
            arrow_schema={"serialized_schema": arrow_schema(schema).serialize().to_pybytes()},
            table=asked.table,
            read_options=options,
            streams=[{"name": name} for name in names],
            estimated_row_count=n_rows,
            estimated_total_bytes_scanned=n_rows * BYTES_A_ROW,
        )

    def _messages(self, request: Any) -> list[Any]:
        import pyarrow as pa
        from google.cloud.bigquery_storage_v1 import types

        name = request.read_stream
        try:
            stream = STREAMS.take(name)
        except KeyError:
            raise _Refused("NOT_FOUND", f"request failed: stream {name} not found") from None
        if stream is None or not self._export.holds(stream.state):
            over = datetime.now(UTC).isoformat(timespec="seconds")
            raise _Refused(
                "FAILED_PRECONDITION", f"there was an error operating on '{name}': session expired at {over}"
            )
        n_rows = stream.last - stream.first
        if not 0 <= request.offset <= n_rows:
            raise _Refused(
                "OUT_OF_RANGE",
                f"there was an error operating on '{name}': offset {request.offset} is beyond its {n_rows} rows",
            )
        rows = self._export.table(stream.state, stream.schema, stream.first + request.offset, n_rows - request.offset)
        batches = rows.combine_chunks().to_batches(max_chunksize=LIMITS.batch_rows)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression=stream.codec)) as written:
            for batch in batches:
                written.write_batch(batch)
        schema, *parts = (m.serialize().to_pybytes() for m in pa.ipc.MessageReader.open_stream(sink.getvalue()))
        done, messages = request.offset, list[Any]()
        for batch, part in zip(batches, parts, strict=True):
            progress = {"at_response_start": done / n_rows, "at_response_end": (done + batch.num_rows) / n_rows}
            done += batch.num_rows
            message = types.ReadRowsResponse(
                arrow_record_batch={"serialized_record_batch": part},
                row_count=batch.num_rows,
                stats={"progress": progress},
            )
            if not messages:
                message.arrow_schema = {"serialized_schema": schema}
            messages.append(message)
        return messages


def _only_what_is_served(asked: Any, options: Any) -> None:
    from google.cloud.bigquery_storage_v1 import types

    left_out = {
        "data_format other than ARROW": asked.data_format != types.DataFormat.ARROW,
        "read_options.row_restriction": bool(options.row_restriction),
        "read_options.sample_percentage": "sample_percentage" in options,
        "read_options.response_compression_codec": bool(options.response_compression_codec),
        "read_options.arrow_serialization_options.picos_timestamp_precision": bool(
            options.arrow_serialization_options.picos_timestamp_precision
        ),
        "table_modifiers.snapshot_time": "snapshot_time" in asked.table_modifiers,
    }
    for name, is_asked in left_out.items():
        if is_asked:
            raise _Refused("UNIMPLEMENTED", f"{name} is not served by the sandbox.")


def _parts(table: str) -> tuple[str, str, str]:
    found = _TABLE.fullmatch(table)
    if not found:
        raise _Refused("INVALID_ARGUMENT", f"request failed: invalid table name '{table}'")
    return found[1], found[2], found[3]


def _deny(permission: str, what: str) -> None:
    raise _Refused(
        "PERMISSION_DENIED", f"request failed: the user does not have '{permission}' permission for '{what}'"
    )


def _abort(context: Any, status: str, message: str) -> None:
    """Ends the call; raises. A throttled one is told how long to wait."""
    import grpc
    from google.protobuf.any_pb2 import Any as Packed
    from google.protobuf.duration_pb2 import Duration
    from google.rpc import code_pb2, error_details_pb2, status_pb2
    from grpc_status import rpc_status

    if status != "RESOURCE_EXHAUSTED":
        context.abort(grpc.StatusCode[status], message)
    hint, wait = Packed(), Duration()
    wait.FromMilliseconds(int(WAIT_SECONDS * 1000))
    hint.Pack(error_details_pb2.RetryInfo(retry_delay=wait))
    told = status_pb2.Status(code=code_pb2.Code.Value(status), message=message, details=[hint])
    context.abort_with_status(rpc_status.to_status(told))
