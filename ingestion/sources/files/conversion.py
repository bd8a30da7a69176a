"""Text cells -> canonical rows, in SQL: numbers, dates, rules, unpivoting; what cannot be read gets a reason.

Every canonical column becomes two expressions: the cell (text, null values taken out) and the value. A cell that is
there without a value is a bad cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from ingestion.privacy import MASK_SQL
from ingestion.sources.files.catalogue import Dataset, Mapping
from ingestion.sources.files.entities import Entity
from ingestion.sources.files.problems import FileProblem
from ingestion.sources.files.reading import NO_HEADER, Cells
from ingestion.spec import Column

ALLOWED: dict[str, tuple[str, ...]] = {
    "status": ("open", "won", "lost"),
    "order_type": ("sale", "cancellation", "adjustment"),
    "figure": ("revenue", "cost_of_goods", "margin", "marketing_cost"),
    "stream": ("orders", "deals"),
}
CURRENCIES = ("currency", "base_currency", "quote_currency")
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_SPACES = "\\s\\u00a0\\u202f\\u2009"  # the blanks that stand for a thousands sign, hard and thin ones too


@dataclass(frozen=True)
class Origin:
    """What the loader knows of the file a row comes from."""

    dataset: str
    file_key: int
    modified_at: str  # ISO 8601, UTC


def unpivot(con: duckdb.DuckDBPyConnection, cells: Cells, dataset: Dataset) -> tuple[Cells, int]:
    """Turn the wide view `cells` into a long one; returns the new columns and how many empty cells gave no row."""
    rule = dataset.unpivot
    if rule is None:
        return cells, 0
    check_header([*rule.keep], cells, dataset)
    turned = [c for c in cells.columns if c not in rule.keep and not c.startswith(NO_HEADER)]
    nameless = [c for c in cells.columns if c.startswith(NO_HEADER)]
    keep = ", ".join(ident(c) for c in ["_line", *rule.keep, *nameless])
    names = ", ".join(quoted(c) for c in turned)
    values = ", ".join(f"{ident(c)}::varchar" for c in turned)
    con.execute(
        f"create or replace temp table wide_cells as select {keep}, unnest([{names}]) as {ident(rule.name_to)}, "
        f"unnest([{values}]) as {ident(rule.value_to)} from cells"
    )
    present = cell_sql(ident(rule.value_to), "VARCHAR", dataset)
    row = con.execute(f"select count(*) filter ({present} is null) from wide_cells").fetchone()
    con.execute(
        f"create or replace temp view cells as select rowid + 1 as _row, * from wide_cells where {present} is not null"
    )
    columns = dict.fromkeys([*rule.keep, *nameless, rule.name_to, rule.value_to], "VARCHAR")
    return Cells(columns, cells.broken), int(row[0]) if row else 0


def check_header(wanted: list[str], cells: Cells, dataset: Dataset) -> None:
    """Raise FileProblem naming the column that is missing and the nearest one there is."""
    import difflib

    have = [c for c in cells.columns if not c.startswith(NO_HEADER)]
    for name in wanted:
        if name not in have:
            lowered = {c.lower(): c for c in reversed(have)}
            near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
            hint = f"; the nearest is {lowered[near[0]]!r}" if near else ""
            raise FileProblem(f"the header has no column {name!r}{hint} (it has {', '.join(map(repr, have[:20]))})")


def convert(con: duckdb.DuckDBPyConnection, cells: Cells, dataset: Dataset, origin: Origin, table: str) -> None:
    """Create the temp view `table`: canonical columns, the row's columns, and `_bad` {column, value, reason} or null.

    What differs from row to row is kept in a table below it; what is the same in all rows costs nothing in a view.

    The connection's TimeZone must be the dataset's: times without a zone are read in it.
    """
    entity = dataset.canonical
    check_header([m.column for m in dataset.columns.values() if m.column is not None], cells, dataset)
    check_header([*dataset.attributes], cells, dataset)
    mapped = {name: _Cell.of(_find(entity, name), m, cells, dataset) for name, m in dataset.columns.items()}
    raw = ", ".join(f"{c.cell} as {ident('c_' + n)}" for n, c in mapped.items())
    nameless = [c for c in cells.columns if c.startswith(NO_HEADER)]
    # a line is a row, unless unpivoting made several rows of it; a window would read the file on one core
    passed = ", ".join([*(["_row"] if dataset.unpivot else []), "_line", *(ident(c) for c in cells.columns)])
    parsed = ", ".join(f"{c.value(ident('c_' + n))} as {ident('v_' + n)}" for n, c in mapped.items())
    varying, same = _canonical(entity, dataset, mapped, cells)
    varying += ["_row", "_line"] if dataset.unpivot else ["_line"]
    same += [] if dataset.unpivot else ["_line as _row"]
    (varying if dataset.key else same).append(f"{_row_key(dataset)} as _row_key")
    same += [
        f"{quoted(origin.dataset)} as _dataset",
        f"{quoted(dataset.system or origin.dataset)} as _system",
        f"{origin.file_key}::bigint as _file_key",
        f"{quoted(origin.modified_at)}::timestamptz as _file_modified_at",
    ]
    kept = ident(f"{table}_kept")
    con.execute(
        f"create or replace temp table {kept} as "
        f"with raw as (select {passed}, {raw} from cells), "
        f"parsed as (select *, {parsed} from raw) "
        f"select {', '.join(varying)}, {_bad(entity, dataset, mapped, nameless)} as _bad from parsed"
    )
    con.execute(f"create or replace temp view {ident(table)} as select *, {', '.join(same)} from {kept}")


@dataclass(frozen=True)
class _Cell:
    """How one canonical column is read: the cell's SQL, and SQL that gives its value from the cell."""

    column: Column
    cell: str
    kind: str  # DuckDB's type of the cell; VARCHAR unless a typed Parquet column
    source: str | None  # the file's column
    mapping: Mapping
    dataset: Dataset

    @staticmethod
    def of(column: Column, mapping: Mapping, cells: Cells, dataset: Dataset) -> _Cell:
        if mapping.column is None:
            return _Cell(column, quoted(mapping.value or ""), "VARCHAR", None, mapping, dataset)
        kind = cells.columns[mapping.column]
        cell = cell_sql(ident(mapping.column), kind, dataset)
        return _Cell(column, cell, "VARCHAR" if mapping.match else kind, mapping.column, mapping, dataset)

    @property
    def can_fail(self) -> bool:
        """Whether a cell that is there can be without a value by mistake. Text as it is cannot; a rule may say null."""
        if any(r.value is None for r in self.mapping.match):
            return False
        return (
            self.column.type != "text"
            or self.restricted
            or (bool(self.mapping.match) and self.mapping.otherwise is None)
        )

    @property
    def restricted(self) -> bool:
        """Whether only some texts are values. Rules that give none but those are not asked again."""
        if self.mapping.match and self.column.name in ALLOWED:
            given = {r.value for r in self.mapping.match} | {self.mapping.otherwise}
            return not given <= {*ALLOWED[self.column.name], None}
        return self.column.name in ALLOWED or self.column.name in CURRENCIES

    def value(self, cell: str) -> str:
        if self.mapping.match:
            text = f"{cell}::varchar"
            cases = " ".join(
                f"when regexp_matches({text}, {quoted(r.pattern)}) then {quoted(r.value) if r.value is not None else 'null'}"
                for r in self.mapping.match
            )
            cell = f"(case {cases} else {quoted(self.mapping.otherwise) if self.mapping.otherwise is not None else 'null'} end)"
        kind = self.column.type
        if kind == "text":
            return self._text(cell)
        if kind == "bool":
            lowered = f"lower({cell}::varchar)"
            return (
                f"case when {lowered} in ('true', '1', 'yes', 'y', 'ja', 't') then true "
                f"when {lowered} in ('false', '0', 'no', 'n', 'nei', 'f') then false end"
            )
        if kind in ("decimal", "bigint", "double"):
            return self._number(cell)
        return self._time(cell)

    def _text(self, cell: str) -> str:
        if self.kind in ("DOUBLE", "FLOAT"):  # a number used as an id: 13085.0 is 13085
            cell = (
                f"case when {cell} = trunc({cell}) then try_cast({cell} as hugeint)::varchar else {cell}::varchar end"
            )
        elif self.kind != "VARCHAR":
            cell = f"{cell}::varchar"
        if self.restricted and self.column.name in ALLOWED:
            return f"case when lower({cell}) in ({', '.join(map(quoted, ALLOWED[self.column.name]))}) then lower({cell}) end"
        if self.column.name in CURRENCIES:
            return f"case when regexp_full_match(upper({cell}), '[A-Z]{{3}}') then upper({cell}) end"
        return cell

    def _number(self, cell: str) -> str:
        if self.column.type == "bigint":
            number = self._decimal(cell, "DECIMAL(38,6)")
            return f"case when ({number}) = trunc({number}) then try_cast({number} as bigint) end"
        return self._decimal(cell, self.column.duckdb_type())

    def _decimal(self, cell: str, type_: str) -> str:
        if self.kind != "VARCHAR":
            return f"try_cast({cell} as {type_})"
        sign = self.mapping.decimal or self.dataset.decimal
        thousands = self.mapping.thousands if self.mapping.thousands is not None else self.dataset.thousands
        plain = f"replace({cell}, '\u2212', '-')"
        pattern = f"[+-]?[0-9]*({re.escape(sign)}[0-9]+)?([eE][+-]?[0-9]+)?"
        if thousands:
            group = f"[{_SPACES}]" if thousands.isspace() else re.escape(thousands)
            grouped = f"[+-]?[0-9]{{1,3}}({group}[0-9]{{3}})+({re.escape(sign)}[0-9]+)?"
            pattern = f"({pattern})|({grouped})"
            bare = f"regexp_replace({plain}, {_pattern(group)}, '', 'g')"
        else:
            bare = plain
        if sign == ",":
            bare = f"replace({bare}, ',', '.')"
        return f"case when regexp_full_match({plain}, {_pattern(pattern)}) then try_cast({bare} as {type_}) end"

    def _time(self, cell: str) -> str:
        day = self.column.type == "date"
        if self.kind != "VARCHAR":
            moment = f"try_cast({cell} as {'date' if day else 'timestamptz'})"
            return _plausible(moment)
        tried: list[str] = []
        for fmt in self.mapping.date_formats or self.dataset.date_formats:
            if fmt in _EPOCHS:
                moment = f"(make_timestamp(try_cast({cell} as bigint) * {_EPOCHS[fmt]}) at time zone 'UTC')"
                tried.append(f"{moment}::date" if day else moment)
            else:
                parsed = f"try_strptime({cell}, {quoted(fmt)})"
                tried.append(f"{parsed}::date" if day else f"{parsed}::timestamptz")
        if not tried:
            iso = f"{cell} like '____-__-__%'"
            moment = f"try_cast({cell} as timestamptz)"
            if day:  # the day as written; a moment's day is the dataset's zone's
                moment = f"case when length({cell}) = 10 then try_cast({cell} as date) else {moment}::date end"
            tried.append(f"case when {iso} then {moment} end")
        return _plausible(tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})")

    def expected(self) -> str:
        """What a good cell looks like, for the reason of a reject."""
        if self.mapping.match and self.mapping.otherwise is None:
            return "a value that one of the rules under `match` finds"
        if self.column.name in ALLOWED:
            return "one of " + ", ".join(ALLOWED[self.column.name])
        sign = self.mapping.decimal or self.dataset.decimal
        number = {".": "1234.5", ",": "1234,5"}[sign]
        formats = ", ".join(self.mapping.date_formats or self.dataset.date_formats) or "ISO 8601"
        if self.column.name.endswith("currency"):
            return "a currency of three letters"
        return {
            "decimal": f"a number such as {number}",
            "double": f"a number such as {number}",
            "bigint": "a whole number",
            "date": f"a date written as {formats}, between 1900 and 2200",
            "timestamp": f"a time written as {formats}, between 1900 and 2200",
            "bool": "true or false",
        }.get(self.column.type, "text")


def cell_sql(column: str, kind: str, dataset: Dataset) -> str:
    """The cell without blanks around it; null where it is empty or a declared null value."""
    if kind != "VARCHAR":
        if dataset.null_values:
            return (
                f"case when {column}::varchar not in ({', '.join(map(quoted, dataset.null_values))}) then {column} end"
            )
        return column
    trimmed = f"trim({column}, e' \\t\\r\\n\u00a0')"
    if not dataset.null_values:
        return f"nullif({trimmed}, '')"
    nulls = ", ".join(map(quoted, ("", *dataset.null_values)))
    return f"case when {trimmed} not in ({nulls}) then {trimmed} end"


def _plausible(moment: str) -> str:
    return f"case when {moment} between '1900-01-01' and '2200-01-01' then {moment} end"


def _canonical(entity: Entity, dataset: Dataset, mapped: dict[str, _Cell], cells: Cells) -> tuple[list[str], list[str]]:
    """The canonical columns that this file has, and its attributes: what differs by row, and what is the same in all."""
    varying = [f"{ident('v_' + name)} as {ident(name)}" for name in mapped if name != "currency"]
    same: list[str] = []
    if "currency" in {c.name for c in entity.columns}:
        declared = quoted(dataset.currency) if dataset.currency else "null"
        if "currency" in mapped:
            varying.append(f"coalesce(v_currency, {declared})::varchar as currency")
        else:
            same.append(f"{declared}::varchar as currency")
    if entity.has_vat:
        rate = f"{dataset.vat.rate}::decimal(18,6)" if dataset.vat.basis == "included" else "null::decimal(18,6)"
        same += [f"{quoted(dataset.vat.basis)} as vat_basis", f"{rate} as vat_rate_pct"]
    used = {m.column for m in dataset.columns.values()}
    extra = [c for c in cells.columns if c not in used and c not in dataset.attributes and not c.startswith(NO_HEADER)]
    for name, columns in (("attributes", list(dataset.attributes)), ("_extra", extra)):
        (varying if columns else same).append(f"{_json(columns, cells, dataset)} as {name}")
    return varying, same


def _json(columns: list[str], cells: Cells, dataset: Dataset) -> str:
    if not columns:
        return "null::varchar"
    pairs = ", ".join(f"{quoted(c)}, {cell_sql(ident(c), cells.columns[c], dataset)}::varchar" for c in columns)
    return f"json_object({pairs})::varchar"


def _row_key(dataset: Dataset) -> str:
    if not dataset.key:
        return "null::varchar"
    parts = ", ".join(f"coalesce({ident('v_' + k)}::varchar, '')" for k in dataset.key)
    return f"md5(concat_ws(chr(31), {parts}))"


def _bad(entity: Entity, dataset: Dataset, mapped: dict[str, _Cell], nameless: list[str]) -> str:
    """SQL for the first thing that is wrong with a row, null when nothing is."""
    personal = dataset.personal_columns
    cases = []

    def where(column: str) -> str:
        if dataset.unpivot and column == dataset.unpivot.value_to:
            return ident(dataset.unpivot.name_to)  # the column as the file names it
        return quoted(column)

    def case(condition: str, column: str, value: str, reason: str) -> None:
        cases.append(
            f"when {condition} then {{'column': {where(column)}, 'value': ({value})::varchar, 'reason': {quoted(reason)}}}"
        )

    for name, cell in mapped.items():
        shown = ident("c_" + name)
        source = cell.source or name
        if source in personal:
            shown = MASK_SQL.format(value=f"{shown}::varchar")
        if cell.can_fail:
            case(
                f"{ident('c_' + name)} is not null and {ident('v_' + name)} is null",
                source,
                shown,
                f"expected {cell.expected()}",
            )
    for name in dict.fromkeys((*entity.required, *dataset.key)):
        source = mapped[name].source or name
        what = "key" if name in dataset.key else name
        case(f"{ident('v_' + name)} is null", source, "null", f"missing {what}: {name} has no value")
    for group in entity.one_of:
        here = [n for n in group if n in mapped]
        case(
            " and ".join(f"{ident('v_' + n)} is null" for n in here),
            mapped[here[0]].source or here[0],
            "null",
            f"none of {', '.join(here)} has a value",
        )
    for column in nameless:
        case(
            f"nullif(trim({ident(column)}), '') is not null",
            column,
            "null",
            "a value in a column without a header",
        )
    names = {c.name for c in entity.columns}
    if "currency" in names and not dataset.currency and entity.has_amounts:
        source = (mapped["currency"].source or "currency") if "currency" in mapped else "currency"
        given = "v_currency is null" if "currency" in mapped else "true"
        case(given, source, "null", "no currency: map one, or set `currency` for the dataset")
    return f"case {' '.join(cases)} end"


def _find(entity: Entity, name: str) -> Column:
    return next(c for c in entity.columns if c.name == name)


def _pattern(regex: str) -> str:
    """A regular expression as a DuckDB literal; RE2 knows \\x{...} where Python knows \\u."""
    return quoted(re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", regex))


def quoted(text: str | None) -> str:
    """A text as an SQL literal."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def ident(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
