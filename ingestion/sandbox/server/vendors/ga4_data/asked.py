"""A runReport body as Google reads it: members checked by name and shape, fields looked up, filters turned into SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ingestion.sandbox.server.vendors.ga4_data.fields import DIMENSIONS, METRICS

MAX_ROWS, DEFAULT_ROWS = 250_000, 10_000
MAX_DIMENSIONS, MAX_METRICS, MAX_RANGES = 9, 10, 4
_SEE = "For a list of valid dimensions and metrics, see https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema"
# What each message may hold: another message, a list of one ([..]), or a plain value (None).
_STRING_FILTER = {"matchType": None, "value": None, "caseSensitive": None}
_FILTER: dict[str, Any] = {
    "fieldName": None, "stringFilter": _STRING_FILTER, "inListFilter": {"values": [None], "caseSensitive": None},
    "numericFilter": {"operation": None, "value": {"int64Value": None, "doubleValue": None}}, "emptyFilter": {},
}  # fmt: skip
_EXPRESSION: dict[str, Any] = {"filter": _FILTER}
_EXPRESSION |= {
    "andGroup": {"expressions": [_EXPRESSION]}, "orGroup": {"expressions": [_EXPRESSION]}, "notExpression": _EXPRESSION,
}  # fmt: skip
_BODY: dict[str, Any] = {
    "property": None,
    "dateRanges": [{"startDate": None, "endDate": None, "name": None}],
    "dimensions": [{"name": None}],
    "metrics": [{"name": None}],
    "dimensionFilter": _EXPRESSION,
    "orderBys": [{"desc": None, "metric": {"metricName": None}, "dimension": {"dimensionName": None, "orderType": None}}],
    "limit": None, "offset": None, "keepEmptyRows": None, "returnPropertyQuota": None, "currencyCode": None,
}  # fmt: skip
# Members of the real API that this one cannot answer: refused by name, not ignored.
_NOT_SERVED = ("metricFilter", "metricAggregations", "cohortSpec", "comparisons", "dimensionExpression", "expression",
               "invisible", "pivot", "betweenFilter")  # fmt: skip
_MATCH = ("MATCH_TYPE_UNSPECIFIED", "EXACT", "BEGINS_WITH", "ENDS_WITH", "CONTAINS", "FULL_REGEXP", "PARTIAL_REGEXP")
_ORDER = ("ORDER_TYPE_UNSPECIFIED", "ALPHANUMERIC", "CASE_INSENSITIVE_ALPHANUMERIC", "NUMERIC")


class Refusal(Exception):
    """A call Google turns down: (HTTP status, message)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Asked:
    """A report that was asked for and can be answered."""

    ranges: list[tuple[str, date, date]]  # name, first and last day
    dimensions: list[str]
    metrics: list[str]
    where: str
    parameters: list[Any]
    order: list[str]
    limit: int
    offset: int
    keep_empty: bool
    wants_quota: bool
    by_event: bool  # whether the event's name is a dimension or filtered by
    filtered: set[str] = field(default_factory=set)

    @property
    def n_days(self) -> int:
        return sum((last - first).days + 1 for _, first, last in self.ranges)


def read(body: Any, property_id: str, today: date) -> Asked:
    """Raises Refusal, in Google's words."""
    _check(body, _BODY, "")
    if body.get("property") not in (None, "", f"properties/{property_id}"):
        raise Refusal(400, "The property of the body is another than that of the path.")
    dimensions = [d.get("name", "") for d in body.get("dimensions") or ()]
    metrics = [m.get("name", "") for m in body.get("metrics") or ()]
    for names, known, what, most in (
        (dimensions, DIMENSIONS, "dimension", MAX_DIMENSIONS),
        (metrics, METRICS, "metric", MAX_METRICS),
    ):
        if bad := [n for n in names if n not in known]:
            raise Refusal(400, f"Field {bad[0]} is not a valid {what}. {_SEE}")
        if len(names) > most:
            raise Refusal(400, f"Requests are limited to {most} {what}s within a nonpivoted report. This request is for "
                               f"{len(names)} {what}s.")  # fmt: skip
        if len(set(names)) < len(names):
            raise Refusal(400, f"Each {what} may be requested once.")
    if not metrics:
        raise Refusal(400, "A report must have at least one metric; dimensions alone are not served by the sandbox.")
    if body.get("currencyCode") not in (None, "", "NOK"):
        raise Refusal(400, "The sandbox gives amounts in the property's currency, NOK, only.")
    ranges = _ranges(body.get("dateRanges") or [], today)
    asked = Asked(
        ranges, dimensions, metrics, "true", [], [], _whole(body, "limit", DEFAULT_ROWS, 1),
        _whole(body, "offset", 0, 0), bool(body.get("keepEmptyRows")), bool(body.get("returnPropertyQuota")), False,
    )  # fmt: skip
    asked.limit = min(asked.limit, MAX_ROWS)  # no matter how many are asked for
    if expression := body.get("dimensionFilter"):
        asked.where = _where(expression, asked)
    asked.by_event = "eventName" in (*dimensions, *asked.filtered)
    asked.order = [_order(o, dimensions, metrics) for o in body.get("orderBys") or ()]
    return asked


def _check(value: Any, shape: Any, where: str) -> None:
    """Whether a JSON value has the shape; what the API knows and the sandbox does not answer is told apart."""
    at = f" at '{where}'" if where else ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise Refusal(400, f"Invalid JSON payload received.{at}: Expected a list.")
        for n, item in enumerate(value):
            _check(item, shape[0], f"{where}[{n}]")
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Refusal(400, f"Invalid JSON payload received.{at}: Expected an object.")
        for name, item in value.items():
            inner = f"{where}.{name}" if where else name
            if name in _NOT_SERVED:
                raise Refusal(400, f"The sandbox does not answer requests with '{inner}'.")
            if name not in shape:
                raise Refusal(400, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')
            _check(item, shape[name], inner)
    elif isinstance(value, dict | list):
        raise Refusal(400, f"Invalid value{at}: Starting an object on a scalar field.")


def _whole(body: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
        raise Refusal(400, f"Invalid value at '{name}' (TYPE_INT64), \"{value}\"")
    # proto3 does not tell 0 from a member that is not there
    if (number := int(value) or default) < least:
        raise Refusal(400, f"The {name} must be {'positive' if least else 'non-negative'}. This request has {number}.")
    return number


def _ranges(ranges: list[Any], today: date) -> list[tuple[str, date, date]]:
    if not ranges:
        raise Refusal(400, "A dateRange is required for all report requests.")
    if len(ranges) > MAX_RANGES:
        raise Refusal(
            400, f"Requests are limited to {MAX_RANGES} dateRanges. This request is for {len(ranges)} dateRanges."
        )
    found = []
    for n, one in enumerate(ranges):
        name = one.get("name") or f"date_range_{n}"
        if one.get("name") and re.match(r"(date_range_|RESERVED_)", name):
            raise Refusal(400, f"The date range name {name} begins with a reserved prefix.")
        first, last = _day(one.get("startDate"), "startDate", today), _day(one.get("endDate"), "endDate", today)
        if first > last:
            raise Refusal(400, f"Invalid dateRange: startDate {first} is after endDate {last}.")
        if first < date(2015, 8, 14):
            raise Refusal(400, f"Invalid dateRange: startDate {first} is before 2015-08-14.")
        found.append((name, first, last))
    return found


def _day(text: Any, name: str, today: date) -> date:
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    if ago := re.fullmatch(r"(\d+)daysAgo", str(text)):
        return today - timedelta(days=int(ago.group(1)))
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(text)):
            raise ValueError
        return date.fromisoformat(str(text))
    except ValueError:
        raise Refusal(
            400, f"Invalid {name} : {text}. The date should be formatted as YYYY-MM-DD, NdaysAgo, yesterday, or today."
        ) from None


def _word(value: Any, words: tuple[str, ...], name: str) -> str:
    """An enum by its name, or by its number as Google's own client writes it."""
    if isinstance(value, int) and 0 <= value < len(words):
        return words[value]
    if value in words:
        return str(value)
    raise Refusal(400, f"Invalid value at '{name}', \"{value}\"")


def _where(expression: Mapping[str, Any], asked: Asked) -> str:
    if len(expression) != 1:
        raise Refusal(400, "A FilterExpression must have exactly one of andGroup, orGroup, notExpression, filter.")
    if inner := expression.get("notExpression"):
        return f"not ({_where(inner, asked)})"
    for group, word in (("andGroup", " and "), ("orGroup", " or ")):
        if group in expression:
            parts = [_where(e, asked) for e in expression[group].get("expressions") or ()]
            if not parts:
                raise Refusal(400, f"The {group} has no expressions.")
            return f"({word.join(parts)})"
    return _filter(expression["filter"], asked)


def _filter(asks: Mapping[str, Any], asked: Asked) -> str:
    name = asks.get("fieldName", "")
    if name not in DIMENSIONS:
        raise Refusal(400, f"Field {name} is not a valid dimension. {_SEE}")
    kinds = set(asks) - {"fieldName"}
    if len(kinds) != 1 or not kinds <= {"stringFilter", "inListFilter"}:
        raise Refusal(400, f"Field {name} is a dimension: a Filter must have one of stringFilter, inListFilter.")
    asked.filtered.add(name)
    text = DIMENSIONS[name].sql
    what = asks.get("stringFilter") or asks.get("inListFilter") or {}
    fold = (lambda x: x) if what.get("caseSensitive") else (lambda x: f"lower({x})")
    if "inListFilter" in asks:
        if not what.get("values"):
            raise Refusal(400, "An inListFilter must have values.")
        asked.parameters += what["values"]
        return f"{fold(text)} in ({', '.join(fold('?') for _ in what['values'])})"
    match = _word(what.get("matchType", "EXACT"), _MATCH, "matchType")
    value = str(what.get("value", ""))
    asked.parameters.append(value)
    if match in ("FULL_REGEXP", "PARTIAL_REGEXP"):
        try:
            re.compile(value)
        except re.error:
            raise Refusal(400, f"The regular expression {value} is invalid.") from None
        how = "regexp_full_match" if match == "FULL_REGEXP" else "regexp_matches"
        return f"{how}({text}, ?, '{'c' if what.get('caseSensitive') else 'i'}')"
    function = {"BEGINS_WITH": "starts_with", "ENDS_WITH": "ends_with", "CONTAINS": "contains"}.get(match)
    return f"{function}({fold(text)}, {fold('?')})" if function else f"{fold(text)} = {fold('?')}"


def _order(asks: Mapping[str, Any], dimensions: list[str], metrics: list[str]) -> str:
    by_dimension, by_metric = asks.get("dimension") or {}, asks.get("metric") or {}
    name = by_dimension.get("dimensionName") or by_metric.get("metricName") or ""
    if name not in (dimensions if by_dimension else metrics):
        raise Refusal(400, f"The field {name} of orderBys is not in the request.")
    text = f'"{name}"'
    if by_dimension:
        kind = _word(by_dimension.get("orderType", "ALPHANUMERIC"), _ORDER, "orderType")
        text = {"NUMERIC": f"try_cast({text} as double)", "CASE_INSENSITIVE_ALPHANUMERIC": f"lower({text})"}.get(
            kind, text
        )
    return f"{text} {'desc' if asks.get('desc') else 'asc'}"
