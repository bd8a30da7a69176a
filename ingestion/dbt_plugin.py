"""dbt-duckdb plugin: gives each of dbt's cursors the privacy macros, and lets writers know that dbt builds.

Named in the generated profile."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from ingestion import privacy
from ingestion.lock import hold_while_building
from ingestion.settings import get_settings


class Plugin(BasePlugin):
    def initialize(self, plugin_config: dict[str, Any]) -> None:
        gc.freeze()  # the parsed project stays: looking through it for garbage is a tenth of a build
        gc.set_threshold(10_000)
        if self.creds:
            hold_while_building(Path(self.creds.path).parent)

    def configure_cursor(self, cursor: Any) -> None:
        privacy.install(cursor, get_settings().require_hash_key())
