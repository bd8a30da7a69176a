"""What a query may ask of Google: which fields go together, ranges of dates, and conditions as SQL, or Google's refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from ingestion.sandbox.server.vendors.google_ads.fields import (
    BY_CONVERSION,
    CONVERSION_SEGMENTS,
    DELIVERY,
    FIELDS,
    Field,
    Resource,
)
from ingestion.sandbox.server.vendors.google_ads.gaql import Condition, Query, QueryFault

MAX_AGE_DAYS = 90  # of click_view and change_status
MAX_CHANGES = 10_000
_OPERATORS: dict[str, frozenset[str]] = {
    kind: frozenset(operators.split(","))
    for kind, operators in {
        "int": "=,!=,<,<=,>,>=,IN,NOT IN,BETWEEN,IS NULL,IS NOT NULL",
        "double": "=,!=,<,<=,>,>=,IN,NOT IN,BETWEEN,IS NULL,IS NOT NULL",
        "bool": "=,!=,IS NULL,IS NOT NULL",
        "date": "=,!=,<,<=,>,>=,IN,BETWEEN,DURING",
        "time": "=,!=,<,<=,>,>=,BETWEEN,DURING",
        "enum": "=,!=,IN,NOT IN,IS NULL,IS NOT NULL",
        "text": "=,!=,IN,NOT IN,LIKE,NOT LIKE,IS NULL,IS NOT NULL",
        "name": "=,!=,IN,NOT IN,IS NULL,IS NOT NULL",
        "texts": "IS NULL,IS NOT NULL",
    }.items()
}


def own_name(name: str) -> str:
    """clicks of metrics.clicks."""
    return name.split(".", 1)[1]


def sql_of(field: Field) -> str:
    """The field's value; a metric of a row without figures is 0."""
    return f"coalesce({field.sql}, 0)" if field.resource == "metrics" else f"({field.sql})"


def check_fields(query: Query, resource: Resource, is_manager: bool) -> None:
    """Raises QueryFault for a field that there is not, or that may not stand where it does or beside another."""
    clauses = {
        "SELECT": list(query.select),
        "WHERE": [c.field for c in query.where],
        "ORDER_BY": [name for name, _ in query.order_by],
    }
    every = [name for names in clauses.values() for name in names]
    if unknown := [n for n in every if n not in FIELDS]:
        names = ", ".join(f"'{n}'" for n in dict.fromkeys(unknown))
        raise QueryFault("UNRECOGNIZED_FIELD", f"Unrecognized fields in the query: {names}.")
    incompatible = (
        "Cannot select or filter on the following {}: '{}', since it is incompatible with the resource in FROM."
    )
    for clause, fields in clauses.items():
        where = "WHERE" if clause == "WHERE" else "SELECT"
        for name in fields:
            kind, own = name.split(".", 1)
            if kind == "metrics" and own not in resource.metrics:
                text = incompatible.format("metrics", name)
                raise QueryFault("PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE", text)
            if kind == "segments" and own not in resource.segments:
                text = incompatible.format("segments", name)
                raise QueryFault("PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE", text)
            if kind not in ("metrics", "segments", *resource.attributed):
                text = (
                    f"The following field may not be used in {where} clause: '{name}' with resource '{query.resource}'."
                )
                raise QueryFault(f"PROHIBITED_RESOURCE_TYPE_IN_{where}_CLAUSE", text)
    metrics = [n for n in every if n.startswith("metrics.")]
    if is_manager and metrics:
        text = (
            "Metrics cannot be requested for a manager account. To retrieve metrics, issue separate requests against each "
            "client account under the manager account."
        )
        raise QueryFault("REQUESTED_METRICS_FOR_MANAGER", text)
    late = {f"segments.{s}" for s in CONVERSION_SEGMENTS} & set(every)
    barred = [n for n in metrics if own_name(n) in DELIVERY] or (
        [n for n in metrics if own_name(n) in BY_CONVERSION] if "segments.conversion_lag_bucket" in late else []
    )
    if late and barred:
        text = f"Cannot select or filter on the following segments: '{min(late)}' (unsupported metrics: '{barred[0]}')"
        raise QueryFault("PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE", f"{text}.")
    for name in (*clauses["WHERE"], *clauses["ORDER_BY"]):
        if name.startswith("segments.") and name != "segments.date" and name not in query.select:
            text = f"The following field must be present in SELECT clause: '{name}'."
            raise QueryFault("EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE", text)
    for name in clauses["ORDER_BY"]:
        if name not in query.select and name.startswith(("segments.", "metrics.")):
            text = f"The following field must be present in SELECT clause: '{name}'."
            raise QueryFault("EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE", text)


def days_of(query: Query, clock: date) -> tuple[date | None, date | None]:
    """The first and last day that segments.date allows; None: no bound."""
    first, last = _bounds([c for c in query.where if c.field == "segments.date"], clock)
    if "segments.date" in query.select and query.resource != "click_view" and (first is None or last is None):
        text = "A finite date range must be given in WHERE when segments.date is selected."
        raise QueryFault("EXPECTED_FILTERS_ON_DATE_RANGE", text)
    return first, last


def _bounds(conditions: Iterable[Condition], clock: date) -> tuple[date | None, date | None]:
    first: date | None = None
    last: date | None = None
    for c in conditions:
        if c.operator not in _OPERATORS["date"] or c.operator in ("!=", "IN"):
            raise QueryFault("OPERATOR_FIELD_MISMATCH", f"Operator {c.operator} cannot be used with '{c.field}'.")
        if c.operator == "DURING":
            low, high = _during(c.values[0], clock)
        else:
            values = [_day(v) for v in c.values]
            low = (
                values[0] + timedelta(days=c.operator == ">") if c.operator in (">", ">=", "=", "BETWEEN") else date.min
            )
            high = (
                values[-1] - timedelta(days=c.operator == "<")
                if c.operator in ("<", "<=", "=", "BETWEEN")
                else date.max
            )
        first = max(first or date.min, low) if low > date.min else first
        last = min(last or date.max, high) if high < date.max else last
    return first, last


def _day(text: str) -> date:
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").date()
    except ValueError:
        raise QueryFault("INVALID_DATE_FORMAT", f"{text!r} is no date; expected yyyy-MM-dd.") from None


def _during(word: str, clock: date) -> tuple[date, date]:
    yesterday, month = clock - timedelta(days=1), clock.replace(day=1)
    ranges = {
        "TODAY": (clock, clock),
        "YESTERDAY": (yesterday, yesterday),
        **{f"LAST_{n}_DAYS": (clock - timedelta(days=n), yesterday) for n in (7, 14, 30)},
        "THIS_MONTH": (month, clock),
        "LAST_MONTH": ((month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)),
    }
    if word not in ranges:
        raise QueryFault("INVALID_VALUE_WITH_DURING_OPERATOR", f"{word} is no range of dates.")
    return ranges[word]


def check_special(query: Query, days: tuple[date | None, date | None], clock: date) -> None:
    """Raises QueryFault where click_view or change_status is asked for otherwise than these two want it."""
    oldest = clock - timedelta(days=MAX_AGE_DAYS)
    if query.resource == "click_view":
        if days[0] is None or days[0] != days[1]:
            text = "Queries including ClickView must have a filter limiting the results to one day."
            raise QueryFault("EXPECTED_FILTER_ON_A_SINGLE_DAY", text, "clickViewError")
        if days[0] < oldest:
            text = "Queries including ClickView cannot request data for dates more than 90 days before the request."
            raise QueryFault("DATE_TOO_OLD", text, "clickViewError")
    if query.resource == "change_status":
        changed = [c for c in query.where if c.field == "change_status.last_change_date_time"]
        first, last = _bounds(changed, clock)
        faults = {
            "LIMIT_NOT_SPECIFIED": (query.limit is None, "must specify a LIMIT"),
            "INVALID_LIMIT_CLAUSE": ((query.limit or 0) > MAX_CHANGES, "has a LIMIT above 10,000"),
            "CHANGE_DATE_RANGE_INFINITE": (
                first is None or last is None,
                "must specify a finite range filter on last_change_date_time",
            ),
            "CHANGE_DATE_RANGE_NEGATIVE": (bool(first and last and first > last), "starts after it ends"),
            "START_DATE_TOO_OLD": (bool(first and first < oldest), "starts more than 90 days ago"),
        }
        for code, (is_so, text) in faults.items():
            if is_so:
                raise QueryFault(code, f"The change_status search request {text}.", "changeStatusError")


def condition_sql(c: Condition, field: Field, clock: date) -> str:
    """A condition as SQL; every value is checked by the field's type and quoted."""
    if c.operator not in _OPERATORS[field.type]:
        text = f"Operator {c.operator} cannot be used with '{c.field}'."
        raise QueryFault("OPERATOR_FIELD_MISMATCH", text)
    if c.operator == "DURING":
        low, high = _during(c.values[0], clock)
        return f"left({sql_of(field)}, 10) between '{low}' and '{high}'"
    left = {"int": "{}::bigint", "double": "{}::double"}.get(field.type, "{}").format(sql_of(field))
    if c.operator.startswith("IS"):
        return f"{left} {c.operator.lower()}"
    values = [_literal(v, field) for v in c.values]
    if c.operator == "BETWEEN":
        return f"{left} between {values[0]} and {values[1]}"
    if c.operator.endswith("IN"):
        return f"{left} {c.operator.lower()} ({', '.join(values)})"
    if c.operator.endswith("LIKE"):
        return f"{left} {c.operator.lower().replace('like', 'ilike')} {values[0]}"
    return f"{left} {'is distinct from' if c.operator == '!=' else c.operator} {values[0]}"


def _literal(value: str, field: Field) -> str:
    if field.type in ("int", "double"):
        try:
            return str(int(value) if field.type == "int" else float(value))
        except ValueError:
            raise QueryFault("BAD_NUMBER", f"{value!r} is no number, which '{field.name}' wants.") from None
    if field.type == "bool":
        if value.upper() not in ("TRUE", "FALSE"):
            raise QueryFault("BAD_VALUE", f"{value!r} is neither TRUE nor FALSE.")
        return value.lower()
    if field.type == "enum" and value not in field.words:
        raise QueryFault("BAD_ENUM_CONSTANT", f"Enum value {value!r} is not known to '{field.name}'.")
    if field.type in ("date", "time"):
        _day(value)
    return quoted(value)


def quoted(value: Any) -> str:
    """A value as a literal of SQL."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
