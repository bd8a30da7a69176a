"""Brings every source into raw, one DuckDB file a source, through dlt. Never imports dagster."""
