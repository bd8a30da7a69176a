"""`python -m benchmarks`: measures, prints, and writes benchmarks/RESULTS.md. A missed target is said, and fails nothing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from benchmarks import accuracy, components, inputs, sandbox, web
from benchmarks.nights import run_night
from benchmarks.platforms import PLATFORMS, measured
from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sandbox.store import World
from ingestion.settings import PROJECT_DIR

RESULTS = PROJECT_DIR / "benchmarks" / "RESULTS.md"
REAL_AS_OF = date(2026, 10, 31)
DEMO_AS_OF = date(2026, 11, 20)  # a Friday; the third night after it is Monday's, the second reaches back on Sunday
YEARS = 2  # of the company that the platforms are measured on


@dataclass
class Section:
    """A table of the results: heading, what was done, columns, rows."""

    key: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.about, "", _line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join([*lines, *(_line(row) for row in self.rows)]) + "\n"


def _line(cells: object) -> str:
    return f"| {' | '.join(cells)} |"  # type: ignore[arg-type]


def _verdict(ok: bool) -> str:
    return "met" if ok else "MISSED"


def loading(repeat: int) -> Section:
    """Order lines into raw: the first load, and a second one that finds nothing new."""
    data = "the real order lines" if inputs.REAL_LINES.exists() else "made-up order lines"
    section = Section(
        "loading",
        "Files into raw",
        f"{inputs.N_LINES:,} lines ({data}); `ingestion.pipeline.load_source` on prepared tables, each load in a "
        f"process of its own, median of {repeat}. Reading, converting, keeping rejects apart, dlt's steps and the "
        "write into DuckDB are in it; the contract's checks, the same for every format, are in the nights below.",
        ("format", "MB", "first load, s", "rows/s", "target", "", "nothing new, s"),
    )
    targets = {"Parquet": 300_000, "CSV": 150_000}
    with _folder() as folder:
        for what in inputs.shapes(folder):
            runs = [_load(folder / "data", what.catalogue) for _ in range(repeat)]
            firsts = [r["first_seconds"] for r in runs]
            seconds = statistics.median(firsts)
            again = statistics.median(r["again_seconds"] for r in runs)
            speed = runs[0]["first_rows"] / seconds
            target = targets.get(what.name)
            section.rows.append(
                (
                    what.name,
                    f"{what.megabytes:.1f}",
                    f"{seconds:.2f} ({', '.join(f'{s:.2f}' for s in firsts)})",
                    f"{speed:,.0f}",
                    f"{target:,}" if target else "",
                    _verdict(speed >= target) if target else "",
                    f"{again:.2f}",
                )
            )
            _say(section)
    return section


def _load(data: Path, catalogue: Path) -> dict[str, float]:
    shutil.rmtree(data, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loading", str(data), str(catalogue)],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the load failed:\n{done.stdout}{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def nights(repeat: int) -> Section:
    """The full run on a new data folder, then nights with nothing new."""
    real = inputs.has_real_data()
    section = Section(
        "nights",
        "Whole nights",
        "`python -m orchestration nightly` from the prompt to its end, all parts included: load, contract, dbt with its "
        "tests, mart checks, Data Docs, publishing. Memory is the highest sum of the proportional set sizes of all its "
        "processes. "
        + (
            "All five real sets in one data folder (for timing only; they belong to unrelated companies and years)."
            if real
            else "The made-up company's drop folder: the real sets are not beside the project."
        ),
        ("night", "seconds", "target", "", "peak MiB", "target", ""),
    )
    with _folder() as folder:
        if real:
            catalogue, as_of = inputs.all_sets(folder), REAL_AS_OF
        else:
            make_drop_folder(folder / "drop", DEMO_AS_OF)
            catalogue, as_of = folder / "drop" / "catalogue.yml", DEMO_AS_OF
        first = run_night(folder / "data", catalogue, as_of)
        seconds, peak = first.seconds, first.peak_mib
        section.rows.append(
            ("first, everything new", f"{seconds:.1f}", "120", _verdict(seconds <= 120), f"{peak:,.0f}", "", "")
        )
        _say(section)
        print(first.said)
        again = [run_night(folder / "data", catalogue, as_of) for _ in range(repeat)]
        seconds = statistics.median(n.seconds for n in again)
        peak = max(n.peak_mib for n in again)
        section.rows.append(
            (
                f"nothing new, median of {repeat}",
                f"{seconds:.1f} ({', '.join(f'{n.seconds:.1f}' for n in again)})",
                "40",
                _verdict(seconds <= 40),
                f"{peak:,.0f}",
                "1,536",
                _verdict(peak <= 1536),
            )
        )
        _say(section)
        print(again[-1].said)
    return section


def demo(repeat: int) -> Section:
    """Nights on the simulated company, as `make nightly` runs them when no source is configured."""
    section = Section(
        "demo",
        "Nights on the simulated company",
        "`python -m orchestration nightly` on a new data folder without any source configured, from the prompt to its "
        "end: the company is made or extended by a day, served, five ad platforms, exchange rates and the drop folder "
        "are loaded, built, checked and published. Size `small`. The second night is a Saturday's, the third a "
        "Sunday's, which pulls again what the platforms restate within the month.",
        ("night", "seconds", "target", "", "peak MiB", "target", ""),
    )
    for n in range(repeat):
        with _folder() as folder:
            for name, days, target in (("first", 0, 90), ("second", 1, 45), ("third", 2, 45)):
                night = run_night(folder / "data", folder / "drop" / "catalogue.yml", DEMO_AS_OF + timedelta(days=days))
                peak = f"{night.peak_mib:,.0f}"
                verdicts = _verdict(night.seconds <= target), _verdict(night.peak_mib <= 3072)
                seconds = f"{night.seconds:.1f}"
                row = (f"{name}, run {n + 1}", seconds, str(target), verdicts[0], peak, "3,072", verdicts[1])
                section.rows.append(row)
                _say(section)
            print(night.said)
    return section


def platforms(repeat: int) -> Section:
    """Each platform's whole history pulled from the sandbox, and the floor beside it."""
    section = Section(
        "platforms",
        "Ad platforms into raw",
        f"The whole history of a company of size `small` with {YEARS} years, pulled from its sandbox server on the same "
        f"machine by `ingestion.pipeline.load_source` on prepared tables, median of {repeat}. The floor asks for the "
        "very same pages in one bare httpx loop, parses them with orjson and throws them away; the server's work is in "
        "both. Target: half the floor's rows/s.",
        ("platform", "rows", "requests", "seconds", "rows/s", "floor, s", "share of the floor's speed", ""),
    )
    with _folder() as folder:
        through = DEMO_AS_OF - timedelta(days=1)
        start = through.replace(year=through.year - YEARS) + timedelta(days=1)
        World.create_or_extend(folder / "company", "small", sandbox.SEED, through, start=start)
        for name in PLATFORMS:
            runs = sorted(
                (measured(name, folder / f"{name}{n}", folder / "company") for n in range(repeat)),
                key=lambda r: r["seconds"],
            )
            run = runs[len(runs) // 2]
            floor = min(r["floor_seconds"] for r in runs)
            share = floor / run["seconds"]
            each = ", ".join(f"{r['seconds']:.1f}" for r in runs)
            section.rows.append(
                (
                    name, f"{run['rows']:,.0f}", f"{run['calls']:,.0f}",
                    f"{run['seconds']:.1f} ({each})",
                    f"{run['rows'] / run['seconds']:,.0f}", f"{floor:.1f}", f"{share:.0%}", _verdict(share >= 0.5),
                )
            )  # fmt: skip
            _say(section)
    return section


def company(repeat: int) -> Section:
    """The simulated company at each size, and its GA4-shaped events."""
    section = Section(
        "company",
        "The simulated company",
        "Made, and its GA4-shaped export written to Parquet, each in a process of its own (`python -m benchmarks.sandbox`"
        "). Measured once: the large one takes its time.",
        ("size", "made, s", "peak GiB", "GA4 events", "written, s", "events/s", "peak GiB", "target", ""),
    )
    for name in sandbox.TARGETS:
        section.rows.append(sandbox.measured(name))
        _say(section)
    return section


def ga4(repeat: int, size: str = "medium") -> Section:
    """GA4's export to sessions, conversions and pages; the bare script beside it."""
    section = Section(
        "web" if size == "medium" else f"web_{size}",
        f"GA4's events, {size}",
        "From the export's files to raw, and from raw to `fct_session`, `fct_web_conversion` and `fct_page_daily` (dbt's own "
        "time of running), beside a bare DuckDB script with two threads that reads the same files, takes out the same "
        "parameters, aggregates sessions and writes them (`benchmarks/web.py`). Then one day more, with the three days that "
        "GA4 restates; and apart, that load's contract, the checks of the three marts and the publishing of all that was built, "
        "whole every night and so as large as history. Measured once, each step in a process of its own.",
        ("step", "seconds", "peak GiB", "times bare", "target", ""),
    )
    with _folder() as folder:
        found = web.measured(size, folder)
    beside = []
    if size != "medium":
        with _folder() as folder:
            beside = web.measured("medium", folder)
    floor = found[0][1]
    whole = sum(s for name, s, _ in found if name in ("load", "models"))
    peak = max(g for _, _, g in found)
    for name, seconds, gib in found:
        section.rows.append((name, f"{seconds:.1f}", f"{gib:.2f}", "", "", ""))
    met = whole <= web.RATIO * floor and peak <= web.GIB[size]
    target = f"{web.RATIO:.0f} times, {web.GIB[size]:.0f} GiB"
    section.rows.append(
        ("load and models", f"{whole:.1f}", f"{peak:.2f}", f"{whole / floor:.1f}", target, _verdict(met))
    )
    _say(section)
    if beside:
        day, mediums = (sum(s for name, s, _ in of if name in web.ONE_DAY) for of in (found, beside))
        met, target = day <= web.GROWTH * mediums, f"{web.GROWTH} times medium's {mediums:.1f} s"
        section.rows.append(("load and models, one day more", f"{day:.1f}", "", "", target, _verdict(met)))
        _say(section)
    return section


def who_is_who(repeat: int, size: str = "small") -> Section:
    """Identity against the simulated company's truth."""
    section = Section(
        "accuracy" if size == "small" else f"accuracy_{size}",
        f"Who is who, {size}",
        "Files, GA4's events, HubSpot and Mailchimp of the simulated company, loaded and built up to `dim_person`; every pair "
        "of identifiers that truth knows (cookie, login, address, number, contact) is looked up. Precision: of the pairs that are "
        "one person's in the warehouse, those that truth says are. Recall: of the pairs of people who allow it that a chain of "
        "that person's own visits, orders, leads and forms holds together, those that are found. Coverage counts also what "
        "nothing links, such as a second device that never logs in; no join can find it ([identity](../docs/identity.md)).",
        ("figure", "found", "of", "share", "target", ""),
    )
    with _folder() as folder:
        for row in accuracy.rows(size, folder, DEMO_AS_OF - timedelta(days=1)):
            section.rows.append(row)
            _say(section)
    return section


def identity(repeat: int) -> Section:
    """Ten million edges to people."""
    section = Section(
        "identity",
        "People from ten million edges",
        "`int_identity__components` alone, as dbt runs it: edges and nodes read from DuckDB, people and merges written back, "
        "two threads, in a process of its own. Most people have two to six identifiers, some hundreds. Edges are spread over "
        "two years of days, which are joined one after another.",
        ("edges", "people", "merges", "seconds", "CPU, s", "target", "", "peak GiB", "target", ""),
    )
    section.rows.append(components.row())
    _say(section)
    return section


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)


def _say(section: Section) -> None:
    print(" | ".join(f"{c}: {v}" if c else v for c, v in zip(section.columns, section.rows[-1], strict=True) if v))


def _machine(command: str) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{date.today()} · {os.cpu_count()} cores, {memory:.1f} GiB · Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__} · load average before: {os.getloadavg()[0]:.1f} · `{command}`"
    )


def _write(section: Section, machine: str) -> None:
    """Put one section into RESULTS.md; the others stay as they were measured."""
    head = "# Benchmarks\n\nWritten by `make benchmark`. Each section says when and on what it was measured.\n"
    marks = f"<!-- {section.key} -->\n", f"<!-- end {section.key} -->\n"
    text = RESULTS.read_text() if RESULTS.exists() else head
    new = f"{marks[0]}{section.markdown()}\n{machine}\n{marks[1]}"
    if marks[0] in text:
        before, rest = text.split(marks[0])
        text = before + new + rest.split(marks[1])[1]
    else:
        text += "\n" + new
    RESULTS.write_text(text)


def main(
    only: Annotated[
        str | None,
        typer.Option(
            help="one of: loading, nights, demo, platforms, company, web, identity, accuracy, web_large, accuracy_medium; "
            "all but the last two by default"
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="how often each is measured; the median counts")] = 3,
    write: Annotated[bool, typer.Option(help="write benchmarks/RESULTS.md")] = True,
) -> None:
    """Time loading, whole nights, the demo, the platforms and the simulated company, and count who is who; print figures beside targets."""
    known = {
        "loading": loading, "nights": nights, "demo": demo, "platforms": platforms, "company": company, "web": ga4,
        "identity": identity, "accuracy": who_is_who,
        "web_large": lambda repeat: ga4(repeat, "large"), "accuracy_medium": lambda repeat: who_is_who(repeat, "medium"),
    }  # fmt: skip
    if only and only not in known:
        raise typer.BadParameter(f"{only!r}; expected one of {', '.join(known)}", param_hint="--only")
    if not inputs.has_real_data():
        print("the real data sets are not beside the project (../shared/data): measuring on made-up data")
    command = "make benchmark" + (f" ARGS='--only {only}'" if only else "")
    for name in [only] if only else [k for k in known if k not in ("web_large", "accuracy_medium")]:
        machine = _machine(command)
        print(f"\n{name}: {machine}")
        section = known[name](repeat)
        if write:
            # far above what it was before, something else ran beside it: measure again when the machine is quiet
            _write(section, f"{machine} · load average after: {os.getloadavg()[0]:.1f}")
    if write:
        print(f"\nwrote {RESULTS.relative_to(PROJECT_DIR)}")


if __name__ == "__main__":
    typer.run(main)
