"""The night as a resource: as-of, record and, for as long as the run lasts, the writer's lock."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from ingestion.lock import writer_lock
from ingestion.settings import Settings, get_settings
from orchestration import alerts, publish
from orchestration.instance import ALERTED_TAG, PROCESS_TAG, close_orphans, process_mark
from orchestration.night import NightRecord, read_record
from orchestration.progress import tell


class AsOfError(ValueError):
    """The as-of given cannot be used; the message says why and what to do."""


class Night(dg.ConfigurableResource):  # type: ignore[type-arg]
    """`as_of` (YYYY-MM-DD) replaces the clock; empty means today in the reporting zone, or for a run that
    loads
    nothing, the night the warehouse was loaded for."""

    as_of: str = ""

    _settings: Settings = PrivateAttr()
    _record: NightRecord = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["Night", None, None]:
        settings = get_settings()
        run = context.run
        log = context.log
        assert run and context.instance and log

        def on_wait(message: str) -> None:
            log.info(message)
            tell("lock", message)

        with writer_lock(settings, f"run {run.run_id[:8]} of {run.job_name}", on_wait):
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: process_mark()})
            close_and_alert(context.instance, settings)
            for done in publish.repair(settings):
                log.warning(done)
            self._settings = settings
            self._record = read_record(settings, run.run_id)
            yield self

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def record(self) -> NightRecord:
        return self._record

    def load_as_of(self) -> date:
        """The night to load for. Raises AsOfError, or PublishError when a newer night is published."""
        as_of = self._given() or self.settings.today()
        publish.refuse_earlier(self.settings, as_of)
        self._note(as_of)
        return as_of

    def built_as_of(self) -> date:
        """The night that raw was loaded for: what dbt built and what may be published. Raises AsOfError."""
        loaded = self._loaded()
        if loaded is None:
            raise AsOfError("nothing was loaded yet; run the whole job `nightly` once")
        given = self._given()
        if given and given != loaded:
            raise AsOfError(f"as-of {given} was asked for, but raw was loaded for {loaded}; include the load step")
        self._note(loaded)
        return loaded

    @contextmanager
    def step(self, name: str) -> Iterator[NightRecord]:
        """Keeps in the record what a step did, and what stopped it, whichever comes."""
        try:
            yield self.record
        except Exception as error:
            if not (isinstance(error, dg.Failure) and name in ("dbt", "audit", "verdict")):
                self.record.crashes[name] = short(error)
            raise
        finally:
            self.record.save(self.settings)

    def _note(self, as_of: date) -> None:
        self.record.as_of = as_of.isoformat()

    def _given(self) -> date | None:
        if not self.as_of:
            return None
        try:
            return date.fromisoformat(self.as_of)
        except ValueError as error:
            raise AsOfError(f"as_of is {self.as_of!r}; expected a date like 2026-11-23") from error

    def _loaded(self) -> date | None:
        if not self.settings.ops_file.exists():
            return None
        con = duckdb.connect(str(self.settings.ops_file), read_only=True)
        try:
            row = con.execute("select as_of from ops.run").fetchone()
        except duckdb.CatalogException:
            return None
        finally:
            con.close()
        return row[0] if row else None


def short(error: BaseException, limit: int = 600) -> str:
    """An error in one line, for people."""
    text = (error.description if isinstance(error, dg.Failure) else str(error)) or ""
    line = " ".join(text.split())[:limit]
    return line if isinstance(error, publish.PublishError | AsOfError) else f"{type(error).__name__}: {line}"


def close_and_alert(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Close runs that a killed process left started, and tell people once."""

    def on_close(run: dg.DagsterRun, message: str) -> None:
        instance.add_run_tags(run.run_id, {ALERTED_TAG: "orphan"})
        subject = f"warehouse: {run.job_name} was cut off"
        alerts.send_alert(settings, subject, message, kind="orphan", run_id=run.run_id)

    return close_orphans(instance, on_close)
