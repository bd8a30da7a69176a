"""A parsed query -> one SQL query on the desk's tables whose only column is the row's JSON, or Google's refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ingestion.sandbox.server.vendors.google_ads.fields import (
    BY_CLICK,
    BY_CONVERSION,
    CONVERSION_SEGMENTS,
    DELIVERY,
    FIELDS,
    GROUPS,
    LAG_BUCKETS,
    NAMES,
    RESOURCES,
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


@dataclass(frozen=True)
class Report:
    """`sql` gives one text a row; `field_mask` names the selected fields as JSON does."""

    sql: str
    field_mask: str


def compile_query(query: Query, account: Mapping[str, Any], clock: date) -> Report:
    """What to run for an account (a row of fields.ACCOUNTS) at the start of the day `clock`. Raises QueryFault."""
    resource = RESOURCES.get(query.resource)
    if resource is None:
        raise QueryFault("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"{query.resource} is no resource.")
    _check(query, resource, account["manager"])
    days = _dates(query, clock)
    _check_special(query, days, clock)
    used = [FIELDS[n] for n in (*query.select, *(c.field for c in query.where), *(f for f, _ in query.order_by))]
    metrics = [n for n in dict.fromkeys(_own(f.name) for f in used if f.resource == "metrics")]
    segments = [n for n in dict.fromkeys(_own(n) for n in query.select if n.startswith("segments."))]
    # one row of constants: planning a query takes longer than most queries
    columns = ", ".join(f"{_quoted(value)} as {name}" for name, value in account.items())
    tables = f"from (select {columns}) a {resource.tables}"
    if query.resource in ("search_term_view", "click_view") or metrics or segments:
        how = "join" if segments or query.resource in ("search_term_view", "click_view") else "left join"
        tables += f" {how} ({_figures(query.resource, resource, account['account_id'], metrics, segments, days)}) f on {resource.join}"
        tables += _details(query.resource, segments, any("k." in f.sql for f in used))
    conditions = [resource.condition]
    conditions += [_condition(c, FIELDS[c.field], clock) for c in query.where if c.field != "segments.date"]
    order = [f"{_sql(FIELDS[name])} {'desc' if down else 'asc'}" for name, down in query.order_by]
    row = _json(_tree(query))
    distinct = "distinct " if query.resource == "campaign_budget" else ""
    sql = f"select {distinct}{row} as row_text {tables} where {' and '.join(conditions)}"
    if order:
        sql += f" order by {', '.join(order)}"
    if query.limit:
        sql += f" limit {query.limit}"
    mask = ",".join(".".join(_camel(p) for p in name.split(".")) for name in query.select)
    return Report(sql.replace("$clock", f"date '{clock}'"), mask)


def _own(name: str) -> str:
    return name.split(".", 1)[1]


def _sql(field: Field) -> str:
    return f"coalesce({field.sql}, 0)" if field.resource == "metrics" else f"({field.sql})"


# --- what may be asked -------------------------------------------------------------------------------------------


def _check(query: Query, resource: Resource, is_manager: bool) -> None:
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
    barred = [n for n in metrics if _own(n) in DELIVERY] or (
        [n for n in metrics if _own(n) in BY_CONVERSION] if "segments.conversion_lag_bucket" in late else []
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


def _dates(query: Query, clock: date) -> tuple[date | None, date | None]:
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


def _check_special(query: Query, days: tuple[date | None, date | None], clock: date) -> None:
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


def _condition(c: Condition, field: Field, clock: date) -> str:
    """A condition as SQL; every value is checked by the field's type and quoted."""
    if c.operator not in _OPERATORS[field.type]:
        text = f"Operator {c.operator} cannot be used with '{c.field}'."
        raise QueryFault("OPERATOR_FIELD_MISMATCH", text)
    if c.operator == "DURING":
        low, high = _during(c.values[0], clock)
        return f"left({_sql(field)}, 10) between '{low}' and '{high}'"
    left = {"int": "{}::bigint", "double": "{}::double"}.get(field.type, "{}").format(_sql(field))
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
    return _quoted(value)


def _quoted(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


# --- figures -----------------------------------------------------------------------------------------------------

_PRIMARY = "p.is_primary and q.kind = 'click'"
_CLICK = "q.kind = 'click'"
_CREDIT = {
    "conversions": (_PRIMARY, "credit"),
    "conversions_value": (_PRIMARY, "value_micros"),
    "all_conversions": (_CLICK, "credit"),
    "all_conversions_value": (_CLICK, "value_micros"),
    "view_through_conversions": ("q.kind = 'view'", "1"),
}


def _aggregate(metric: str) -> str:
    if metric in (*DELIVERY, "view_through_conversions"):
        return f"coalesce(sum({metric}), 0)::bigint"
    return f"coalesce(sum({metric}), 0) / 1e6" if "value" in metric else f"round(coalesce(sum({metric}), 0), 6)"


def _figures(
    name: str,
    resource: Resource,
    account: str,
    metrics: list[str],
    segments: list[str],
    days: tuple[date | None, date | None],
) -> str:
    """Metrics by the resource's key and the segments; cells in which nothing happened are left out."""
    mine = f"platform = 'google_ads' and account_id = '{account}'"
    within = f"date between '{days[0] or date.min}' and '{days[1] or date.max}'"
    if name == "click_view":
        return f"select *, 1 as clicks from now.ad_clicks where {mine} and {within}"
    groups = list(dict.fromkeys([*(resource.keys or ()), *(GROUPS[s] for s in segments)]))
    wanted = metrics or ["impressions", "clicks"]
    is_terms = name == "search_term_view"
    if is_terms and "keyword_id" not in groups:
        groups.append("keyword_id")  # Google never adds up over keywords here
    columns = [g for g in dict.fromkeys(["date", *groups]) if g not in ("date", "action_id", "lag")]
    branches = []
    if own := [m for m in wanted if m in DELIVERY]:
        table = "now.ad_search_terms" if is_terms else "now.ad_delivery"
        branches.append(f"select {', '.join(['date', *columns, *own])} from {table} where {mine}")
    for by, day in ((BY_CLICK, "touch_date"), (BY_CONVERSION, "conversion_date")):
        if own := [m for m in wanted if m in by]:
            branches.append(_credits(own, day, columns, groups, mine, within if is_terms else ""))
    keys = ", ".join(groups)
    sums = ", ".join(f"{_aggregate(m)} as {m}" for m in wanted)
    known = " and ".join(f"{k} is not null" for k in resource.keys or ()) or "true"
    alive = " or ".join(f"sum({m}) <> 0" for m in wanted)
    return (
        f"select {keys + ', ' if keys else ''}{sums} from ({' union all by name '.join(branches)}) "
        f"where {within} and {known} {'group by ' + keys if keys else ''} having {alive}"
    )


def _credits(metrics: list[str], day: str, columns: list[str], groups: list[str], mine: str, shown: str) -> str:
    n_days = "q.conversion_date - q.touch_date"
    lag = " ".join(f"when {n_days} < {end} then '{name}'" for name, _, end in LAG_BUCKETS)
    special = {"lag": f"case {lag} end as lag", "action_id": "q.action_id", "search_term": "t.search_term"}
    special["match_type"] = "t.match_type"
    picked = [
        f"q.{day} as date",
        *(special.get(c, f"q.{c}") for c in dict.fromkeys([*columns, *groups]) if c != "date"),
    ]
    for m in metrics:
        condition, value = _CREDIT[m.replace("_by_conversion_date", "")]
        picked.append(
            f"case when {condition} then q.{value} end as {m}" if value != "1" else f"({condition})::int as {m}"
        )
    sql = f"""select {", ".join(picked)} from (select * from now.ad_conversions where {mine}) q
        join now.ad_conversion_actions p on p.platform = q.platform and p.account_id = q.account_id
            and p.action_id = q.action_id"""
    if shown:  # a conversion shows with its search, where the search is shown
        sql += f""" join now.ad_clicks l on l.click_id = q.click_id
            join (select distinct date, ad_group_id, keyword_id, search_term, match_type from now.ad_search_terms
                where {mine} and {shown}) t
            on t.date = l.date and t.ad_group_id = l.ad_group_id and t.keyword_id = l.keyword_id
                and t.search_term = l.search_term"""
    return sql


def _details(name: str, segments: list[str], of_keywords: bool) -> str:
    """Tables that figures lead to."""
    joins = ""
    if name == "click_view":
        joins += " join now.ad_campaigns c on c.platform = f.platform and c.campaign_id = f.campaign_id"
        joins += " left join now.ad_groups g on g.platform = f.platform and g.ad_group_id = f.ad_group_id"
    if name in ("click_view", "search_term_view") and of_keywords:
        joins += """ left join now.ad_keywords k on k.platform = 'google_ads' and k.ad_group_id = f.ad_group_id
            and k.keyword_id = f.keyword_id"""
    if any(s.startswith("conversion_action") for s in segments):
        joins += """ join now.ad_conversion_actions x on x.platform = 'google_ads' and x.account_id = a.account_id
            and x.action_id = f.action_id"""
    return joins


# --- the row -----------------------------------------------------------------------------------------------------


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _tree(query: Query) -> dict[str, Any]:
    """The selected fields as nested messages, each resource with its name."""
    tree: dict[str, Any] = {}
    named = [query.resource, *(n.split(".")[0] for n in query.select)]
    named += ["ad_group_ad.ad"] if any(n.startswith("ad_group_ad.ad.") for n in query.select) else []
    fields = [Field(f"{r}.resource_name", "name", NAMES[r]) for r in dict.fromkeys(named) if r in NAMES]
    for field in (*fields, *(FIELDS[n] for n in query.select)):
        *parents, leaf = field.name.split(".")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = field
    return tree


def _json(tree: dict[str, Any], key: str = "") -> str:
    """SQL for the JSON of a message; what is null is left out, as Google does."""
    members = ", ".join(_json(v, k) if isinstance(v, dict) else _member(k, v) for k, v in tree.items())
    if not key:
        return f"'{{' || concat_ws(',', {members}) || '}}'"
    return f"'\"{_camel(key)}\":{{' || nullif(concat_ws(',', {members}), '') || '}}'"


def _member(key: str, field: Field) -> str:
    value = _sql(field)
    label = f'"{_camel(key)}":'
    if field.type in ("text", "texts"):
        return f"'{label}' || to_json({value})"
    if field.type in ("double", "bool"):
        return f"'{label}' || {value}::{field.type}"
    return f"'{label}\"' || {value} || '\"'"
