"""A parsed query -> one SQL query on the desk's tables whose only column is the row's JSON. Refusals: conditions.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion.sandbox.server.vendors.google_ads.conditions import (
    check_fields,
    check_special,
    condition_sql,
    days_of,
    own_name,
    quoted,
    sql_of,
)
from ingestion.sandbox.server.vendors.google_ads.fields import (
    BY_CLICK,
    BY_CONVERSION,
    DELIVERY,
    FIELDS,
    GROUPS,
    LAG_BUCKETS,
    NAMES,
    RESOURCES,
    Field,
    Resource,
)
from ingestion.sandbox.server.vendors.google_ads.gaql import Query, QueryFault


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
    check_fields(query, resource, account["manager"])
    days = days_of(query, clock)
    check_special(query, days, clock)
    used = [FIELDS[n] for n in (*query.select, *(c.field for c in query.where), *(f for f, _ in query.order_by))]
    metrics = [n for n in dict.fromkeys(own_name(f.name) for f in used if f.resource == "metrics")]
    segments = [n for n in dict.fromkeys(own_name(n) for n in query.select if n.startswith("segments."))]
    # one row of constants: planning a query takes longer than most queries
    columns = ", ".join(f"{quoted(value)} as {name}" for name, value in account.items())
    tables = f"from (select {columns}) a {resource.tables}"
    if query.resource in ("search_term_view", "click_view") or metrics or segments:
        how = "join" if segments or query.resource in ("search_term_view", "click_view") else "left join"
        tables += f" {how} ({_figures(query.resource, resource, account['account_id'], metrics, segments, days)}) f on {resource.join}"
        tables += _details(query.resource, segments, any("k." in f.sql for f in used))
    conditions = [resource.condition]
    conditions += [condition_sql(c, FIELDS[c.field], clock) for c in query.where if c.field != "segments.date"]
    order = [f"{sql_of(FIELDS[name])} {'desc' if down else 'asc'}" for name, down in query.order_by]
    row = _json(_tree(query))
    distinct = "distinct " if query.resource == "campaign_budget" else ""
    sql = f"select {distinct}{row} as row_text {tables} where {' and '.join(conditions)}"
    if order:
        sql += f" order by {', '.join(order)}"
    if query.limit:
        sql += f" limit {query.limit}"
    mask = ",".join(".".join(_camel(p) for p in name.split(".")) for name in query.select)
    return Report(sql.replace("$clock", f"date '{clock}'"), mask)


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
    value = sql_of(field)
    label = f'"{_camel(key)}":'
    if field.type in ("text", "texts"):
        return f"'{label}' || to_json({value})"
    if field.type in ("double", "bool"):
        return f"'{label}' || {value}::{field.type}"
    return f"'{label}\"' || {value} || '\"'"
