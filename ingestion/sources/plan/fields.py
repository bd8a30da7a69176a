"""What a sheet of the plan is made of: columns, their types, allowed values and rules; and the catalogues a plan may speak of.

The sheets themselves are sheets.py's.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from ingestion.settings import PROJECT_DIR
from ingestion.spec import Column, ColumnType, Table

Language = Literal["no", "en"]
FieldType = Literal["text", "list", "choice", "date", "month", "number", "percent", "integer", "bool"]
_RAW: dict[str, ColumnType] = {
    "text": "text", "list": "text", "choice": "text", "date": "date", "month": "date", "number": "decimal",
    "percent": "decimal", "integer": "bigint", "bool": "bool",
}  # fmt: skip
Choices = Mapping[str, tuple[str, str]]  # key -> (Norwegian, English)
LEVELS = {
    "business": ("Forretning", "Business"),
    "channel": ("Kanal", "Channel"),
    "activity": ("Aktivitet", "Activity"),
}
STAGES = {
    "awareness": ("Oppmerksomhet", "Awareness"), "consideration": ("Vurdering", "Consideration"),
    "purchase": ("Kjøp", "Purchase"), "onboarding": ("Oppstart", "Onboarding"), "loyalty": ("Lojalitet", "Loyalty"),
}  # fmt: skip
CATEGORIES = {
    "media": ("Medier", "Media"), "tools": ("Verktøy", "Tools"), "content": ("Innhold", "Content"),
    "advisers": ("Rådgivere", "Advisers"), "other": ("Annet", "Other"),
}  # fmt: skip
STATUSES = {
    "planned": ("Planlagt", "Planned"), "ongoing": ("Pågår", "Ongoing"), "paused": ("Satt på pause", "Paused"),
    "done": ("Ferdig", "Done"), "cancelled": ("Avlyst", "Cancelled"),
}  # fmt: skip
SYSTEMS = {
    "crm": ("CRM", "CRM"), "webshop": ("Nettbutikk", "Webshop"), "web_analytics": ("Webanalyse", "Web analytics"),
    "ad_platforms": ("Annonseplattformer", "Ad platforms"), "search_console": ("Search Console", "Search Console"),
    "email": ("E-postsystem", "E-mail system"), "accounting": ("Regnskap", "Accounting"),
    "survey": ("Undersøkelse", "Survey"), "plan": ("Planen", "The plan"),
}  # fmt: skip
CLASSES = {
    "core": ("70 - kjent", "70 - proven"), "growth": ("20 - utvikling", "20 - emerging"),
    "experiment": ("10 - eksperiment", "10 - experimental"),
}  # fmt: skip
OPERATORS = {
    "below": ("under", "below"), "at_most": ("høyst", "at most"), "at_least": ("minst", "at least"),
    "above": ("over", "above"),
}  # fmt: skip
GRAINS = {"month": ("Måned", "Month"), "quarter": ("Kvartal", "Quarter"), "year": ("År", "Year")}
VAT = {"excluded": ("uten mva", "without VAT"), "included": ("med mva", "with VAT")}
METHODS = {
    "ab_test": ("A/B-test", "A/B test"), "geo": ("Geografisk", "Geographic"), "holdout": ("Kontrollgruppe", "Holdout"),
    "before_after": ("Før og etter", "Before and after"),
}  # fmt: skip
INTENTS = {
    "informational": ("Informasjon", "Informational"), "commercial": ("Sammenligning", "Commercial"),
    "transactional": ("Kjøp", "Transactional"), "navigational": ("Navigasjon", "Navigational"),
}  # fmt: skip
SWOT = {
    "strength": ("Styrke", "Strength"), "weakness": ("Svakhet", "Weakness"), "opportunity": ("Mulighet", "Opportunity"),
    "threat": ("Trussel", "Threat"),
}  # fmt: skip
SUBJECTS = {
    "goal": ("Mål", "Goal"), "budget": ("Budsjett", "Budget"), "activity": ("Aktivitet", "Activity"),
    "dataset": ("Datasett", "Dataset"), "metric": ("Måltall", "Metric"),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A column of a sheet. `ref`: another sheet whose key it names, or `kpi`/`channel` of the warehouse's own catalogues."""

    name: str  # in raw
    type: FieldType
    no: str
    en: str
    help_no: str
    help_en: str
    required: bool = False
    ref: str = ""
    choices: Choices = field(default_factory=dict)
    low: int | None = None
    high: int | None = None

    def header(self, language: Language) -> str:
        return self.no if language == "no" else self.en

    def help(self, language: Language) -> str:
        return self.help_no if language == "no" else self.help_en

    def options(self) -> Choices:
        """The values it may hold, {} when they do not come from a list."""
        if self.choices:
            return self.choices
        return {"kpi": kpis, "channel": channels}[self.ref]() if self.ref in ("kpi", "channel") else {}

    def column(self) -> Column:
        return Column(self.name, _RAW[self.type], self.help_en)


@dataclass(frozen=True)
class Sheet:
    """A sheet: its raw table, its columns and what must hold in it. `key` makes a row the same row from version to version."""

    name: str
    no: str
    en: str
    help_no: str
    help_en: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    exactly_one: tuple[tuple[str, ...], ...] = ()  # one of these columns has a value, and no more
    at_least_one: tuple[tuple[str, ...], ...] = ()
    together: tuple[tuple[str, ...], ...] = ()  # all have a value, or none
    ordered: tuple[tuple[str, str], ...] = ()  # the first day is not after the second
    unique: tuple[str, ...] = ()  # no value stands in two rows, though it is not the key
    uniform: tuple[str, ...] = ()  # one value in all rows

    def title(self, language: Language) -> str:
        return self.no if language == "no" else self.en

    def help(self, language: Language) -> str:
        return self.help_no if language == "no" else self.help_en

    def field(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    def table(self) -> Table:
        """The raw table: a row as it stood from one version of the plan to another."""
        return Table(
            self.name,
            (Column("row_id", "text", "the row's key; several columns are joined by ' | '"), *(f.column() for f in self.fields), *VALIDITY),
            row_key=("row_id", "valid_from_version"),
            merge_key=("row_id", "valid_from_version"),
            description=f"{self.help_en} In versions: what changed is closed, never overwritten.",
            provides="other_costs" if self.name == "other_costs" else "",
        )  # fmt: skip


VALIDITY = (
    Column("valid_from_version", "bigint", "version of the plan that brought the row so"),
    Column("valid_to_version", "bigint", "first version that no longer has it so; null: it is in force"),
)


@cache
def kpis() -> Choices:
    """The KPI catalogue: key -> names."""
    return {r["kpi"]: (r["name_no"], r["name_en"]) for r in _seed("kpi_catalogue")}


@cache
def channels() -> Choices:
    """The channels a plan may speak of: key -> names. What stands for missing or unknown origins is none of them."""
    wanted = (r for r in _seed("channels") if r["is_known"] == "true")
    return {r["channel_key"]: (r["channel_no"], r["channel"]) for r in wanted}


@cache
def datasets() -> tuple[str, ...]:
    """The datasets a mandate may speak of: the marts."""
    return tuple(sorted(p.stem for p in (PROJECT_DIR / "dbt_project" / "models" / "marts").rglob("*.sql")))


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_DIR / "dbt_project" / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))
