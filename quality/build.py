"""YAML -> Great Expectations: turns the checks of a suite into expectations, or answers them where nothing need run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from statistics import median
from typing import Any

from ingestion.spec import VALID_FROM, Column, Table
from quality.engine import great_expectations
from quality.suites import OF_THE_SPEC, Check

NO_HISTORY = "no history yet"
# dlt adds these to rows that come as dicts and leaves them out of Arrow; they are never ours.
_DLT_COLUMNS = ("_dlt_id", "_dlt_load_id")


@dataclass(frozen=True)
class Planned:
    """A check ready to run (`expectation`, and `sql` where it selects rows), or passed already (`answer`)."""

    check: Check
    expected: str
    expectation: Any | None = None
    sql: str | None = None  # a select with {batch}; None unless the check is one
    failing: str | None = None  # a select with {batch} of its failing rows, where GE cannot say them
    answer: str | None = None
    note: str = ""  # said after what was observed

    @property
    def by_rows(self) -> bool:
        """Whether it fails by rows that can be shown; else it observes one value of the table."""
        return self.sql is not None or self.check.known.family == "rows"


@dataclass(frozen=True)
class Facts:
    """What checks are measured against: the night, the table's spec (contracts), row counts of earlier nights (marts)."""

    as_of: date
    spec: Table | None = None
    history: Sequence[int] = ()  # newest first, nights before as_of only


def plan(checks: Sequence[Check], facts: Facts) -> list[Planned]:
    """The checks in their order. Raises what GE raises on arguments it cannot take."""
    return [_plan(check, facts) for check in checks]


def _plan(check: Check, facts: Facts) -> Planned:
    args = {k: facts.as_of if v == "{as_of}" else v for k, v in check.args.items()}
    if check.expectation == "row_count_within_history":
        return _volume(check, args, facts)
    if check.expectation in OF_THE_SPEC and facts.spec is None:
        raise ValueError(f"check {check.id}: {check.expectation} needs the table's spec")
    if check.expectation == "row_key_unique" and facts.spec:
        key = [c for c in facts.spec.row_key if c != VALID_FROM]  # a package holds one version of a thing
        return _sql(check, duplicates_sql({"column_list": key}), f"({', '.join(key)}) is unique")
    if check.expectation == "columns_match_spec" and facts.spec:
        return _sql(
            check,
            columns_sql(facts.spec),
            f"the {len(stored(facts.spec))} columns of the spec, with their types",
        )
    if check.known.family == "sql":
        sql = str(args["sql"]).strip().rstrip(";").replace("{as_of}", f"date '{facts.as_of.isoformat()}'")
        return _sql(check, sql, "no such row")
    expected = describe(check.expectation, args)
    if check.expectation == "compound_columns_to_be_unique":
        return Planned(check, expected, _expectation(check, **args), failing=duplicates_sql(args))
    return Planned(check, expected, _expectation(check, **args))


def _sql(check: Check, sql: str, expected: str) -> Planned:
    gx = great_expectations()
    expectation = gx.expectations.UnexpectedRowsExpectation(unexpected_rows_query=sql, meta={"check": check.id})
    return Planned(check, expected, expectation, sql)


def _expectation(check: Check, **args: Any) -> Any:
    assert check.known.ge_class is not None
    return getattr(great_expectations().expectations, check.known.ge_class)(**args, meta={"check": check.id})


def duplicates_sql(args: Mapping[str, Any]) -> str:
    """The rows that share their values in some columns; GE's own query for them (1.24) has an unbound parameter."""
    columns = [f'"{c}"' for c in args["column_list"]]
    join = {"any_value_is_missing": " or ", "never": None}.get(args.get("ignore_row_if", ""), " and ")
    ignored = f"not ({join.join(f'{c} is null' for c in columns)})" if join else "true"
    return f"select * from {{batch}} where {ignored} qualify count(*) over (partition by {', '.join(columns)}) > 1"


def _volume(check: Check, args: Mapping[str, Any], facts: Facts) -> Planned:
    """Row count against the median of the nights before: a median, so that one odd night does not move the bar."""
    nights = facts.history[: int(args["nights"])]
    low, high = args.get("min_share"), args.get("max_share")
    shares = " and ".join(
        text for share, text in ((low, f"at least {low} x"), (high, f"at most {high} x")) if share is not None
    )
    expected = f"{shares} the median of the last {args['nights']} nights"
    if len(nights) < int(args["min_nights"]):
        answer = f"{NO_HISTORY} ({len(nights)} of {args['min_nights']} nights)"
        return Planned(check, expected, answer=answer)
    usual = median(nights)
    expectation = great_expectations().expectations.ExpectTableRowCountToBeBetween(
        min_value=None if low is None else ceil(usual * low),
        max_value=None if high is None else floor(usual * high),
        meta={"check": check.id},
    )
    return Planned(check, expected, expectation, note=f"median of {len(nights)} nights: {usual:g}")


def columns_sql(table: Table) -> str:
    """A select of what is wrong with a table's columns: one row a column missing, extra or of another type.

    Widths may differ (a package's decimals and integers are as narrow as its rows), kinds may not.
    """
    wanted = ", ".join(f"('{c.name}', '{_kind(c.duckdb_type())}')" for c in stored(table))
    ours = ", ".join(f"'{c}'" for c in _DLT_COLUMNS)
    return f"""
        select
            coalesce(w.name, o.column_name) as "column",
            coalesce(w.kind, 'no such column') as expected,
            coalesce(o.column_type, 'missing') as observed
        from (values {wanted}) as w (name, kind)
        full join (select column_name, column_type from (describe select * from {{batch}})) as o
            on w.name = o.column_name
        where (w.name is null and o.column_name not in ({ours}))
            or o.column_name is null
            or (w.kind is not null and not regexp_matches(o.column_type, w.kind))
    """.strip()


def stored(table: Table) -> tuple[Column, ...]:
    """The columns that reach raw: a mark that tells dlt to delete rows is not one."""
    return tuple(c for c in table.columns if not c.hard_delete)


def _kind(duckdb_type: str) -> str:
    """The pattern a column's type must match."""
    kinds = {
        "JSON": "^(JSON|VARCHAR)$",
        "BIGINT": "^U?(BIG|SMALL|TINY)?INT(EGER)?$",
        "DOUBLE": "^(DOUBLE|FLOAT)$",
    }
    if duckdb_type.startswith("DECIMAL"):
        return "^DECIMAL"
    return kinds.get(duckdb_type) or f"^{duckdb_type}$"


def describe(expectation: str, args: Mapping[str, Any]) -> str:
    """What a check expects, for people."""
    column = args.get("column", "")
    bounds = _bounds(args)
    most = f" in {100 * float(args['mostly']):g} % of rows" if "mostly" in args else ""
    texts = {
        "column_values_to_not_be_null": f"{column} is never null",
        "column_values_to_be_unique": f"{column} is unique",
        "column_values_to_be_between": f"{column} {bounds}",
        "column_values_to_be_in_set": f"{column} in {', '.join(str(v) for v in args.get('value_set', ()))}",
        "column_value_lengths_to_be_between": f"length of {column} {bounds}",
        "column_pair_values_a_to_be_greater_than_b": (
            f"{args.get('column_A')} {'>=' if args.get('or_equal') else '>'} {args.get('column_B')}"
        ),
        "compound_columns_to_be_unique": f"({', '.join(args.get('column_list', ()))}) is unique",
        "column_sum_to_be_between": f"sum of {column} {bounds}",
        "column_max_to_be_between": f"largest {column} {bounds}",
        "column_min_to_be_between": f"smallest {column} {bounds}",
        "column_unique_value_count_to_be_between": f"number of different {column} {bounds}",
        "table_row_count_to_be_between": f"number of rows {bounds}",
        "table_columns_to_match_set": f"columns: {', '.join(args.get('column_set', ()))}",
    }
    return texts.get(expectation, expectation) + most


def _bounds(args: Mapping[str, Any]) -> str:
    low, high = args.get("min_value"), args.get("max_value")
    if low is not None and high is not None:
        return f"between {low} and {high}"
    if low is not None:
        return f"{'more than' if args.get('strict_min') else 'at least'} {low}"
    return f"{'less than' if args.get('strict_max') else 'at most'} {high}"
