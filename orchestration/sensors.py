"""Alerts for runs that Dagster's daemon sees fail. Running by default: without a target it sends nothing,
and a
schedule that someone starts is then never a silent one. Runs of the shell alert by themselves."""

import dagster as dg

from ingestion.settings import get_settings
from orchestration import alerts, publish
from orchestration.instance import ALERTED_TAG, SHELL_TAG
from orchestration.night import judge, read_record


def build_failure_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_on_failure",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Webhook and e-mail for a red verdict or a crash (WAREHOUSE_ALERT_*).",
    )
    def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run, settings = context.dagster_run, get_settings()
        if SHELL_TAG in run.tags or ALERTED_TAG in run.tags:
            return dg.SkipReason(f"run {run.run_id[:8]} was already told of")
        if not alerts.is_configured(settings):
            return dg.SkipReason("no alert target; set WAREHOUSE_ALERT_WEBHOOK_URL or WAREHOUSE_ALERT_EMAIL_TO")
        record = read_record(settings, run.run_id)
        if not (record.crashes or record.sources or record.not_passed or record.dbt):
            record.crashes["start"] = context.failure_event.message or "the run failed before its first step"
        current = publish.current_generation(settings)
        found = judge(record, still=f"; readers still see {current.id}" if current else "")
        kind = "crash" if record.crashes else "red"
        for error in alerts.send_alert(
            settings, f"warehouse: {found.headline}", found.text(), kind=kind, run_id=run.run_id
        ):
            context.log.error(error)
        context.instance.add_run_tags(run.run_id, {ALERTED_TAG: kind})
        return None

    return alert_on_failure
