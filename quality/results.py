"""What a check says, and how it is kept: CheckResult, its summary, its masking, the files of the last runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ingestion.privacy import mask, scrub
from ingestion.settings import Settings

Status = Literal["passed", "failed", "error"]
# A check's own words are code; what lies in quotes may be data. Addresses are masked wherever they stand.


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome. `error` means the check itself crashed: nothing is known of the data.

    `failing_rows` shows at most 20 rows, personal columns masked. `source` names the source a fault is traced to.
    """

    suite: str
    check: str
    table: str
    column: str | None
    status: Status
    severity: Literal["critical", "warning"]
    observed: str
    expected: str
    n_failing: int | None = None
    failing_rows: tuple[dict[str, Any], ...] = ()
    source: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether this keeps the night from being published (marts) or the table from being loaded (contract)."""
        return self.status != "passed" and self.severity == "critical"


def summary(results: Iterable[CheckResult]) -> dict[str, int]:
    """Counts: passed, failed and errors add up to all; critical_failed are those that block, errors included."""
    counts = {"passed": 0, "failed": 0, "errors": 0, "critical_failed": 0, "warnings": 0}
    for result in results:
        counts[{"passed": "passed", "failed": "failed", "error": "errors"}[result.status]] += 1
        if result.status != "passed":
            counts["critical_failed" if result.severity == "critical" else "warnings"] += 1
    return counts


def shown(row: Mapping[str, Any], personal: frozenset[str], known: frozenset[str] | None) -> dict[str, Any]:
    """A failing row as a person may see it. Text in a column that is not `known` may stem from a personal one: masked.

    `known` None: all columns are known (marts hold no personal data).
    """
    safe: dict[str, Any] = {}
    for column, value in row.items():
        if column in personal:
            safe[column] = mask(value)
        elif isinstance(value, bool | int | float) or value is None:
            safe[column] = value
        elif isinstance(value, Decimal):
            safe[column] = str(value)
        elif isinstance(value, date | datetime):
            safe[column] = value.isoformat()
        elif known is not None and column not in known:
            safe[column] = mask(value)
        else:
            safe[column] = scrub(str(value))[:200]
    return safe


# The last runs: data/quality/<name>.json, one a source's contract and one for the marts.


@dataclass(frozen=True)
class Run:
    """The last run over one table: the night and what its checks said."""

    as_of: date
    finished_at: datetime
    results: tuple[CheckResult, ...]


def results_dir(settings: Settings) -> Path:
    return settings.data_dir / "quality"


def keep(
    settings: Settings,
    name: str,
    as_of: date,
    results: Iterable[CheckResult],
    now: datetime,
    whole: bool = False,
) -> None:
    """Keep the results, table by table: a run over some tables leaves what is known of the others, a `whole` one not."""
    kept = {} if whole else {t: r for (n, t), r in read_runs(settings).items() if n == name}
    for table in (by_table := _by_table(results)):
        kept[table] = Run(as_of, now, tuple(by_table[table]))
    folder = results_dir(settings)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        table: {
            "as_of": run.as_of.isoformat(),
            "finished_at": run.finished_at.isoformat(),
            "results": [asdict(r) for r in run.results],
        }
        for table, run in sorted(kept.items())
    }
    draft = folder / f".{name}.{uuid4().hex}"
    draft.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    draft.replace(folder / f"{name}.json")


def read_runs(settings: Settings) -> dict[tuple[str, str], Run]:
    """The last run by (name, table); {} before the first night."""
    runs: dict[tuple[str, str], Run] = {}
    for path in sorted(results_dir(settings).glob("*.json")):
        for table, run in json.loads(path.read_text(encoding="utf-8")).items():
            results = tuple(CheckResult(**r | {"failing_rows": tuple(r["failing_rows"])}) for r in run["results"])
            runs[path.stem, table] = Run(
                date.fromisoformat(run["as_of"]), datetime.fromisoformat(run["finished_at"]), results
            )
    return runs


# A wanted shrink (an old file taken out, a person deleted) would fail the volume check for weeks: a person accepts it.


def accept_volume(settings: Settings, mart: str, as_of: date, reason: str) -> None:
    """From this night on the mart's row count is measured against this night and later ones only."""
    accepted = read_accepted(settings) | {mart: as_of}
    path = _accepted_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    log = json.loads(path.read_text(encoding="utf-8"))["log"] if path.exists() else []
    content = {
        "since": {m: d.isoformat() for m, d in sorted(accepted.items())},
        "log": [*log, {"mart": mart, "as_of": as_of.isoformat(), "reason": reason}],
    }
    draft = path.with_suffix(f".{uuid4().hex}")
    draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
    draft.replace(path)


def read_accepted(settings: Settings) -> dict[str, date]:
    """Marts whose volume a person accepted, with the night from which history counts."""
    path = _accepted_file(settings)
    if not path.exists():
        return {}
    since = json.loads(path.read_text(encoding="utf-8"))["since"]
    return {mart: date.fromisoformat(day) for mart, day in since.items()}


def _accepted_file(settings: Settings) -> Path:
    return results_dir(settings) / "accepted" / "volumes.json"


def _by_table(results: Iterable[CheckResult]) -> dict[str, list[CheckResult]]:
    tables: dict[str, list[CheckResult]] = {}
    for result in results:
        tables.setdefault(result.table, []).append(result)
    return tables
