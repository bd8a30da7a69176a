"""When the night runs. Off until someone starts it in the UI, or with `dagster schedule start`."""

import dagster as dg

NIGHT_ZONE = "Europe/Oslo"
NIGHT_CRON = "0 5 * * *"


def build_schedule(job_name: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        job_name=job_name,
        name="nightly",
        cron_schedule=NIGHT_CRON,
        execution_timezone=NIGHT_ZONE,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every morning at 05:00. As-of is the day it was due, also when it starts late.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        from zoneinfo import ZoneInfo

        day = context.scheduled_execution_time.astimezone(ZoneInfo(NIGHT_ZONE)).date().isoformat()
        return dg.RunRequest(run_key=f"nightly-{day}", run_config=as_of_config(day), tags={"warehouse/as_of": day})

    return nightly


def as_of_config(day: str) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Run config that sets the night's as-of."""
    return {"resources": {"night": {"config": {"as_of": day}}}}
