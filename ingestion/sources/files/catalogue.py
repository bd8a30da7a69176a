"""The YAML catalogue of the drop folder: what lies where, how it is written, and what it means. No file is read here."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ingestion.errors import SourceError
from ingestion.sources.files.entities import BY_NAME, ROW_COLUMNS, Entity

SOURCE = "files"
FORMATS = ("csv", "tsv", "ndjson", "parquet", "xlsx")
EntityName = Literal[
    "leads", "deals", "deal_stage_changes", "orders", "order_lines", "web_purchases", "ad_performance",
    "exchange_rates", "other_costs", "accounting_figures", "consent_counts", "consents", "experiment_rows",
    "attribution_paths",
]  # fmt: skip
# Set by the loader from the dataset's own keys, never mapped.
_NOT_MAPPED = frozenset({"vat_basis", "vat_rate_pct", *(c.name for c in ROW_COLUMNS)})


def _as_text(value: object) -> object:
    """YAML reads 1 and true as what they look like; a mapping wants them as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | Decimal) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """A value by pattern: the first rule whose regular expression is found in the cell gives its value."""

    pattern: Text = Field(description="regular expression, RE2 syntax, found anywhere in the cell; anchor with ^ and $")
    value: Text | None = Field(description="the value it gives; null for none")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as e:
            raise ValueError(f"not a regular expression: {e}") from e
        return value


class Mapping(_Strict):
    """Where a canonical column comes from: a column of the file, a fixed value, or rules over a column."""

    column: Text | None = Field(None, description="the column of the file")
    value: Text | None = Field(None, description="a fixed value for every row")
    match: tuple[Rule, ...] = Field((), description="rules over the column; the first that is found gives the value")
    otherwise: Text | None = Field(None, description="the value when no rule is found; without it the row is rejected")
    date_formats: tuple[str, ...] = Field((), description="formats of this column alone")
    decimal: Literal[".", ","] | None = Field(None, description="decimal sign of this column alone")
    thousands: str | None = Field(None, description="thousands sign of this column alone")

    @model_validator(mode="after")
    def _one_origin(self) -> Mapping:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` (a column of the file) or `value` (the same for every row)")
        if self.match and self.column is None:
            raise ValueError("`match` needs the `column` it looks at")
        return self


class Vat(_Strict):
    """Whether amounts hold VAT."""

    basis: Literal["included", "excluded", "unknown"] = Field("unknown", description="whether amounts hold VAT")
    rate: Decimal | None = Field(None, ge=0, le=100, description="percent, when included")


class Unpivot(_Strict):
    """Turns a wide table (one column a currency, a month, ...) into a long one before mapping."""

    keep: tuple[str, ...] = Field(min_length=1, description="columns that stay; all others are turned into rows")
    name_to: str = Field(description="new column that takes the old columns' names")
    value_to: str = Field(description="new column that takes the values; empty cells give no row")


class Dataset(_Strict):
    """One kind of file in the drop folder."""

    entity: EntityName = Field(description="the canonical entity its rows are")
    location: str = Field(description="file or pattern (orders/*.csv), beside the catalogue or s3://, gs://, az://")
    format: Literal["csv", "tsv", "ndjson", "parquet", "xlsx"] | None = Field(
        None, description="by the file's ending when left out; .gz may follow it"
    )
    system: str | None = Field(None, description="whose ids these are; datasets of one system share them")
    owner: str | None = Field(None, description="who answers for the content")
    description: str | None = Field(None, description="what it is")
    encoding: str = Field("utf-8", description="windows-1252, utf-16, ...")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="field sign of CSV; a comma by default")
    sheet: Text | None = Field(None, description="sheet of an XLSX; the first by default")
    skip_lines: int = Field(0, ge=0, description="lines above the header")
    decimal: Literal[".", ","] = Field(".", description="decimal sign")
    thousands: str = Field("", max_length=1, description="thousands sign; a space stands for hard spaces too")
    date_formats: tuple[str, ...] = Field(
        (),
        description="strptime formats, tried in order (%d.%m.%Y), or epoch_s, epoch_ms, epoch_us; ISO 8601 if none",
    )
    null_values: tuple[Text, ...] = Field((), description="cells that mean no value, beside the empty one")
    time_zone: str | None = Field(None, description="zone of times without one; the reporting zone by default")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="ISO 4217, unless a column is mapped")
    vat: Vat = Field(default_factory=lambda: Vat(basis="unknown", rate=None), description="whether amounts hold VAT")
    unpivot: Unpivot | None = Field(None, description="turn a wide table into a long one first")
    key: tuple[str, ...] = Field((), description="canonical columns that make a row unique: the newest file wins")
    personal: tuple[str, ...] = Field((), description="columns of the file that hold personal data")
    columns: dict[str, Mapping] = Field(description="canonical column: where it comes from")
    attributes: tuple[str, ...] = Field((), description="extra columns that may enter marts; all others stay in raw")
    mirror: bool = Field(False, description="a file that disappears takes its rows with it")
    allow_copies: bool = Field(False, description="load the same content under several names")
    max_reject_share: float = Field(0.05, ge=0, le=1, description="above this share of bad rows a file is refused")
    stale_after_days: int | None = Field(None, ge=0, description="older than this, the dataset is called stale")

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: {"column": v} if isinstance(v, str | int | float) else v for k, v in value.items()}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"no time zone {value!r}; expected an IANA name such as Europe/Oslo")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError as e:
            raise ValueError(f"no encoding {value!r}; expected utf-8, windows-1252, iso-8859-1, utf-16, ...") from e
        return value

    @model_validator(mode="after")
    def _fits_its_entity(self) -> Dataset:
        entity = BY_NAME[self.entity]
        known = [c.name for c in entity.columns if c.name not in _NOT_MAPPED]
        for name, mapping in self.columns.items():
            if name not in known:
                raise ValueError(f"columns: {self.entity} has no column {name!r}; it has {', '.join(known)}")
            if mapping.column in self.personal and not _column(entity, name).personal:
                raise ValueError(
                    f"columns: {name} would take {mapping.column!r}, which is personal, into a column that is not"
                )
        for name in entity.required:
            if name not in self.columns:
                raise ValueError(f"columns: {self.entity} needs {name!r}")
        for group in entity.one_of:
            if not any(name in self.columns for name in group):
                raise ValueError(f"columns: {self.entity} needs one of {', '.join(group)}")
        for name in self.key:
            if name not in self.columns:
                raise ValueError(f"key: {name!r} is not mapped under columns")
        if both := sorted(set(self.attributes) & set(self.personal)):
            raise ValueError(f"attributes: {both[0]!r} is personal; what is listed enters marts, which hold none")
        if entity.has_vat and self.vat.basis == "included" and self.vat.rate is None:
            raise ValueError("vat: amounts include VAT, so its rate is needed (percent)")
        if self.unpivot:
            names = {*self.unpivot.keep, self.unpivot.name_to, self.unpivot.value_to}
            for name, mapping in self.columns.items():
                if mapping.column is not None and mapping.column not in names:
                    raise ValueError(
                        f"columns: {name} takes {mapping.column!r}; after unpivot there are {sorted(names)}"
                    )
        return self

    @property
    def canonical(self) -> Entity:
        return BY_NAME[self.entity]

    def zone(self, reporting: str) -> ZoneInfo:
        return ZoneInfo(self.time_zone or reporting)

    @property
    def personal_columns(self) -> frozenset[str]:
        """Columns of the file that are personal, by declaration or by what they are mapped to."""
        mapped = {
            m.column for n, m in self.columns.items() if m.column is not None and _column(self.canonical, n).personal
        }
        return frozenset(self.personal) | mapped

    def definition_hash(self, reporting_zone: str) -> str:
        """Changes when rows would be read another way, so that the files are loaded anew; not for house-keeping keys."""
        keep = self.model_dump(
            mode="json",
            exclude={
                "location",
                "owner",
                "description",
                "mirror",
                "allow_copies",
                "max_reject_share",
                "stale_after_days",
            },
        )
        return hashlib.sha256(json.dumps([keep, self.zone(reporting_zone).key], sort_keys=True).encode()).hexdigest()[
            :32
        ]


class Catalogue(_Strict):
    """The drop folder's catalogue."""

    version: Literal[1] = Field(description="of this format")
    datasets: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Dataset] = Field(
        description="datasets by name (lower case, digits, _)"
    )


def _column(entity: Entity, name: str) -> Any:
    return next(c for c in entity.columns if c.name == name)


def json_schema() -> dict[str, Any]:
    """The schema editors complete with. Canonical columns are offered by name for each entity."""
    schema = Catalogue.model_json_schema()
    mapping = {"anyOf": [{"type": ["string", "number"]}, {"$ref": "#/$defs/Mapping"}]}
    dataset = schema["$defs"]["Dataset"]
    dataset["properties"]["columns"]["additionalProperties"] = mapping
    dataset["allOf"] = [
        {
            "if": {"properties": {"entity": {"const": entity.name}}, "required": ["entity"]},
            "then": {
                "properties": {
                    "columns": {
                        "properties": {
                            c.name: mapping | {"description": c.description}
                            for c in entity.columns
                            if c.name not in _NOT_MAPPED
                        },
                        "required": list(entity.required),
                        "additionalProperties": False,
                    }
                }
            },
        }
        for entity in BY_NAME.values()
    ]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Catalogue of the drop folder"
    return schema


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue. Raises SourceError naming file, line and key of everything that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise SourceError(
            SOURCE, f"no catalogue at {path}; write one (docs/files.md) or set WAREHOUSE_FILES_CATALOGUE"
        ) from e
    except UnicodeDecodeError as e:
        raise SourceError(SOURCE, f"{path.name}: not UTF-8 ({e.reason} at byte {e.start}); save it as UTF-8") from e
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if twice := _duplicate_key(root):
            raise SourceError(SOURCE, f"{path.name}, line {twice.start_mark.line + 1}: {twice.value} stands here twice")
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise SourceError(SOURCE, f"{path.name}, line {line}: not YAML: {e.problem}") from e
    try:
        return Catalogue.model_validate(data if data is not None else {})
    except ValidationError as e:
        wrong = [_explain(path.name, root, error) for error in e.errors()]
        raise SourceError(SOURCE, "; ".join(dict.fromkeys(wrong))) from e


def _duplicate_key(node: yaml.Node | None) -> yaml.Node | None:
    """The first key that stands twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key  # type: ignore[no-any-return]
            seen.add(key.value)
            if inner := _duplicate_key(value):
                return inner
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if inner := _duplicate_key(item):
                return inner
    return None


def _explain(file: str, root: yaml.Node | None, error: Any) -> str:
    """One validation error as `file, line n, key: message`."""
    path = [str(p) for p in error["loc"]]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "no such key"
    elif error["type"] == "missing":
        message = "this key is missing"
    node, line, reached = root, 1, 0
    for step in path:
        following = None
        if isinstance(node, yaml.MappingNode):
            following = next(((k, v) for k, v in node.value if str(k.value) == step), None)
        elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            following = (node.value[int(step)], node.value[int(step)])
        if following is None:
            break
        line, node, reached = following[0].start_mark.line + 1, following[1], reached + 1
    # `columns: ...` messages of a dataset point at the line of that key where there is one
    if isinstance(node, yaml.MappingNode) and (key := message.split(":", 1)[0]).isidentifier():
        line = next((k.start_mark.line + 1 for k, _ in node.value if k.value == key), line)
    return f"{file}, line {line}, {'.'.join(path) or 'the whole file'}: {message}"
