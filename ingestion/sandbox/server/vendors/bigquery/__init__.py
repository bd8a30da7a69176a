"""BigQuery REST API v2, as far as reading tables goes: datasets.list, datasets.get, tables.list, tables.get, tabledata.list. Tables are
also read over the Storage read API (storage.py), on the next port.

One project with the dataset that GA4 exports to (export.py), and another dataset that the user may see but not read. Not served:
queries, jobs, writing. Source: bigquery v2 discovery document, revision 20261009.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.bigquery import storage
from ingestion.sandbox.server.vendors.bigquery.access import CLOSED, LOCATION, PROJECT, TOKENS
from ingestion.sandbox.server.vendors.bigquery.export import (
    BYTES_A_ROW,
    DATASET,
    PAGES,
    Export,
    Schema,
    Table,
    picked,
)

DEFAULT_TABLES, MOST_ROWS = 50, 2**32 - 1
_COMMON = {"$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
           "uploadType", "upload_protocol"}  # fmt: skip
_STATUS = {400: ("INVALID_ARGUMENT", "invalid"), 401: ("UNAUTHENTICATED", "authError"),
           403: ("PERMISSION_DENIED", "accessDenied"), 404: ("NOT_FOUND", "notFound"),
           503: ("UNAVAILABLE", "backendError")}  # fmt: skip
_TIMESTAMPS = ("TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED", "FLOAT64", "INT64", "ISO8601_STRING")
_OPTIONAL = {
    "nextPageToken",
    "pageToken",
    "rows",
    "tables",
    "datasets",
    "schema",
    "streamingBuffer",
    "description",
    "labels",
}


class Refused(Exception):
    """Google says no; args are (HTTP status, message[, reason])."""


def refusal(code: int, message: str, reason: str = "") -> Response:
    status, usual = _STATUS[code]
    domain = "usageLimits" if reason in ("rateLimitExceeded", "quotaExceeded") else "global"
    error = {"message": message, "domain": domain, "reason": reason or usual}
    return json_response({"error": {"code": code, "message": message, "errors": [error], "status": status}}, code)


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    export = Export(desk)

    async def token(request: Request) -> Response:
        # from the first token on, which every client gets first: who reads nothing here does not wait for a library
        await run_in_threadpool(storage.serve, export, request.app, request.scope["server"][1])
        status, body = TOKENS.issue(await form_of(request))
        return json_response(body, status)

    def answering(answer: Any, *parameters: str) -> Any:
        def endpoint(request: Request) -> Response:
            try:
                _sign_in(request)
                _check_names(request.query_params, parameters)
                body, rows = answer(export, request.path_params, request.query_params)
                return _sent(request.query_params, body, rows)
            except Refused as e:
                return refusal(*e.args)

        return endpoint

    home = "/bigquery/v2/projects/{project}/datasets"
    paging = ("maxResults", "pageToken")
    formats = ("formatOptions.useInt64Timestamp", "formatOptions.timestampOutputFormat")
    table = home + "/{dataset}/tables/{table}"
    return [
        *(Route(p, token, methods=["POST"]) for p in ("/token", "/oauth2/v3/token", "/oauth2/v4/token")),
        Route(home, answering(_datasets, "all", "filter", *paging)),
        Route(home + "/{dataset}", answering(_dataset, "accessPolicyVersion", "datasetView")),
        Route(home + "/{dataset}/tables", answering(_tables, *paging)),
        Route(table, answering(_table, "selectedFields", "view")),
        Route(f"{table}/data", answering(_data, "selectedFields", "startIndex", *paging, *formats)),
    ]


def _sign_in(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKENS.accepts(token):
        raise Refused(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
            "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )


def _check_names(given: Mapping[str, str], known: Sequence[str]) -> None:
    if unknown := sorted(set(given) - set(known) - _COMMON):
        raise Refused(
            400,
            f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot bind query parameter.',
            "badRequest",
        )


def _sent(given: Mapping[str, str], body: dict[str, Any], rows: Sequence[bytes] | None) -> Response:
    """The answer with the members `fields` asks for, those of the first level."""
    asked = [name.strip() for name in given.get("fields", "*").split(",")]
    if asked != ["*"]:
        if unknown := [n for n in asked if n not in {*body, *_OPTIONAL}]:
            raise Refused(400, f"Invalid field selection {unknown[0]}", "invalidParameter")
        body = {k: v for k, v in body.items() if k in asked}
        rows = rows if "rows" in asked else None
    text = orjson.dumps(body)
    if rows:
        text = text[:-1] + (b"," if body else b"") + b'"rows":[' + b",".join(rows) + b"]}"
    return Response(text, media_type="application/json; charset=UTF-8")


def _datasets(export: Export, path: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, Any], None]:
    _check_place(path)
    if "filter" in given:
        raise Refused(400, "A filter by labels is not served by the sandbox.")
    names = [DATASET, CLOSED]
    first, n = _page(given, DEFAULT_TABLES)
    listed = [_about_dataset(n) for n in names[first : first + n]]
    return _with_next({"kind": "bigquery#datasetList", "datasets": listed}, first, n, len(names)), None


def _dataset(export: Export, path: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, Any], None]:
    _check_place(path)
    created = min(t.created_ms for t in export.tables().values())
    times = {"creationTime": str(created), "lastModifiedTime": str(created)}
    return _about_dataset(path["dataset"]) | times | {"etag": _etag(path["dataset"])}, None


def _about_dataset(name: str) -> dict[str, Any]:
    reference = {"datasetId": name, "projectId": PROJECT}
    about = {"kind": "bigquery#dataset", "id": f"{PROJECT}:{name}", "datasetReference": reference}
    return about | {"location": LOCATION, "type": "DEFAULT"}


def _tables(export: Export, path: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, Any], None]:
    _check_place(path)
    tables = list(export.tables().values())
    first, n = _page(given, DEFAULT_TABLES)
    listed = [_about_table(t) for t in tables[first : first + n]]
    body = {"kind": "bigquery#tableList", "etag": _etag(tables), "tables": listed, "totalItems": len(tables)}
    return _with_next(body, first, n, len(tables)), None


def _about_table(table: Table) -> dict[str, Any]:
    reference = {"projectId": PROJECT, "datasetId": DATASET, "tableId": table.id}
    about = {"kind": "bigquery#table", "id": f"{PROJECT}:{DATASET}.{table.id}", "tableReference": reference}
    return about | {"type": "TABLE", "creationTime": str(table.created_ms)}


def _table(export: Export, path: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, Any], None]:
    table = _found(export, path)
    if given.get("view", "STORAGE_STATS") not in ("TABLE_METADATA_VIEW_UNSPECIFIED", "STORAGE_STATS", "FULL"):
        raise Refused(400, f"The view {given['view']} is not served by the sandbox.")
    size = str(table.n_rows * BYTES_A_ROW)
    about = _about_table(table) | {
        "etag": _etag(table),
        "schema": {"fields": _schema(export, given)},
        "numBytes": size,
        "numLongTermBytes": "0",
        "numRows": str(table.n_rows),
        "lastModifiedTime": str(table.modified_ms),
        "location": LOCATION,
    }
    if table.id.startswith("events_intraday_"):
        oldest = str(table.created_ms)
        about["streamingBuffer"] = {"estimatedRows": "0", "estimatedBytes": "0", "oldestEntryTime": oldest}
    return about, None


def _data(export: Export, path: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, Any], list[bytes]]:
    table = _found(export, path)
    schema = _schema(export, given)
    _one_of(given, "formatOptions.useInt64Timestamp", ("true", "false"))
    _one_of(given, "formatOptions.timestampOutputFormat", _TIMESTAMPS)
    state, first = export.state_of(table), _number(given, "startIndex", 0)
    if token := given.get("pageToken"):
        taken = PAGES.take(token)
        if taken is None or not taken[0].startswith(table.id) or not export.holds(taken[0]):
            raise Refused(400, f"Invalid value for pageToken: {token}. It may have expired.")
        state, first = taken
    n_rows = export.count(state)
    rows = export.rows(state, schema, first, min(_number(given, "maxResults", MOST_ROWS), n_rows))
    body = {"kind": "bigquery#tableDataList", "etag": _etag((state, first)), "totalRows": str(n_rows)}
    if first + len(rows) < n_rows:
        body["pageToken"] = PAGES.give(state, first + len(rows))
    return body, rows


def _schema(export: Export, given: Mapping[str, str]) -> Schema:
    if not (paths := [p.strip() for p in given.get("selectedFields", "").split(",") if p.strip()]):
        return export.schema()
    try:
        return picked(export.schema(), paths)
    except KeyError as e:
        raise Refused(400, f"No such field: {e.args[0]}.") from None


def _check_place(path: Mapping[str, str]) -> None:
    if path["project"] != PROJECT:
        raise Refused(404, f"Not found: Project {path['project']}")
    dataset = path.get("dataset", DATASET)
    name = f"{PROJECT}:{dataset}"
    if dataset == CLOSED:
        what = "bigquery.datasets.get" if len(path) == 2 else "bigquery.tables.list"
        raise Refused(
            403, f"Access Denied: Dataset {name}: Permission {what} denied on dataset {name} (or it may not exist)."
        )
    if dataset != DATASET:
        raise Refused(404, f"Not found: Dataset {name}")


def _found(export: Export, path: Mapping[str, str]) -> Table:
    _check_place(path)
    try:
        return export.tables()[path["table"]]
    except KeyError:
        raise Refused(404, f"Not found: Table {PROJECT}:{DATASET}.{path['table']}") from None


def _page(given: Mapping[str, str], usual: int) -> tuple[int, int]:
    """(first, how many) of a list."""
    token = given.get("pageToken", "0")
    if not token.isdigit():
        raise Refused(400, f"Invalid value for pageToken: {token}.")
    return int(token), max(1, _number(given, "maxResults", usual))


def _with_next(body: dict[str, Any], first: int, n: int, n_all: int) -> dict[str, Any]:
    return body | ({"nextPageToken": str(first + n)} if first + n < n_all else {})


def _number(given: Mapping[str, str], name: str, usual: int) -> int:
    value = given.get(name, str(usual))
    if not value.isdigit():
        raise Refused(400, f"Invalid value at '{name}' (TYPE_UINT32), \"{value}\"")
    return int(value)


def _one_of(given: Mapping[str, str], name: str, known: Sequence[str]) -> None:
    if name in given and given[name] not in known and given[name].lower() not in known:
        raise Refused(400, f"Invalid value at '{name}': \"{given[name]}\"")


def _etag(about: Any) -> str:
    return sha256(repr(about).encode()).hexdigest()[:22]


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        return refusal(
            403,
            "Exceeded rate limits: too many api requests per user per method for this user_method.",
            "rateLimitExceeded",
        )
    if kind == "expired_token":
        TOKENS.expire()
        return refusal(401, "Request had invalid authentication credentials.")
    return refusal(503, "Visibility check was unavailable. Please retry the request.")


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the second number of the first row, or of what tables.get tells, is a word; schema_change: rows have another
    name, and so has the time a table was changed."""
    if kind == "malformed_row":
        body = re.sub(rb'("rows":\[\{"f":\[\{"v":"\d+"\},\{"v":)"\d+"', rb'\1"n/a"', body, count=1)
        return re.sub(rb'"numRows":"\d+"', b'"numRows":"n/a"', body, count=1)
    return body.replace(b'"rows":[', b'"tableRows":[').replace(b'"lastModifiedTime":', b'"modifiedTime":')


def _environment(url: str) -> Mapping[str, str]:
    """Without the project: the demo reads the same export from its folder, and one of the two is what there may be."""
    base = f"{url}/bigquery"
    values = {
        "BASE_URL": base,
        "TOKEN_URL": f"{base}/token",
        "CLIENT_ID": TOKENS.client_id,
        "CLIENT_SECRET": TOKENS.client_secret,
        "REFRESH_TOKEN": TOKENS.refresh_token,
        "DATASET": DATASET,
        "STORAGE_ADDRESS": storage.address(url),
    }
    return {f"SOURCES__GA4_EXPORT__{k}": v for k, v in values.items()}


VENDOR = Vendor("bigquery", _routes, _error, _spoil, _environment)
