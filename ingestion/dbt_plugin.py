"""dbt-duckdb plugin: gives each of dbt's cursors the privacy macros and UTC. Named in the generated profile."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from ingestion import privacy
from ingestion.settings import get_settings


class Plugin(BasePlugin):
    def configure_cursor(self, cursor: Any) -> None:
        privacy.install(cursor, get_settings().require_hash_key())
