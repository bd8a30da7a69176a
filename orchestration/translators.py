"""How dbt's nodes and our sources look in Dagster: keys, groups, owners. Keys are pinned here, not left to
config.

source  [<source>, <table>]          model  [<layer>, <name>]  (staging, intermediate, marts)
seed    ["seeds", <name>]            published mart  ["published", <name>]
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from ingestion.spec import SourceSpec, Table

LAYERS = ("staging", "intermediate", "marts")


def owner(name: str | None) -> list[str]:
    """An e-mail address as it is; anything else as a team. Dagster takes no other form."""
    if not name:
        return []
    return [name if "@" in name else "team:" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")]


def layer_and_topic(props: Mapping[str, Any]) -> tuple[str, str]:
    """("marts", "sales") from models/marts/sales/fct_order.sql; the topic is "" for a file directly in its
    layer.
    """
    folders = [*props.get("fqn", [])[1:-1], "", ""]
    return str(folders[0] or "models"), str(folders[1])


def is_mart(props: Mapping[str, Any]) -> bool:
    return props["resource_type"] == "model" and layer_and_topic(props)[0] == "marts"


class Translator(DagsterDbtTranslator):
    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        kind, name = dbt_resource_props["resource_type"], dbt_resource_props["name"]
        if kind == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], name])
        if kind in ("seed", "snapshot"):
            return dg.AssetKey([f"{kind}s", name])
        return dg.AssetKey([layer_and_topic(dbt_resource_props)[0], name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        kind = dbt_resource_props["resource_type"]
        if kind == "source":
            return raw_group(dbt_resource_props["source_name"])
        if kind in ("seed", "snapshot"):
            return f"{kind}s"
        layer, topic = layer_and_topic(dbt_resource_props)
        return f"{layer}_{topic}" if topic else layer

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        meta = {**dbt_resource_props.get("meta", {}), **dbt_resource_props.get("config", {}).get("meta", {})}
        return owner(meta.get("owner")) or super().get_owners(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props.get("description") or "")  # not the whole SQL: the UI links to dbt's file


def raw_group(source: str) -> str:
    return source if source == "ops" else f"raw_{source}"


def system_key(spec: SourceSpec) -> dg.AssetKey:
    return dg.AssetKey(["systems", spec.name])


def raw_spec(spec: SourceSpec, table: Table) -> dg.AssetSpec:
    """A raw table as an asset: personal columns are marked, so that nobody wonders why they are masked
    elsewhere.
    """
    columns = [
        dg.TableColumn(c.name, c.duckdb_type(), c.description, tags={"personal": ""} if c.personal else None)
        for c in table.columns
    ]
    return dg.AssetSpec(
        dg.AssetKey([spec.name, table.name]),
        deps=[system_key(spec)],
        description=table.description or spec.description,
        group_name=raw_group(spec.name),
        owners=owner(spec.owner),
        kinds={"dlt", "duckdb"},
        metadata={"dagster/column_schema": dg.TableSchema(columns=columns)},
    )
