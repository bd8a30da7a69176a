"""A table's rows over the BigQuery Storage read API: gRPC and Arrow, by Google's own client, which takes a broken stream up where it broke.

What is read is one state of the table, that of the moment its session began. Imported only where the API is switched on, since the
package google-cloud-bigquery-storage need not be there. Reference: google.cloud.bigquery.storage.v1.BigQueryRead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from ingestion.errors import SourceError
from ingestion.http import MAX_WAIT

ADDRESS = "bigquerystorage.googleapis.com:443"
STREAMS = 4  # of a table, read side by side; BigQuery gives fewer where they are not worth it
RETRY_SECONDS = (
    60.0  # for what passes by itself; the client's own defaults are ten minutes for a session and a day for a stream
)
CALL_SECONDS = (
    600.0  # a stream that is still told after so long is taken up in another call, one that stands still is given up
)
GROUP_BYTES = 16_000_000  # of rows held for a row group: a batch alone is a thousand rows
# at a call's beginning; what breaks later the client resumes, but not where the call that does so breaks at once
_PASSING = (exceptions.ServiceUnavailable, exceptions.InternalServerError, exceptions.Unknown)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CODES = {
    "SERVICE_DISABLED": "accessNotConfigured",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "insufficientPermissions",
    "UNAUTHENTICATED": "authError",
    "PERMISSION_DENIED": "accessDenied",
    "NOT_FOUND": "notFound",
    "RESOURCE_EXHAUSTED": "quotaExceeded",
}  # of ErrorInfo or gRPC -> as the REST API calls it


class Storage:
    """Reads tables over `address`. May be used by several threads.

    `auth`: gives `token()` and `renew()`. `next_steps` says by the REST API's code, else gRPC's, what to do.
    """

    def __init__(self, source: str, address: str, auth: Any, next_steps: Mapping[str, str]) -> None:
        self._source, self._address, self._auth, self._next_steps = source, address, auth, next_steps

    def client(self) -> Any:
        """Google's client, signed in, with a connection of its own: to be used as a context."""
        options = [("grpc.max_receive_message_length", -1)]
        if urlsplit(f"//{self._address}").hostname in _LOOPBACK:  # a token never leaves the machine in plain text
            channel = grpc.insecure_channel(self._address, options)
        else:
            channel = grpc.secure_channel(self._address, grpc.ssl_channel_credentials(), options)
        signed = grpc.intercept_channel(channel, _Signing(self._auth))
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=signed))

    def read(self, project: str, table: str, fields: Sequence[str], scratch: Path) -> tuple[int, list[Path]]:
        """(rows, Parquet files) of a table (projects/../datasets/../tables/..), a file a stream. Raises SourceError.

        `fields`: as `selectedFields` of the REST API. `project` pays. Code FAILED_PRECONDITION: the session is over.
        """
        try:
            with self.client() as client:
                session = self._session(client, project, table, fields)
                schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
                streams = [s.name for s in session.streams]
                paths = [scratch / f"{n}.parquet" for n in range(max(1, len(streams)))]
                if not streams:  # an empty table has none
                    pq.write_table(schema.empty_table(), paths[0])
                    return 0, paths
                with ThreadPoolExecutor(len(streams)) as pool:
                    written = pool.map(lambda name, path: self._write(client, name, schema, path), streams, paths)
                    return sum(written), paths
        except exceptions.GoogleAPIError as e:
            raise self._told(table.rsplit("/", 1)[-1], e) from e

    def _session(self, client: Any, project: str, table: str, fields: Sequence[str]) -> Any:
        compressed = {"buffer_compression": types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME}
        asked = types.ReadSession(
            table=table,
            data_format=types.DataFormat.ARROW,
            read_options={"selected_fields": list(fields), "arrow_serialization_options": compressed},
        )

        def ask() -> Any:
            return client.create_read_session(
                parent=f"projects/{project}",
                read_session=asked,
                max_stream_count=STREAMS,
                retry=_retry(*_PASSING, exceptions.DeadlineExceeded, exceptions.ResourceExhausted),
                timeout=RETRY_SECONDS,
            )

        try:
            return ask()
        except exceptions.Unauthenticated:
            self._auth.renew()
            return ask()

    def _write(self, client: Any, stream: str, schema: Any, path: Path) -> int:
        """Writes a stream's rows; returns how many they are."""
        n_rows, held, size = 0, list[Any](), 0
        with pq.ParquetWriter(path, schema) as file:
            for batch in self._batches(client, stream, schema):
                held.append(batch)
                n_rows, size = n_rows + batch.num_rows, size + batch.nbytes
                if size >= GROUP_BYTES:
                    file.write_table(pa.Table.from_batches(held, schema))
                    held, size = [], 0
            if held:
                file.write_table(pa.Table.from_batches(held, schema))
        return n_rows

    def _batches(self, client: Any, stream: str, schema: Any) -> Iterator[Any]:
        """A stream's rows as they come. The client resumes what broke; a token or a call that is over is another call here."""
        offset, resumed_at = 0, -1
        while True:
            try:
                rows = client.read_rows(
                    stream,
                    offset,
                    retry=_retry(*_PASSING),
                    timeout=CALL_SECONDS,
                    retry_delay_callback=self._waiting(),
                )
                for message in rows:
                    offset += message.row_count
                    yield pa.ipc.read_record_batch(
                        pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema
                    )
                return
            except (exceptions.Unauthenticated, exceptions.DeadlineExceeded) as e:
                if offset == resumed_at:
                    raise
                resumed_at = offset
                if isinstance(e, exceptions.Unauthenticated):
                    self._auth.renew()

    def _waiting(self) -> Callable[[float], None]:
        """Told how long BigQuery wants a call to wait, each time: the client itself would wait for ever."""
        waited = 0.0

        def wait(seconds: float) -> None:
            nonlocal waited
            waited += seconds
            if waited > MAX_WAIT:
                raise exceptions.ResourceExhausted(f"BigQuery wants to be waited for, {waited:.0f} s by now")

        return wait

    def _told(self, table: str, error: Exception) -> SourceError:
        cause = error.cause if isinstance(error, exceptions.RetryError) and error.cause else error
        status = getattr(getattr(cause, "grpc_status_code", None), "name", None) or type(cause).__name__
        message, reason = str(getattr(cause, "message", cause)), getattr(cause, "reason", None)
        code = _CODES.get(str(reason)) or _CODES.get(status, status)
        if "bigquery.readsessions." in message:
            code = "readSessionsDenied"
        step = self._next_steps.get(code)
        told = f"{table} over the Storage read API: {message[:300]} (code {reason or status})"
        return SourceError(self._source, told + (f"; {step}" if step else ""), code)


class _Signing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Sends the access token along, beneath the client, which tells what it sends when its logging is switched on.

    gRPC's own way of doing this calls a failed sign-in UNAVAILABLE, and tries again.
    """

    def __init__(self, auth: Any) -> None:
        self._auth = auth

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        signed = [*(details.metadata or ()), ("authorization", f"Bearer {self._auth.token()}")]
        return continuation(details._replace(metadata=signed), request)

    intercept_unary_stream = intercept_unary_unary


def _retry(*passing: type[Exception]) -> Any:
    return Retry(if_exception_type(*passing), initial=0.5, maximum=15.0, multiplier=2.0, timeout=RETRY_SECONDS)
