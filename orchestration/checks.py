"""Results of the Great Expectations suites as Dagster's asset checks: one a table, with what was seen for
each rule.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from quality.run import CheckResult

MAX_ROWS = 20  # failing rows shown in the UI; Data Docs hold the rest


def summary(results: Iterable["CheckResult"]) -> dict[str, int]:
    counts = {"passed": 0, "failed": 0, "error": 0}
    for r in results:
        counts[r.status] += 1
    return counts


def check_result(
    key: dg.AssetKey, name: str, results: Sequence["CheckResult"], docs: str
) -> dg.AssetCheckResult | None:
    """One asset check over all rules of a table. None when a rule crashed and no other failed: then the
    check has
    no outcome, and Dagster shows it as not executed, which is neither failed nor passed."""
    failed = [r for r in results if r.status == "failed"]
    if not failed and any(r.status == "error" for r in results):
        return None
    critical = [r for r in failed if r.severity == "critical"]
    counts = summary(results)
    said = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "no rule for this table"
    if failed:
        said += ": " + "; ".join(f"{r.check} ({r.observed})" for r in (critical or failed)[:3])
    return dg.AssetCheckResult(
        passed=not failed and bool(results),
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "rules": dg.MetadataValue.md(_table(results)),
            **({"failing rows (personal masked)": dg.MetadataValue.md(_rows(failed))} if failed else {}),
            "Data Docs": dg.MetadataValue.path(docs),
            **counts,
        },
    )


def _table(results: Sequence["CheckResult"]) -> str:
    order = {"error": 0, "failed": 1, "passed": 2}
    lines = ["| rule | column | status | severity | observed | expected |", "|---|---|---|---|---|---|"]
    for r in sorted(results, key=lambda r: (order[r.status], r.check)):
        cells = [r.check, r.column or "", r.status, r.severity, r.observed, r.expected]
        lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines)


def _rows(failed: Sequence["CheckResult"]) -> str:
    parts = []
    for r in failed:
        rows = r.failing_rows[:MAX_ROWS]
        if not rows:
            continue
        names = list(rows[0])
        parts.append(f"**{r.check}**" + (f": {r.n_failing:,} rows" if r.n_failing is not None else ""))
        parts.append("\n| " + " | ".join(names) + " |\n|" + "---|" * len(names))
        parts += ["| " + " | ".join(_cell(row.get(n)) for n in names) + " |" for row in rows]
    return "\n".join(parts) or "none kept"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")[:200]
