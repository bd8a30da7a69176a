"""What happened tonight, and the verdict on it. No dagster here: the job, the shell and the alerts all read
this.

The record of a run is a small JSON file that its steps add to; it survives whoever wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.settings import Settings

if TYPE_CHECKING:
    from ingestion.pipeline import LoadReport
    from quality.run import CheckResult

KEEP_LOGS = 60


def logs_dir(settings: Settings) -> Path:
    return settings.data_dir / "logs"


@dataclass
class NightRecord:
    """One run: its sources, dbt's outcome, the checks that did not pass, what was published, what crashed."""

    run_id: str
    as_of: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    dbt: dict[str, Any] = field(default_factory=dict)  # built, passed, warnings: [..], failures: [..]
    checks: dict[str, Any] = field(default_factory=dict)  # passed, failed, errors: counts over both borders
    not_passed: list[dict[str, Any]] = field(default_factory=list)
    audited: bool = False
    blocked: list[str] = field(default_factory=list)  # why nothing may be published
    published: dict[str, Any] = field(default_factory=dict)  # generation, as_of, path, marts, rows
    notes: list[str] = field(default_factory=list)  # what else people should know
    crashes: dict[str, str] = field(default_factory=dict)  # step -> what it said

    def add_sources(self, reports: Iterable[LoadReport]) -> None:
        for r in reports:
            self.sources.append(
                {
                    "source": r.source,
                    "status": r.status,
                    "message": r.message,
                    "rows": sum(r.rows.values()),
                    "rejected": r.rejected,
                    "seconds": round(r.seconds, 2),
                    "last_good_as_of": r.last_good_as_of and r.last_good_as_of.isoformat(),
                    "data_through_date": r.data_through_date and r.data_through_date.isoformat(),
                    "is_stale": r.is_stale,
                }
            )

    def add_checks(self, results: Sequence[CheckResult]) -> None:
        """Count the results; keep those that did not pass, without their rows (those stay in Data Docs,
        masked).
        """
        for r in results:
            self.checks[r.status] = self.checks.get(r.status, 0) + 1
            if r.status != "passed":
                kept = asdict(r)
                kept.pop("failing_rows", None)
                self.not_passed.append(kept)

    def mark_stale(self, source: str, why: str) -> None:
        """A mart check traced a fault to this source: its data is not as fresh, or not as whole, as it should be."""
        for entry in self.sources:
            if entry["source"] == source:
                entry |= {"is_stale": True, "message": "; ".join(filter(None, [entry["message"], why]))}

    def save(self, settings: Settings) -> None:
        folder = logs_dir(settings)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = folder / f".{self.run_id}.json"
        new.write_text(json.dumps(asdict(self), indent=1, default=str))
        new.replace(folder / f"{self.run_id}.json")
        forget_old_logs(settings)


def read_record(settings: Settings, run_id: str) -> NightRecord:
    """The record of a run; an empty one when it wrote none."""
    with suppress(FileNotFoundError):
        return NightRecord(**json.loads((logs_dir(settings) / f"{run_id}.json").read_text()))
    return NightRecord(run_id)


def forget_old_logs(settings: Settings) -> None:
    for pattern in ("*.json", "*.log"):
        found = sorted(logs_dir(settings).glob(pattern), key=lambda p: p.stat().st_mtime)
        for old in found[:-KEEP_LOGS]:
            old.unlink()


@dataclass(frozen=True)
class Problem:
    """Something red: what happened, and what the one on duty does next."""

    what: str
    todo: str


@dataclass(frozen=True)
class Verdict:
    """Red when there is a problem. Warnings alone leave a night green."""

    as_of: str
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    published: str  # a sentence

    @property
    def is_red(self) -> bool:
        return bool(self.problems)

    @property
    def headline(self) -> str:
        if not self.is_red:
            return f"night {self.as_of}: green; {self.published}"
        n = len(self.problems)
        return f"night {self.as_of}: RED, {n} problem{'s' if n > 1 else ''}; {self.published}"

    def text(self) -> str:
        lines = [self.headline]
        for problem in self.problems:
            lines += [f"- {problem.what}", f"  -> {problem.todo}"]
        return "\n".join(lines + [f"- (warning) {w}" for w in self.warnings])


def judge(record: NightRecord, *, publishing: bool = True, still: str = "") -> Verdict:
    """The verdict on a run. `publishing`: whether it was meant to publish; `still`: what readers see if it
    did not.
    """
    problems: list[Problem] = []
    warnings: list[str] = []
    for s in record.sources:
        good = f"raw keeps its data of {s['last_good_as_of']}" if s["last_good_as_of"] else "it never loaded before"
        again = f"mend it, try `python -m ingestion load {s['source']}`, then run the night again"
        if s["status"] == "failed":
            problems.append(Problem(f"source {s['source']} failed: {s['message']} ({good})", again))
        elif s["status"] == "partial":
            problems.append(Problem(f"source {s['source']} loaded in part: {s['message']}", again))
        elif s["is_stale"]:
            warnings.append(f"source {s['source']} is stale: {s['message']}")
    for c in record.not_passed:
        where = f"{c['table']}.{c['column']}" if c.get("column") else c["table"]
        if c["status"] == "error":
            todo = "the check itself is broken and says nothing about the data; the run's log has the traceback"
            problems.append(Problem(f"check {c['check']} on {where} crashed: {c['observed']}", todo))
        elif c["severity"] == "critical":
            todo = "look at the failing rows in Data Docs, then mend the data or the model"
            problems.append(
                Problem(f"check {c['check']} on {where} failed: {c['observed']}; expected {c['expected']}", todo)
            )
        elif not any(f"{c['check']} on {c['table']}" in s["message"] for s in record.sources):  # told there already
            warnings.append(f"check {c['check']} on {where}: {c['observed']}; expected {c['expected']}")
    for failure in record.dbt.get("failures", []):
        problems.append(
            Problem(f"dbt: {failure}", "mend it, then run the night again; the run's log has all that dbt said")
        )
    warnings += [f"dbt: {w}" for w in record.dbt.get("warnings", [])]
    warnings += record.notes
    for step, message in record.crashes.items():
        problems.append(Problem(f"step {step} stopped: {message}", "read the run's log, then run the night again"))
    if record.published:
        p = record.published
        published = f"published {p['generation']} ({p['n_marts']} marts)"
    else:
        published = f"nothing published{still}"
        if publishing and not problems:
            problems.append(Problem(published, "; ".join(record.blocked) or "read the run's log"))
    return Verdict(record.as_of, tuple(problems), tuple(warnings), published)
