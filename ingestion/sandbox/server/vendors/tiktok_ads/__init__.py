"""TikTok API for Business v1.3: accounts, campaigns, ad groups, ads and the synchronous integrated report.

Every answer is HTTP 200; `code` tells success (0) from failure. Metrics are strings, amounts in the account's currency with
two places. Parameters follow the vendor's OpenAPI files and its Python SDK 1.1.3.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Vendor, json_response
from ingestion.sandbox.server.vendors.tiktok_ads.fields import (
    ADVERTISER,
    ENTITIES,
    FACTS,
    LEVELS,
    METRICS,
    REPORT_STATUS,
)

APP_ID, SECRET, TOKEN = "7123456789012345678", "tiktok-app-secret", "tiktok-access-token"
PAGE_SIZES = {"default": 10, "max": 1000}
MAX_DAYS = 30  # of a report by day
ERRORS = {
    "rate_limit": (40100, "Too many requests. Please retry in some time."),
    "server_error": (50000, "System error, please try again later."),
    "expired_token": (40105, "Access token is incorrect or has been revoked."),
}


class Refused(Exception):
    """The vendor says no; args are (code, message)."""


def answer(data: Any) -> Response:
    return json_response({"code": 0, "message": "OK", "request_id": uuid4().hex, "data": data})


def refusal(code: int, message: str) -> Response:
    return json_response({"code": code, "message": message, "request_id": uuid4().hex, "data": {}})


def error(kind: str) -> Response:
    return refusal(*ERRORS[kind])


def spoil(kind: str, body: bytes) -> bytes:
    """A number that is none in the first row, or the report's `spend` (an entity's name) under another name in every row."""
    found = orjson.loads(body)
    rows = (found.get("data") or {}).get("list") or []
    for row in rows[:1] if kind == "malformed_row" else rows:
        if "metrics" in row and kind == "malformed_row":
            row["metrics"]["impressions"] = "n/a"
        elif "metrics" in row:
            row["metrics"]["media_cost"] = row["metrics"].pop("spend", None)
        elif kind == "malformed_row":
            row.update({k: {"value": v} for k, v in row.items() if k.endswith("_name") or k == "name"})
        else:
            for key in [k for k in row if k.endswith("_id") and k != "advertiser_id"]:
                row[f"{key}_v2"] = row.pop(key)
    return orjson.dumps(found)


def _environment(url: str) -> dict[str, str]:
    prefix = "SOURCES__TIKTOK_ADS__"
    values = {"BASE_URL": f"{url}/tiktok_ads/open_api/v1.3/", "ACCESS_TOKEN": TOKEN, "APP_ID": APP_ID, "SECRET": SECRET}
    return {prefix + key: value for key, value in values.items()}


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    handlers: dict[str, Callable[[Desk, dict[str, str]], Any]] = {
        "/oauth2/advertiser/get/": _authorised,
        "/advertiser/info/": _advertisers,
        "/report/integrated/get/": _report,
    }
    handlers |= {f"/{what}/get/": _entity(what) for what in ENTITIES}

    def route(path: str, handler: Callable[[Desk, dict[str, str]], Any]) -> Route:
        def serve(request: Request) -> Response:
            try:
                if request.headers.get("Access-Token") != TOKEN:
                    return error("expired_token")
                return answer(handler(desk, dict(request.query_params)))
            except Refused as e:
                return refusal(*e.args)

        return Route(f"/open_api/v1.3{path}", serve)

    return [route(path, handler) for path, handler in handlers.items()]


def _authorised(desk: Desk, asked: dict[str, str]) -> Any:
    _known(asked, "app_id", "secret")
    if (asked.get("app_id"), asked.get("secret")) != (APP_ID, SECRET):
        raise Refused(40001, "Invalid app_id or secret.")
    rows = _accounts(desk)
    return {"list": [{"advertiser_id": r["account_id"], "advertiser_name": r["account_name"]} for r in rows]}


def _advertisers(desk: Desk, asked: dict[str, str]) -> Any:
    _known(asked, "advertiser_ids", "fields")
    ids = _list(asked, "advertiser_ids")
    for account in ids:
        _permitted(desk, account)
    fields = _fields(asked, ADVERTISER)
    sql = f"select {_select(fields)} from now.ad_accounts where platform = 'tiktok_ads' and list_contains($ids, account_id) order by 1"
    return {"list": desk.rows(sql, {"ids": ids})}


def _entity(what: str) -> Callable[[Desk, dict[str, str]], Any]:
    prefix, known, origin, key, id_filters = ENTITIES[what]

    def serve(desk: Desk, asked: dict[str, str]) -> Any:
        _known(asked, "advertiser_id", "fields", "filtering", "page", "page_size")
        _permitted(desk, asked.get("advertiser_id", ""))
        filtering = _json(asked, "filtering", {})
        where, values = "advertiser_id = $account", {"account": asked["advertiser_id"]}
        for name, value in filtering.items():
            if name in id_filters:
                where += f" and list_contains(${name}, {name[:-1]})"
                values[name] = value
            elif name not in ("primary_status", "secondary_status"):
                raise Refused(40002, f"filtering.{name}: unknown field")
        deleted = f"secondary_status = '{prefix}_STATUS_DELETE'"
        primary = filtering.get("primary_status")
        secondary = filtering.get("secondary_status", f"{prefix}_STATUS_NOT_DELETE" if primary is None else None)
        by_primary = {
            None: "true",
            "STATUS_ALL": "true",
            "STATUS_NOT_DELETE": f"not {deleted}",
            "STATUS_DELETE": deleted,
            "STATUS_DISABLE": f"secondary_status = '{prefix}_STATUS_DISABLE'",
            "STATUS_DELIVERY_OK": f"secondary_status in ('{prefix}_STATUS_ENABLE', '{prefix}_STATUS_DELIVERY_OK')",
        }
        by_secondary = {None: "true", f"{prefix}_STATUS_ALL": "true", f"{prefix}_STATUS_NOT_DELETE": f"not {deleted}"}
        by_secondary |= {
            s: f"secondary_status = '{s}'"
            for s in [f"{prefix}_STATUS_{w}" for w in ("DELETE", "DISABLE", "ENABLE", "DELIVERY_OK")]
        }
        for name, value, choices in (("primary", primary, by_primary), ("secondary", secondary, by_secondary)):
            if value not in choices:
                raise Refused(
                    40002, f"filtering.{name}_status: {value} is not one of {', '.join(filter(None, choices))}"
                )
            where += f" and {choices[value]}"
        fields = _fields(asked, known)
        inner = f"select {_select(known)} from {origin}"
        return _page(desk, asked, f"select {', '.join(fields)} from ({inner}) where {where} order by {key}", values)

    return serve


def _report(desk: Desk, asked: dict[str, str]) -> Any:
    _known(
        asked, "advertiser_id", "report_type", "service_type", "data_level", "dimensions", "metrics", "start_date",
        "end_date", "filtering", "page", "page_size", "query_mode",
    )  # fmt: skip
    _permitted(desk, asked.get("advertiser_id", ""))
    if asked.get("report_type") != "BASIC" or asked.get("service_type", "AUCTION") != "AUCTION":
        raise Refused(40002, "report_type: only BASIC reports of service_type AUCTION are open to this app")
    level = asked.get("data_level", "")
    if level not in LEVELS:
        raise Refused(40002, f"data_level: {level!r} is not one of {', '.join(LEVELS)}")
    key, column, attributes = LEVELS[level]
    dimensions, metrics = _list(asked, "dimensions"), _list(asked, "metrics")
    if key not in dimensions or set(dimensions) - {key, "stat_time_day"}:
        raise Refused(40002, f"dimensions: {dimensions} cannot be used with {level}")
    if bad := [m for m in metrics if m not in METRICS and m not in attributes]:
        raise Refused(40002, f"Invalid metric fields: {bad}")
    by_day = "stat_time_day" in dimensions
    start, end = _day(asked, "start_date"), _day(asked, "end_date")
    if start > end or (by_day and end - start >= timedelta(days=MAX_DAYS)):
        raise Refused(40002, f"start_date to end_date: max time span is {MAX_DAYS} days when stat_time_day is chosen")
    chosen = {
        key: f"min({column})",
        "stat_time_day": "strftime(date, '%Y-%m-%d 00:00:00')",
    }
    picked = {m: METRICS.get(m) or f"min({'ad_group_id' if m == 'adgroup_id' else m})" for m in metrics}
    sql = f"""with {FACTS}
        select {{{", ".join(f"'{d}': {chosen[d]}" for d in dimensions)}}} as dimensions,
               {{{", ".join(f"'{m}': {e}" for m, e in picked.items())}}} as metrics
        from facts where account_id = $account and date between $start and $end and date < $today {_status(asked, level)}
        group by {column}{", date" if by_day else ""} order by {column}{", date" if by_day else ""}"""
    values = {"account": asked["advertiser_id"], "start": start, "end": end, "today": desk.clock}
    return _page(desk, asked, sql, values)


def _status(asked: dict[str, str], level: str) -> str:
    """The report's filter on deleted things."""
    filters = {f.get("field_name"): f for f in _json(asked, "filtering", [])}
    if level not in REPORT_STATUS:
        if filters:
            raise Refused(40002, f"filtering: {next(iter(filters))} cannot be used with {level}")
        return ""
    field, table, column = REPORT_STATUS[level]
    if unknown := set(filters) - {field}:
        raise Refused(40002, f"filtering: {sorted(map(str, unknown))} cannot be used with {level}")
    wanted = json.loads(filters[field]["filter_value"]) if field in filters else ["STATUS_NOT_DELETE"]
    if wanted == ["STATUS_ALL"]:
        return ""
    if wanted != ["STATUS_NOT_DELETE"]:
        raise Refused(40002, f"filtering: {field} is one of STATUS_ALL, STATUS_NOT_DELETE")
    return (
        f"and {column} not in (select {column} from now.{table} where platform = 'tiktok_ads' and status = 'removed')"
    )


def _page(desk: Desk, asked: dict[str, str], sql: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        page, size = int(asked.get("page", 1)), int(asked.get("page_size", PAGE_SIZES["default"]))
    except ValueError:
        raise Refused(40002, "page, page_size: not a valid integer") from None
    if page < 1 or not 1 <= size <= PAGE_SIZES["max"]:
        raise Refused(40002, f"page_size: must be between 1 and {PAGE_SIZES['max']}")
    total = desk.rows(f"select count(*) as n from ({sql})", values)[0]["n"]
    rows = desk.rows(f"{sql} limit {size} offset {(page - 1) * size}", values)
    about = {"page": page, "page_size": size, "total_number": total, "total_page": math.ceil(total / size)}
    return {"list": rows, "page_info": about}


def _accounts(desk: Desk) -> list[dict[str, Any]]:
    return desk.rows("select account_id, account_name from now.ad_accounts where platform = 'tiktok_ads' order by 1")


def _permitted(desk: Desk, account: str) -> None:
    if account not in {r["account_id"] for r in _accounts(desk)}:
        raise Refused(40001, f"No permission to operate advertiser {account}.")


def _known(asked: Mapping[str, str], *names: str) -> None:
    if unknown := sorted(set(asked) - set(names)):
        raise Refused(40002, f"{unknown[0]}: unknown field")


def _fields(asked: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    wanted = _json(asked, "fields", list(known))
    if unknown := [f for f in wanted if f not in known]:
        raise Refused(40002, f"fields: invalid value {unknown[0]!r}")
    return {f: known[f] for f in wanted}


def _select(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} as {name}" for name, expression in fields.items())


def _json(asked: Mapping[str, str], name: str, default: Any) -> Any:
    try:
        value = json.loads(asked[name]) if name in asked else default
    except ValueError:
        value = None
    if not isinstance(value, type(default)):
        raise Refused(40002, f"{name}: not a valid JSON {'object' if isinstance(default, dict) else 'array'}")
    return value


def _list(asked: Mapping[str, str], name: str) -> list[str]:
    if not (value := _json(asked, name, [])):
        raise Refused(40002, f"{name}: Missing data for required field.")
    return [str(v) for v in value]


def _day(asked: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(asked.get(name, ""))
    except ValueError:
        raise Refused(40002, f"{name}: Not a valid date, expected YYYY-MM-DD") from None


VENDOR = Vendor("tiktok_ads", _routes, error, spoil, _environment)
