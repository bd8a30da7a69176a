"""Meta's Graph API for ads (v26.0): accounts, their edges, insights at once or as a report run, batches.

Vendor reference: Marketing API, Ads Insights API. What a row holds lies in insights.py and objects.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Vendor, form_of, json_response
from ingestion.sandbox.server.vendors.meta_ads import insights, objects
from ingestion.sandbox.server.vendors.meta_ads.errors import GraphError, bad_param, no_object

NAME = "meta_ads"
VERSIONS = ("v24.0", "v25.0", "v26.0")
TOKEN = "EAAsandboxSystemUser0000000000000000000000"  # made up, like the whole company
APP_SECRET = "5a0db0c5ec7e75a0db0c5ec7e7000000"
COMMON = frozenset({
    "access_token", "appsecret_proof", "fields", "limit", "after", "before", "pretty", "method", "include_headers", "locale",
    "summary",
})  # fmt: skip


KEPT = 100  # report runs, and answers in pages, whose rows are held; the vendor keeps runs for weeks


@dataclass
class Limits:
    """The vendor's limits, to be set lower by tests."""

    page: int = 25  # rows of a page that asks for no number
    max_page: int = 500  # a larger `limit` gets this many
    sync_rows: int = 10_000  # rows an insights call may have at once
    run_rows: int = 500_000  # rows a report run may have
    polls: int = 2  # how often a report run is looked at before it is done


LIMITS = Limits()


@dataclass
class Answer:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Graph:
    """One server's Graph: answers calls, keeps its report runs. Safe to call from several threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._runs: dict[str, dict[str, Any]] = {}
        self._kept: dict[str, list[dict[str, Any]]] = {}
        self._ids = itertools.count(640_000_000_000_001)
        self._lock = threading.Lock()

    def call(self, method: str, path: str, params: Mapping[str, str], root: str) -> Answer:
        """The answer to one call; `path` begins with the version, `root` is the address the caller used."""
        try:
            version, *parts = [p for p in path.split("/") if p]
            if version not in VERSIONS:
                raise GraphError(
                    2635,
                    "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v26.0.",
                )
            if not parts and method == "POST" and "batch" in params:
                return self._batch(version, params, root)
            _authorise(params)
            return self._answer(method, parts, params, f"{root}{version}/{'/'.join(parts)}")
        except GraphError as e:
            return Answer(e.body(), e.status, _usage(0))

    def _batch(self, version: str, params: Mapping[str, str], root: str) -> Answer:
        """Up to 50 calls in one: [{method, relative_url, body}] -> [{code, headers, body: text}]."""
        calls = _json("batch", params["batch"])
        if not isinstance(calls, list) or len(calls) > 50:
            raise bad_param("batch", "must be a list of at most 50 calls")
        answers = []
        for call in calls:
            where = urlsplit(str(call.get("relative_url", "")).lstrip("/"))
            own = dict(parse_qsl(where.query)) | dict(parse_qsl(call.get("body", "")))
            own.setdefault("access_token", params.get("access_token", ""))
            if "appsecret_proof" in params:
                own.setdefault("appsecret_proof", params["appsecret_proof"])
            path = where.path if where.path.split("/")[0] in VERSIONS else f"{version}/{where.path}"
            done = self.call(str(call.get("method", "GET")), path, own, root)
            headers = [{"name": k, "value": v} for k, v in done.headers.items()]
            answers.append({"code": done.status, "headers": headers, "body": orjson.dumps(done.body).decode()})
        return Answer(answers)

    def _answer(self, method: str, parts: list[str], params: Mapping[str, str], url: str) -> Answer:
        if not parts:
            raise no_object("")
        node, edge = parts[0], "/".join(parts[1:])
        if node in self._runs and edge in ("", "insights"):
            return self._run(node, edge, params, url)
        if edge == "insights":
            query = insights.query(self._desk, objects.scope(self._desk, node), params, COMMON)
            if method == "POST":
                return self._start(query)
            return self._at_once(query, params, url)
        if method != "GET":
            raise GraphError(100, "Unsupported post request.", kind="GraphMethodException", subcode=33)
        if edge:
            return _page(objects.edge(self._desk, node, edge, params, COMMON), params, url, _usage(1))
        return Answer(objects.node(self._desk, node, params, COMMON), headers=_usage(1))

    def _at_once(self, query: insights.Query, params: Mapping[str, str], url: str) -> Answer:
        """A page of insights; the pages after the first are cut from the rows that were worked out for the first."""
        key = _position(params.get("after", "")).partition("/")[0]
        rows = self._kept.get(key)
        if rows is None:
            key, rows = str(next(self._ids)), self._rows(query, LIMITS.sync_rows)
            with self._lock:
                self._kept[key] = rows
                for old in list(self._kept)[:-KEPT]:
                    del self._kept[old]
        return _page(rows, params, url, _usage(1), key)

    def _rows(self, query: insights.Query, limit: int) -> list[dict[str, Any]]:
        rows = insights.rows(self._desk, query, limit + 1)
        if len(rows) > limit:
            raise GraphError(
                100, "Please reduce the amount of data you're asking for, then retry your request", subcode=1487534
            )
        return rows

    def _start(self, query: insights.Query) -> Answer:
        run = str(next(self._ids))
        with self._lock:
            self._runs[run] = {"query": query, "polls": 0}
            for old in list(self._runs)[:-KEPT]:
                del self._runs[old]
        return Answer({"report_run_id": run}, headers=_usage(1))

    def _run(self, run: str, edge: str, params: Mapping[str, str], url: str) -> Answer:
        state = self._runs[run]
        done = state["polls"] >= LIMITS.polls
        if edge:
            if not done or state.get("failed"):
                raise GraphError(2601, "(#2601) Error: Loading Async Session failed.", kind="OAuthException")
            return _page(state["rows"], params, url, _usage(1))
        with self._lock:
            state["polls"] += 1
            done = state["polls"] >= LIMITS.polls
        if done and "rows" not in state:
            try:
                state["rows"] = self._rows(state["query"], LIMITS.run_rows)
            except GraphError as e:
                state |= {"rows": [], "failed": e}
        query: insights.Query = state["query"]
        status = "Job Failed" if state.get("failed") else "Job Completed" if done else "Job Running"
        body: dict[str, Any] = {
            "id": run, "account_id": query.account_id, "async_status": status,
            "async_percent_completion": 100 if done else min(99, 100 * state["polls"] // (LIMITS.polls + 1)),
            "date_start": query.since.isoformat(), "date_stop": query.until.isoformat(), "is_running": not done,
        }  # fmt: skip
        if error := state.get("failed"):
            body |= {"error_code": error.code, "error_subcode": error.subcode, "error_message": error.message}
        return Answer(body, headers=_usage(1))


def _authorise(params: Mapping[str, str]) -> None:
    token = params.get("access_token", "")
    if not token:
        raise GraphError(104, "An access token is required to request this resource.")
    if token != TOKEN:
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
    proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
    if params.get("appsecret_proof", proof) != proof:
        raise GraphError(100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException")


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise bad_param(name, "must be valid JSON") from None


def _page(
    rows: Sequence[dict[str, Any]], params: Mapping[str, str], url: str, headers: dict[str, str], key: str = ""
) -> Answer:
    """A page by cursor: `key` of what is paged, and a position. `next` is there as long as there is more."""
    limit = params.get("limit", str(LIMITS.page))
    if not limit.isdigit() or int(limit) < 1:
        raise bad_param("limit", "must be greater than or equal to 1")
    n = min(int(limit), LIMITS.max_page)
    start = _place(params["after"]) if "after" in params else max(0, _place(params.get("before", "")) - n)
    page = list(rows[start : start + n])
    body: dict[str, Any] = {"data": page}
    if page:
        paging: dict[str, Any] = {"cursors": {"before": _cursor(key, start), "after": _cursor(key, start + len(page))}}
        kept = {k: v for k, v in params.items() if k not in ("after", "before")}
        if start + len(page) < len(rows):
            paging["next"] = f"{url}?{urlencode({**kept, 'after': paging['cursors']['after']})}"
        if start:
            paging["previous"] = f"{url}?{urlencode({**kept, 'before': paging['cursors']['before']})}"
        body["paging"] = paging
    return Answer(body, headers=headers)


def _cursor(key: str, place: int) -> str:
    return base64.b64encode(f"{key}/{place}".encode()).decode()


def _position(cursor: str) -> str:
    """The text `key/place` behind a cursor."""
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except ValueError:
        text = "?"
    if text and not re.fullmatch(r"\d*/\d+", text):
        raise GraphError(100, "(#100) Invalid cursors values passed")
    return text


def _place(cursor: str) -> int:
    return int(_position(cursor).rpartition("/")[2] or 0)


def _usage(
    minutes: int, account: str = "sandbox", kind: str = "ads_insights", throttled: bool = False
) -> dict[str, str]:
    """Meta's headers on how much of its limits is used; `estimated_time_to_regain_access` is minutes."""
    used = 100 if throttled else 1
    business = {
        account: [
            {
                "type": kind, "call_count": used, "total_cputime": used, "total_time": used,
                "estimated_time_to_regain_access": minutes if throttled else 0, "ads_api_access_tier": "standard_access",
            }
        ]
    }  # fmt: skip
    insights_ = {"app_id_util_pct": used, "acc_id_util_pct": used, "ads_api_access_tier": "standard_access"}
    return {
        "x-business-use-case-usage": json.dumps(business),
        "x-fb-ads-insights-throttle": json.dumps(insights_),
        "facebook-api-version": "v26.0",
    }


def routes(desk: Desk) -> list[BaseRoute]:
    """/v26.0/...: one route, since a Graph path is ids and edges."""
    graph = Graph(desk)

    async def answer(request: Request) -> Response:
        params = dict(request.query_params) | (await form_of(request) if request.method == "POST" else {})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", "oauth"):
            params.setdefault("access_token", token)
        root = f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}/"  # the caller's own address of us
        found = await run_in_threadpool(graph.call, request.method, request.path_params["path"], params, root)
        return json_response(found.body, found.status, found.headers)

    return [Route("/{path:path}", answer, methods=["GET", "POST"])]


def error(kind: str) -> Response:
    """A fault in Meta's envelope. A throttle names no minutes, as at the vendor when they are few, and asks for one second."""
    if kind == "rate_limit":
        why = "(#80000) There have been too many calls from this ad-account. Wait a bit and try again."
        e = GraphError(80000, why, subcode=2446079)
        return json_response(e.body(), 400, {**_usage(0, throttled=True), "retry-after": "1"})
    if kind == "expired_token":
        e = GraphError(190, "Error validating access token: Session has expired.", subcode=463)
        return json_response(e.body(), 400)
    e = GraphError(2, "An unexpected error has occurred. Please retry your request later.", status=500, transient=True)
    return json_response(e.body(), 500)


def spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first row comes as text instead of an object. schema_change: `spend` and `name` are called otherwise."""
    if kind == "schema_change":
        return re.sub(rb'"(spend|name)":', rb'"\1_v2":', body)
    answer = orjson.loads(body)
    if isinstance(answer, dict) and answer.get("data"):
        answer["data"][0] = orjson.dumps(answer["data"][0]).decode()
    return orjson.dumps(answer)


def environment(url: str) -> Mapping[str, str]:
    return {
        "SOURCES__META_ADS__BASE_URL": f"{url}/{NAME}/v26.0",
        "SOURCES__META_ADS__ACCESS_TOKEN": TOKEN,
        "SOURCES__META_ADS__APP_SECRET": APP_SECRET,
        "SOURCES__META_ADS__POLL_SECONDS": "0.05",
    }


_routes: Callable[[Desk], Sequence[BaseRoute]] = routes
VENDOR = Vendor(NAME, _routes, error, spoil, environment)
