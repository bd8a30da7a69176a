"""Composes the graph: systems -> raw -> dbt -> audit -> published -> verdict. Nothing else, and nothing at
import:
the dbt manifest is read when Dagster loads the definitions, and never parsed here."""

import dagster as dg

from ingestion.settings import get_settings
from orchestration.assets.audit import build_audit
from orchestration.assets.dbt import build_dbt_assets
from orchestration.assets.publication import build_publication
from orchestration.assets.raw import build_raw_assets, system_specs
from orchestration.assets.verdict import build_verdict
from orchestration.manifest import read_manifest
from orchestration.resources import Night
from orchestration.schedules import build_schedule
from orchestration.sensors import build_failure_sensor

JOB = "nightly"


@dg.definitions
def defs() -> dg.Definitions:
    dbt = build_dbt_assets(read_manifest(get_settings()))
    marts = sorted((s for s in dbt.specs if s.key.path[0] == "marts"), key=lambda s: s.key)
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        description="The whole night, from the systems to the published marts. Red when anything was red.",
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(
        assets=[
            *system_specs(),
            build_raw_assets(),
            dbt,
            build_audit([s.key for s in marts]),
            build_publication(marts),
            build_verdict(),
        ],
        jobs=[job],
        schedules=[build_schedule(JOB)],
        sensors=[build_failure_sensor()],
        resources={"night": Night()},
        executor=dg.in_process_executor,
    )
