"""A page of a vendor's rows -> one Arrow table with the columns of a raw table. What a row means is the source's own.

Values are picked and cast by Arrow, a column at a time. Rows that cannot be read are told one by one and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from ingestion.spec import Column, Table

WireType = Literal["text", "int", "double", "bool"]
Reject = Callable[[int, str, str, Any], None]  # (position in the page, column, reason, the row)


@dataclass(frozen=True)
class Wire:
    """Where a column's value lies in a vendor's row ("metrics.costMicros"; in a list "metricValues.0.value"), and the JSON type the
    vendor sends."""

    path: str
    type: WireType = "text"


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type that loads into the column's raw type without a cast."""
    import pyarrow as pa

    if column.type == "decimal":
        return pa.decimal128(column.precision, column.scale)
    return {
        "text": pa.string(),
        "json": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }[column.type]


def arrow_schema(table: Table) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(c.name, arrow_type(c)) for c in table.columns])


def from_columns(table: Table, columns: Mapping[str, Any], n_rows: int) -> pa.Table:
    """All of the table's columns, in order: Arrow arrays or one value for every row; null where nothing is given."""
    import pyarrow as pa

    if unknown := sorted(set(columns) - {c.name for c in table.columns}):
        raise ValueError(f"table {table.name} has no column {unknown[0]!r}")
    arrays = []
    for field in arrow_schema(table):
        value = columns.get(field.name)
        if isinstance(value, pa.ChunkedArray):
            value = value.combine_chunks()
        if isinstance(value, pa.Array):
            arrays.append(value if value.type == field.type else value.cast(field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), n_rows))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table))


def from_rows(
    table: Table,
    wire: Mapping[str, str | Wire],
    rows: Sequence[Mapping[str, Any]],
    *,
    constants: Mapping[str, Any] | None = None,
    required: Iterable[str] = (),
    reject: Reject | None = None,
) -> pa.Table:
    """Rows as the vendor sent them -> an Arrow table with all columns of `table`.

    `wire` says for each column where its value lies (a plain string: a JSON string there); `constants` gives columns the
    same value in every row; columns in neither are null. `required` columns must have a value. A row that cannot be read
    is given to `reject` and left out; without `reject` it raises ValueError.
    """
    import pyarrow as pa

    wires = {c: w if isinstance(w, Wire) else Wire(w) for c, w in wire.items()}
    numbered: Sequence[tuple[int, Mapping[str, Any]]] | None = None  # made only when a row must be told
    try:
        columns = _columns(table, wires, rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, AttributeError):
        numbered = _readable(table, wires, rows, reject)
        columns = _columns(table, wires, [row for _, row in numbered])
    found = from_columns(table, {**columns, **(constants or {})}, len(rows if numbered is None else numbered))
    return _with_required(found, list(required), numbered or list(enumerate(rows)), reject) if required else found


def _columns(table: Table, wires: Mapping[str, Wire], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    types = {"text": pa.string(), "int": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}
    tree: dict[str, Any] = {}
    for w in wires.values():
        *parents, leaf = w.path.split(".")
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = types[w.type]

    def shape(node: Any) -> pa.DataType:
        if not isinstance(node, dict):
            return node
        if all(k.isdigit() for k in node):  # a list, whose members look alike
            return pa.list_(shape(next(iter(node.values()))))
        return pa.struct([(k, shape(v)) for k, v in node.items()])

    picked = pa.array(rows, type=shape(tree))
    found: dict[str, Any] = {}
    for name, w in wires.items():
        value = picked
        for part in w.path.split("."):
            value = pc.list_element(value, int(part)) if part.isdigit() else pc.struct_field(value, part)
        found[name] = _cast(value, table.column(name))
    return found


def _cast(value: pa.Array, column: Column) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    target = arrow_type(column)
    if value.type == target:
        return value
    if pa.types.is_string(value.type):
        if column.type not in ("text", "json"):  # vendors write "" for no number and no date
            value = pc.if_else(pc.equal(value, ""), pa.scalar(None, pa.string()), value)
        if column.type in ("date", "timestamp"):
            return (_day(value) if column.type == "date" else _instant(value)).cast(target)
    if column.type == "decimal" and pa.types.is_floating(value.type):
        # through the shortest text of the double: 0.1 is 0.1, not 0.1000000000000000055
        return pc.round(value, column.scale).cast(pa.string()).cast(pa.float64()).cast(target)
    return value.cast(target)


def _day(value: pa.Array) -> pa.Array:
    """Vendors write 2026-11-01, 2026-11-01 00:00:00, 2026-11-01T00:00:00Z (a day is its first ten signs) and 20261101."""
    import pyarrow.compute as pc

    text = pc.utf8_slice_codeunits(value, 0, 10)
    return pc.replace_substring_regex(text, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3")


def _instant(value: pa.Array) -> pa.Array:
    """Texts of moments, UTC where they say nothing of a zone: 'T' or blank between, an offset as +0000 or +00:00."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.replace_substring_regex(value, r"([+-]\d\d)(\d\d)$", r"\1:\2")
    zoned = pc.match_substring_regex(text, r"(Z|[+-]\d\d:\d\d)$")
    return pc.if_else(zoned, text, pc.binary_join_element_wise(text, "Z", "")).cast(pa.timestamp("us", tz="UTC"))


def _readable(
    table: Table, wires: Mapping[str, Wire], rows: Sequence[Mapping[str, Any]], reject: Reject | None
) -> list[tuple[int, Mapping[str, Any]]]:
    """(position, row) of the rows that can be read, found one by one: only for a page that holds one that cannot."""
    import pyarrow as pa

    good = []
    for position, row in enumerate(rows):
        for name, w in wires.items():
            try:
                _columns(table, {name: w}, [row])
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, AttributeError) as e:
                if reject is None:
                    raise ValueError(f"row {position}, {w.path}: {e}") from e
                reject(position, name, f"{w.path} is not readable as {table.column(name).type}", row)
                break
        else:
            good.append((position, row))
    return good


def _with_required(
    found: pa.Table, required: Iterable[str], rows: Sequence[tuple[int, Mapping[str, Any]]], reject: Reject | None
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    good = np.ones(found.num_rows, dtype=bool)
    for name in required:
        if found[name].null_count:
            for position in np.flatnonzero(good & np.asarray(found[name].is_null())):
                place, row = rows[int(position)]
                if reject is None:
                    raise ValueError(f"row {place}: {name} is missing")
                reject(place, name, f"{name} is missing", row)
                good[position] = False
    return found if good.all() else found.filter(pa.array(good))
