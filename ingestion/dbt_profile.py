"""Writes dbt's profile from the registry, so that a new source needs no second list."""

from __future__ import annotations

from pathlib import Path

import yaml

from ingestion.registry import all_specs
from ingestion.settings import Settings


def write_profile(settings: Settings) -> Path:
    """Write <data>/dbt/profiles.yml (every raw file attached read-only) and return its folder. Holds no secret."""
    attach = [
        {"path": str(settings.raw_file(spec.name)), "alias": f"raw_{spec.name}", "read_only": True}
        for spec in all_specs()
    ]
    attach.append({"path": str(settings.ops_file), "alias": "raw_ops", "read_only": True})
    profile = {
        "marketing_warehouse": {
            "target": "duckdb",
            "outputs": {
                "duckdb": {
                    "type": "duckdb",
                    "path": str(settings.warehouse_file),
                    "schema": "main",
                    "threads": 2,
                    "attach": attach,
                    "settings": {
                        "TimeZone": "UTC",
                        "memory_limit": settings.memory_limit,
                        "preserve_insertion_order": False,
                    },
                    "plugins": [{"module": "ingestion.dbt_plugin"}],
                }
            },
        }
    }
    settings.dbt_dir.mkdir(parents=True, exist_ok=True)
    path = settings.dbt_dir / "profiles.yml"
    text = yaml.safe_dump(profile, sort_keys=False)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return settings.dbt_dir
