"""Suites as data: what a file under `suites/` may say, and reading it. Refuses nonsense at load; runs nothing.

A file is `contract_<source kind>.yml` (tables of a load package) or `mart_<name>.yml` (one published mart).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

SUITES_DIR = Path(__file__).resolve().parent / "suites"
Severity = Literal["critical", "warning"]
Family = Literal["rows", "sql", "table", "house"]
PLACEHOLDERS = frozenset({"batch", "as_of"})
_BOUNDS = frozenset({"min_value", "max_value"})


class SuiteError(ValueError):
    """A suite file says something that cannot be; the message names file, check and key."""


@dataclass(frozen=True)
class Known:
    """An expectation a suite may use: GE's class (none for the house's own), its arguments, how it is observed.

    `rows` counts failing rows; `sql` selects them; `table` observes one value; `house` is resolved before the run.
    """

    ge_class: str | None
    family: Family
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()  # at least one of these


def _rows(ge_class: str, *required: str, optional: frozenset[str] = frozenset(), bounds: bool = False) -> Known:
    extra = optional | {"mostly"} | (_BOUNDS | {"strict_min", "strict_max"} if bounds else frozenset())
    return Known(ge_class, "rows", frozenset(required), extra, _BOUNDS if bounds else frozenset())


def _value(ge_class: str, *required: str) -> Known:
    return Known(ge_class, "table", frozenset(required), _BOUNDS, _BOUNDS)


EXPECTATIONS: dict[str, Known] = {
    "column_values_to_not_be_null": _rows("ExpectColumnValuesToNotBeNull", "column"),
    "column_values_to_be_unique": _rows("ExpectColumnValuesToBeUnique", "column"),
    "column_values_to_be_between": _rows("ExpectColumnValuesToBeBetween", "column", bounds=True),
    "column_values_to_be_in_set": _rows("ExpectColumnValuesToBeInSet", "column", "value_set"),
    "column_value_lengths_to_be_between": _rows("ExpectColumnValueLengthsToBeBetween", "column", bounds=True),
    "column_pair_values_a_to_be_greater_than_b": _rows(
        "ExpectColumnPairValuesAToBeGreaterThanB",
        "column_A",
        "column_B",
        optional=frozenset({"or_equal", "ignore_row_if"}),
    ),
    "compound_columns_to_be_unique": _rows(
        "ExpectCompoundColumnsToBeUnique", "column_list", optional=frozenset({"ignore_row_if"})
    ),
    "column_sum_to_be_between": _value("ExpectColumnSumToBeBetween", "column"),
    "column_max_to_be_between": _value("ExpectColumnMaxToBeBetween", "column"),
    "column_min_to_be_between": _value("ExpectColumnMinToBeBetween", "column"),
    "column_unique_value_count_to_be_between": _value("ExpectColumnUniqueValueCountToBeBetween", "column"),
    "table_row_count_to_be_between": _value("ExpectTableRowCountToBeBetween"),
    "table_columns_to_match_set": Known(
        "ExpectTableColumnsToMatchSet", "table", frozenset({"column_set"}), frozenset({"exact_match"})
    ),
    # A select of the rows that must not be; {batch} is the table, {as_of} the night's date.
    "unexpected_rows": Known("UnexpectedRowsExpectation", "sql", frozenset({"sql"})),
    # The house's own, resolved by build.py: row count against the median of the nights before; columns of the spec.
    "row_count_within_history": Known(
        None,
        "house",
        frozenset({"nights", "min_nights"}),
        frozenset({"min_share", "max_share"}),
        frozenset({"min_share", "max_share"}),
    ),
    "columns_match_spec": Known(None, "house"),
    "row_key_unique": Known(None, "house"),  # the spec's key of the table, so that one contract holds for every source
}

OF_THE_SPEC = frozenset({"columns_match_spec", "row_key_unique"})  # they need a source's spec, which a mart has not


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Model):
    """One check. `source`/`source_column` trace a fault to a source: then it is that source's warning, and no more."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    expectation: str
    args: dict[str, Any] = {}
    severity: Severity
    reason: Annotated[str, Field(min_length=10)]  # why this must hold, and where a threshold comes from
    source: str | None = None
    source_column: str | None = None

    @field_validator("expectation")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in EXPECTATIONS:
            raise ValueError(f"unknown expectation {value!r}; known are {', '.join(sorted(EXPECTATIONS))}")
        return value

    @model_validator(mode="after")
    def _arguments(self) -> Check:
        known, given = EXPECTATIONS[self.expectation], set(self.args)
        if missing := sorted(known.required - given):
            raise ValueError(f"args lacks {missing[0]!r}, which {self.expectation} needs")
        if unknown := sorted(given - known.required - known.optional):
            allowed = ", ".join(sorted(known.required | known.optional)) or "none"
            raise ValueError(f"args has {unknown[0]!r}, which {self.expectation} does not take (it takes: {allowed})")
        if known.one_of and not known.one_of & given:
            raise ValueError(f"args needs {' or '.join(sorted(known.one_of))}, else the check can never fail")
        if known.family == "sql":
            _check_sql(str(self.args["sql"]))
        if self.source and self.source_column:
            raise ValueError("source and source_column are both given; a fault is traced one way")
        return self

    @property
    def known(self) -> Known:
        return EXPECTATIONS[self.expectation]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the check speaks of; empty for the table as a whole and for SQL."""
        named = [self.args[k] for k in ("column", "column_A", "column_B") if k in self.args]
        return (*named, *self.args.get("column_list", ()))


def _check_sql(sql: str) -> None:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(sql) if name is not None}
    except ValueError as error:
        raise ValueError(f"args.sql: {error}; write a literal brace twice") from error
    if unknown := sorted(fields - PLACEHOLDERS):
        raise ValueError(f"args.sql has {{{unknown[0]}}}; known placeholders are {{batch}} and {{as_of}}")
    if "batch" not in fields:
        raise ValueError("args.sql does not select from {batch}, the table under check")


class _Suite(_Model):
    suite: str
    description: Annotated[str, Field(min_length=10)]
    owner: Annotated[str, Field(min_length=2)]


class MartSuite(_Suite):
    """Checks of one published mart. `key` says which columns name a failing row."""

    relation: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z][a-z0-9_]*$")]
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]

    @property
    def table(self) -> str:
        return self.relation.split(".")[1]

    @model_validator(mode="after")
    def _unique(self) -> MartSuite:
        _refuse_twice(self.checks)
        if found := [c.expectation for c in self.checks if c.expectation in OF_THE_SPEC]:
            raise ValueError(
                f"{found[0]} is for contracts; a mart names its columns with table_columns_to_match_set, its key with "
                "compound_columns_to_be_unique"
            )
        return self


class ContractSuite(_Suite):
    """Checks of a load package by source kind: `every_table` holds for each table under `tables` but `except_tables`."""

    source_kind: str
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    every_table: tuple[Check, ...] = ()
    except_tables: tuple[str, ...] = ()  # tables that every_table does not speak of
    tables: dict[str, tuple[Check, ...]]

    @model_validator(mode="after")
    def _unique(self) -> ContractSuite:
        if unknown := sorted(set(self.except_tables) - set(self.tables)):
            raise ValueError(f"except_tables names {unknown[0]!r}, which is not under tables")
        for table in self.tables:
            checks = self.checks_of(table)
            _refuse_twice(checks, f"table {table}: ")
            if any(c.expectation == "row_count_within_history" for c in checks):
                raise ValueError(
                    f"table {table}: row_count_within_history is for marts; a package holds only what is new"
                )
        return self

    def checks_of(self, table: str) -> tuple[Check, ...]:
        """What must hold for one table of the package; nothing for a table the contract does not name."""
        own = self.tables.get(table, ())
        return own if table in self.except_tables or table not in self.tables else (*self.every_table, *own)


def _refuse_twice(checks: tuple[Check, ...], where: str = "") -> None:
    ids = [c.id for c in checks]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise ValueError(f"{where}check id {twice[0]!r} is used twice")


Suite = MartSuite | ContractSuite


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's, where PyYAML has it
    """YAML that refuses a key given twice: the second would silently replace the first."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(k, deep=True) for k, _ in node.value]
    for i, key in enumerate(keys):
        if key in keys[:i]:
            mark = node.value[i][0].start_mark
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_suite(path: Path) -> Suite:
    """One suite file. Raises SuiteError naming file, check and key."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise SuiteError(f"{path.name}: no valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise SuiteError(
            f"{path.name}: expected a mapping with suite, description, owner, ...; came {type(content).__name__}"
        )
    model: type[Suite] = ContractSuite if path.stem.startswith("contract_") else MartSuite
    try:
        suite = model.model_validate(content)
    except ValidationError as error:
        raise SuiteError("; ".join(_explain(path.name, content, e) for e in error.errors())) from error
    expected = f"contract_{suite.source_kind}" if isinstance(suite, ContractSuite) else f"mart_{suite.table}"
    for what, name in (("the file's name", path.stem), ("suite", suite.suite)):
        if name != expected:
            raise SuiteError(f"{path.name}: {what} is {name!r}; expected {expected!r}, after what it checks")
    return suite


def _explain(file: str, content: Mapping[str, Any], error: Any) -> str:
    """One pydantic error as `file: check 'id': key 'x': what`."""
    value: Any = content
    check: str | None = None
    keys: list[str] = []
    for part in error["loc"]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
        if isinstance(value, dict) and isinstance(part, int):
            check, keys = value.get("id", f"number {part + 1}"), []
        else:
            keys.append(str(part))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        message = "is missing"
    elif error["type"] == "extra_forbidden":
        message = "is not a known key"
    elif value is not None and not isinstance(value, dict | list):
        message = f"{message}; came {value!r}"
    where = [file, *([f"check {check!r}"] if check else []), *([f"key {'.'.join(keys)!r}"] if keys else [])]
    return ": ".join([*where, message])


@dataclass(frozen=True)
class Suites:
    """All suites of the house, by name of the mart and by kind of source."""

    marts: Mapping[str, MartSuite] = field(default_factory=dict)
    contracts: Mapping[str, ContractSuite] = field(default_factory=dict)


@cache
def load_suites(folder: Path = SUITES_DIR) -> Suites:
    """Every `*.yml` of the folder, ordered by name. Raises SuiteError at the first file that cannot be."""
    suites = [read_suite(path) for path in sorted(folder.glob("*.yml"))]
    return Suites(
        {s.table: s for s in suites if isinstance(s, MartSuite)},
        {s.source_kind: s for s in suites if isinstance(s, ContractSuite)},
    )
