"""Nested events -> the columns of raw, as SQL for DuckDB. Knows shapes and parameters; files and nights are others' matter.

Days are looked at first (`examine`): their shape, what their parameters hold, twins, what cannot be read. What they do not
have is then not asked of each event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from ingestion.sources.files.problems import FileProblem
from ingestion.sources.ga4_export.tables import EVENTS, FIELDS, IDENTITY, PARAMS, Wire

if TYPE_CHECKING:
    import duckdb

READER_VERSION = 1  # raise it when the same files would be read to other rows: all days are loaded anew
MAX_REJECT_SHARE = 0.05  # above this share of unreadable events a day is refused ...
MIN_REJECTS = 20  # ... if there are at least so many: one odd event of a quiet day is no broken export
SHOWN_REJECTS = 1000  # rejects kept of one day

_INTS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_ACCEPTED: dict[Wire, frozenset[str]] = {
    "text": frozenset({"VARCHAR"}) | _INTS,
    "int": _INTS,
    "number": _INTS | {"DOUBLE", "FLOAT", "DECIMAL"},
    "bool": frozenset({"BOOLEAN"}),
}
_PARAMS_SHAPE = (
    "a list of {key: text, value: {string_value: text, int_value: int, float_value: number, double_value: number}}"
)
_VALUES: dict[str, Wire] = {
    "string_value": "text",
    "int_value": "int",
    "float_value": "number",
    "double_value": "number",
}
_TYPED = {p.key: p for p in PARAMS}
_JSON_TYPES: dict[Wire, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "number": "DOUBLE",
    "bool": "BOOLEAN",
    "json": "JSON",
}
_DECIMAL = "decimal(18, 6)"
_NULL = re.compile(r"null(::\w+(\(18, 6\))?)?")


@dataclass(frozen=True)
class Scan:
    """Files that a table function of DuckDB reads, all with the export's columns, nested as there.

    `options`: of the function, as SQL. Another connection of the same database may scan them too.
    """

    reader: Literal["read_parquet", "read_json", "read_avro"]
    paths: tuple[str, ...]
    options: str = ""

    def sql(self, filename: str = "") -> str:
        """The table expression; `filename`: a column for the file of each row."""
        options = [self.options] if self.options else []
        options += [f"filename = {_quoted(filename)}"] if filename else []
        files = f"[{', '.join(map(_quoted, self.paths))}]"
        return f"{self.reader}({', '.join([files, *options])})"


@dataclass(frozen=True)
class Reject:
    """Something of an event that could not be read. `text`: the event, or the value, as it came."""

    column: str
    reason: str
    text: str


@dataclass(frozen=True)
class Counts:
    """One day's events: those that raw gets, those kept aside, and when the first and last of raw's were."""

    n_events: int = 0
    n_rejected: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True)
class Examined:
    """What `examine` found. `select`: the rows of raw's `events`, without columns that hold nothing."""

    select: str
    days: dict[date, Counts]
    unreadable: dict[str, int]  # values by parameter; their events stay
    rejects: list[Reject]

    @property
    def is_clean(self) -> bool:
        return not self.unreadable and not self.rejects


def json_columns() -> dict[str, str]:
    """name -> DuckDB type of the export's columns that are read, for files of JSON."""
    tree: dict[str, Any] = {"event_date": "VARCHAR", "event_timestamp": "BIGINT"}
    for f in FIELDS:
        *parents, leaf = f.path.split(".")
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = _JSON_TYPES[f.wire]
    value = {name: _JSON_TYPES[wire] for name, wire in _VALUES.items()}

    def shape(node: Any) -> str:
        return node if isinstance(node, str) else f"STRUCT({', '.join(f'{k} {shape(v)}' for k, v in node.items())})"

    return {k: shape(v) for k, v in tree.items()} | {"event_params": shape({"key": "VARCHAR", "value": value}) + "[]"}


def dated(scans: Mapping[date, Scan]) -> str:
    """One table expression over the events of several days of the same shape, with the day beside each event."""
    first = next(iter(scans.values()))
    if any((s.reader, s.options) != (first.reader, first.options) for s in scans.values()):
        parts = (f"select *, date '{d}' as _day from {s.sql()}" for d, s in scans.items())
        return f"(select *, strftime(_day, '%Y%m%d') as _day_text from ({' union all '.join(parts)}))"
    # one scan of all files: a union all of thirty costs as much again as reading them
    days = " ".join(f"when {_quoted(path)} then date '{d}'" for d, s in scans.items() for path in s.paths)
    whole = replace(first, paths=tuple(path for s in scans.values() for path in s.paths))
    named = f"(select *, case _file {days} end as _day from {whole.sql(filename='_file')})"
    return f"(select * exclude (_file), strftime(_day, '%Y%m%d') as _day_text from {named})"


def shape(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, Any]:
    """column -> DuckDB type."""
    described = con.sql(f"select * from {relation}")
    return dict(zip(described.columns, described.types, strict=True))


def examine(con: duckdb.DuckDBPyConnection, scans: Mapping[date, Scan], is_intraday: bool) -> Examined:
    """Look at days of the same shape. Raises FileProblem where they are no event export."""
    relation = dated(scans)
    exprs = _expressions(shape(con, relation), _empty(con, scans))
    bad = _bad(exprs)
    identity = ", ".join(exprs[c] for c in IDENTITY)
    is_other = f"{exprs['event_date']} is distinct from e._day_text"
    rows = con.execute(
        f"""select _day, count(*), count(distinct hash({identity})), count({bad}), any_value({bad}), count(*) filter ({is_other}),
                any_value({exprs["event_date"]}) filter ({is_other}),
                min(event_timestamp) filter (({bad}) is null), max(event_timestamp) filter (({bad}) is null)
            from {relation} as e group by _day"""
    ).fetchall()
    days = dict.fromkeys(scans, Counts())
    has_twins = False
    for day, n, n_different, n_bad, reason, n_other, other, first_us, last_us in rows:
        if n_other:
            raise FileProblem(f"{n_other:,} of {n:,} events have event_date {other!r}; expected {day:%Y%m%d}")
        if n_bad > MAX_REJECT_SHARE * n and n_bad >= MIN_REJECTS:
            raise FileProblem(f"{n_bad:,} of {n:,} events cannot be read ({n_bad / n:.1%}); one of them: {reason}")
        has_twins |= n_different < n
        days[day] = Counts(n - n_bad, n_bad, _moment(first_us), _moment(last_us))
    held, unreadable = _profile(con, relation)
    if rows and not held:
        raise FileProblem(f"no event has event_params; expected {_PARAMS_SHAPE}")
    n_bad = sum(c.n_rejected for c in days.values())
    twins = f"(select hash({identity}) from {relation} as e group by all having count(*) > 1)" if has_twins else ""
    select = _select(relation, exprs, held, unreadable, bad if n_bad else "", twins, is_intraday)
    return Examined(select, days, unreadable, _rejects(con, relation, bad, n_bad, unreadable))


def _empty(con: duckdb.DuckDBPyConnection, scans: Mapping[date, Scan]) -> frozenset[str]:
    """Paths of fields that hold nothing on any of the days, as far as the files' own statistics tell."""
    if any(s.reader != "read_parquet" for s in scans.values()):
        return frozenset()
    files = ", ".join(_quoted(path) for s in scans.values() for path in s.paths)
    rows = con.execute(
        f"""select replace(path_in_schema, ', ', '.') from parquet_metadata([{files}])
            group by path_in_schema having sum(coalesce(stats_null_count, 0)) = sum(num_values)"""
    ).fetchall()
    return frozenset(path for (path,) in rows)


def _expressions(types: dict[str, Any], empty: frozenset[str]) -> dict[str, str]:
    """path -> SQL of each field, null where the export does not have it. Raises FileProblem for another shape."""
    found = {}
    own = [("event_date", "text", True), ("event_timestamp", "int", True)]
    for path, wire, required in [
        *own,
        *((f.path, f.wire, f.required) for f in FIELDS),
        *((c, "int", False) for c in IDENTITY),
    ]:
        if path not in found:
            expression = _expression(types, path, wire, required)  # type: ignore[arg-type]
            found[path] = _null(wire) if path in empty else expression  # type: ignore[arg-type]
    kind = types.get("event_params")
    if kind is None:
        raise FileProblem(f"there is no column event_params; expected {_PARAMS_SHAPE}")
    parts = _parts(kind.children[0][1]) if kind.id == "list" else {}
    values = _parts(parts.get("value"))
    if not parts or set(parts) != {"key", "value"} or str(parts["key"]) != "VARCHAR":
        raise FileProblem(f"event_params is {str(kind)[:200]}; expected {_PARAMS_SHAPE}")
    for name, wire in _VALUES.items():
        if name not in values or _simple(values[name]) not in _ACCEPTED[wire]:
            raise FileProblem(f"event_params.value is {str(parts['value'])[:200]}; expected {_PARAMS_SHAPE}")
    return found


def _expression(types: dict[str, Any], path: str, wire: Wire, required: bool) -> str:
    *parents, leaf = path.split(".")
    node, walked = types, []
    for name in parents:
        kind = node.get(name)
        if kind is None:
            return _null(wire)
        walked.append(name)
        node = _parts(kind)
        if not node:
            raise FileProblem(f"{'.'.join(walked)} is {str(kind)[:100]}; expected a record with {leaf}")
    kind = node.get(leaf)
    if kind is None:
        if required:
            raise FileProblem(f"there is no column {path}; is this an event export of GA4?")
        return _null(wire)
    expr = ".".join(f'"{name}"' for name in ("e", *walked, leaf))
    if wire == "json":
        if kind.id == "list":  # to_json is dear, and most events have none
            return f"case when len({expr}) > 0 then to_json({expr})::varchar end"
        return f"nullif({expr}::json::varchar, '[]')"
    if str(kind) in ('"NULL"', "NULL"):
        return _null(wire)
    if _simple(kind) not in _ACCEPTED[wire]:
        raise FileProblem(f"{path} is {str(kind)[:100]}; expected {wire}")
    return f"{expr}::varchar" if wire == "text" and str(kind) != "VARCHAR" else expr


def _null(wire: Wire) -> str:
    return {"int": "null::bigint", "number": f"null::{_DECIMAL}", "bool": "null::boolean"}.get(wire, "null::varchar")


def _parts(kind: Any) -> dict[str, Any]:
    """name -> type of a record's fields; {} for what is none."""
    return dict(kind.children) if kind is not None and kind.id == "struct" else {}


def _simple(kind: Any) -> str:
    return str(kind).split("(")[0]


def _bad(exprs: dict[str, str]) -> str:
    """SQL of what is wrong with an event as a whole, null when nothing is."""
    first = int(datetime(2005, 11, 14, tzinfo=UTC).timestamp()) * 1_000_000
    # the day's end in the westernmost time zone: nothing is logged after it
    end = f"((e._day - date '1970-01-01') * 24 + {24 + 12}) * {3_600_000_000}"
    return f"""case
        when e.event_timestamp is null then 'event_timestamp is missing'
        when e.event_timestamp >= {end} then 'event_timestamp lies in the future of its day'
        when e.event_timestamp < {first} then 'event_timestamp is older than Google Analytics; is it in microseconds?'
        when coalesce({exprs["event_name"]}, '') = '' then 'event_name is missing'
        when {exprs["privacy_info.analytics_storage"]} = 'Yes' and coalesce({exprs["user_pseudo_id"]}, '') = ''
            then 'user_pseudo_id is missing though analytics_storage is Yes'
        end"""


def _typed(name: str, value: str, holds: frozenset[str] = frozenset(_VALUES)) -> str:
    """SQL of a parameter's value as its column has it; null where it cannot be read.

    `value`: SQL of one of its fields, with {} for the field's name. `holds`: the fields that have values at all.
    """
    kind = _TYPED[name].type
    text, whole = value.format("string_value"), value.format("int_value")
    numbers = [value.format(f) for f in ("double_value", "float_value") if f in holds]
    options: list[str] = []
    if kind == "text":
        options += [text] if "string_value" in holds else []
        options += [f"{whole}::varchar"] if "int_value" in holds else []
        options += [  # an id that came as a number: 13085.0 is 13085
            f"case when {n} = trunc({n}) then coalesce(try_cast({n} as hugeint)::varchar, {n}::varchar) else {n}::varchar end"
            for n in numbers
        ]
    elif kind == "bigint":
        options += [whole] if "int_value" in holds else []
        if "string_value" in holds:  # a cast alone would round 1.5
            exact = f"try_cast({text} as decimal(38, 6))"
            options.append(
                f"case when not contains({text}, '.') then try_cast({text} as bigint) "
                f"when {exact} = trunc({exact}) then {exact}::bigint end"
            )
        options += [f"case when {n} = trunc({n}) then try_cast({n} as bigint) end" for n in numbers]
    else:
        options += [f"try_cast({whole} as {_DECIMAL})"] if "int_value" in holds else []
        options += [f"try_cast({n} as {_DECIMAL})" for n in numbers]
        options += [f"try_cast({text} as {_DECIMAL})"] if "string_value" in holds else []
    if not options:
        return {"bigint": "null::bigint", "decimal": f"null::{_DECIMAL}"}.get(kind, "null::varchar")
    return options[0] if len(options) == 1 else f"coalesce({', '.join(options)})"


def _odd(names: Iterable[str]) -> str:
    """SQL: the parameter `p` is one of these with a value that its column cannot hold. Empty text is no value."""
    value = "p.value"
    filled = (
        f"(nullif({value}.string_value, '') is not null or {value}.int_value is not null "
        f"or {value}.double_value is not null or {value}.float_value is not null)"
    )
    cases = " ".join(f"when '{name}' then {filled} and ({_typed(name, value + '.{}')}) is null" for name in names)
    return f"case p.key {cases} else false end"


def _profile(con: duckdb.DuckDBPyConnection, relation: str) -> tuple[dict[str, frozenset[str]], dict[str, int]]:
    """(parameter -> the fields that hold its values, parameter -> how many of its values cannot be read)."""
    counts = ", ".join(f"count(p.value.{name})" for name in _VALUES)
    odd = _odd(p.key for p in PARAMS if p.type != "text")
    rows = con.execute(
        f"""select p.key, count(*) filter ({odd}), {counts} from (select unnest(e.event_params) as p from {relation} as e)
            where p.key is not null group by p.key"""
    ).fetchall()
    held = {key: frozenset(name for name, n in zip(_VALUES, ns, strict=True) if n) for key, _, *ns in rows}
    return held, {key: n for key, n, *_ in rows if n}


def _rejects(
    con: duckdb.DuckDBPyConnection, relation: str, bad: str, n_bad: int, unreadable: dict[str, int]
) -> list[Reject]:
    found: list[Reject] = []
    if n_bad:
        rows = con.execute(
            f"""select {bad}, to_json(e)::varchar from {relation} as e where ({bad}) is not null
                order by all limit {SHOWN_REJECTS}"""
        ).fetchall()
        found += [Reject(reason.split(" ")[0], reason, text[:2000]) for reason, text in rows]
    if unreadable:
        rows = con.execute(
            f"""select p.key, to_json(p)::varchar, event_timestamp, event_name from
                (select unnest(e.event_params) as p, e.event_timestamp, e.event_name from {relation} as e)
                where {_odd(unreadable)} order by all limit {SHOWN_REJECTS}"""
        ).fetchall()
        for key, value, at, name in rows:
            reason = (
                f"parameter {key} of {name} at {at} is not readable as {_TYPED[key].type}; its event stays without it"
            )
            found.append(Reject(key, reason, value[:2000]))
    return found[:SHOWN_REJECTS]


def _select(
    relation: str,
    exprs: dict[str, str],
    held: Mapping[str, frozenset[str]],
    unreadable: dict[str, int],
    bad: str,
    twins: str,
    is_intraday: bool,
) -> str:
    identity = ", ".join(exprs[c] for c in IDENTITY)
    values: dict[str, str] = {
        "event_key": f"(hash({identity}, _nth) >> 1)::bigint",
        "event_date": "e._day",
        "event_at": "make_timestamptz(e.event_timestamp)",
        "is_intraday": str(is_intraday).lower(),
        "params_rest": _rest(held, unreadable),
    }
    for f in FIELDS:
        expr = exprs[f.path]
        values[f.name] = f"make_timestamptz({expr})" if f.column.type == "timestamp" else expr
    for p in PARAMS:
        holds = held.get(p.key, frozenset())
        values[p.name] = _typed(p.key, f"_{{}}s[list_position(_keys, '{p.key}')]", holds)
    parquet = {"JSON": "VARCHAR"}
    # a column that holds nothing is left out: writing a hundred of them is a third of the work
    picked = ", ".join(
        f'({values[c.name]})::{parquet.get(c.duckdb_type(), c.duckdb_type())} as "{c.name}"'
        for c in EVENTS.columns
        if not _NULL.fullmatch(values.get(c.name, "null"))
    )
    good = f"({bad}) is null" if bad else "true"
    # a list of each field: a value is then picked without the record around it
    fields = [f for f in _VALUES if any(f in holds for holds in held.values())]
    keys = ", ".join(
        f"list_transform(e.event_params, lambda p: p.{path}) as _{name}s"
        for path, name in [("key", "key"), *((f"value.{f}", f) for f in fields)]
    )
    if not twins:
        return f"select {picked} from (select *, {keys}, 0 as _nth from {relation} as e where {good}) as e"
    # Equal events are numbered, the rest pass by: a window over all of a day's columns would be dear. Numbered by all
    # they hold, so that reading a day again gives the same keys.
    return (
        f"select {picked} from ("
        f"select *, {keys}, 0 as _nth from {relation} as e where {good} and hash({identity}) not in {twins} union all "
        f"select *, {keys}, row_number() over (partition by {identity} order by to_json(e)::varchar) - 1 as _nth "
        f"from {relation} as e where {good} and hash({identity}) in {twins}) as e"
    )


def _rest(held: Iterable[str], unreadable: Iterable[str]) -> str:
    """SQL of the parameters without a column, or whose column could not take all values of the day, as a JSON object."""
    taken = [p.key for p in PARAMS if p.key in held and p.key not in unreadable]
    if set(held) <= set(taken):
        return "null"
    listed = ", ".join(f"'{name}'" for name in taken)
    rest = f"list_filter(e.event_params, lambda p: p.key not in ({listed}))" if listed else "e.event_params"
    value = (
        "coalesce(to_json(p.value.string_value)::varchar, p.value.int_value::varchar, "
        "to_json(p.value.double_value)::varchar, to_json(p.value.float_value)::varchar, 'null')"
    )
    pair = f"to_json(p.key)::varchar || ':' || {value}"
    return f"'{{' || nullif(array_to_string(list_transform({rest}, lambda p: {pair}), ','), '') || '}}'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _moment(us: int | None) -> datetime | None:
    return None if us is None else datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)
