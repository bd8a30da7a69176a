"""A BI tool that never stops: reads the published file and the parquet folder, and notes every half state.

It reads again at once for as long as anything changes in the published folder, which it sees within milliseconds, and once
a second else: reading without a pause would take one of two cores from the night beside it.

`python -m tests.acceptance.reader <published folder>` ends when its standard input is closed, and prints a JSON object:
how often it read, which generations it saw, and what was wrong.
"""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

POLL, REST, EAGER = 0.01, 1.0, 1.0  # seconds: between glances, between reads at rest, of reading on after a change


def glance(published: Path) -> list[tuple[str, int]]:
    """What tells that somebody writes there: entries of the folder and of its generations, and when each last changed."""
    seen = []
    for pattern in ("", "*", "generations/*", "generations/*/parquet"):
        for path in published.glob(pattern) if pattern else [published]:
            with suppress(FileNotFoundError):
                seen.append((str(path), path.lstat().st_mtime_ns))
    return sorted(seen)


class Reader:
    def __init__(self, published: Path) -> None:
        self.published = published
        self.manifests: dict[str, dict[str, Any]] = {}
        self.reads = 0
        self.seen: dict[str, list[str]] = {"file": [], "parquet": []}
        self.wrong: list[str] = []

    def look(self) -> None:
        """One read of everything, both ways."""
        for way, snapshot in (("file", self._file), ("parquet", self._parquet)):
            try:
                counts, as_ofs = snapshot()
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a finding
                self.wrong.append(f"{way}: {type(error).__name__}: {error}")
                continue
            found = [g for g, m in self._manifests() if self._is_whole(m, counts, as_ofs)]
            if not found:
                self.wrong.append(f"{way}: no generation looks like {counts} of {as_ofs}")
            elif self.seen[way][-1:] != found[-1:]:
                self.seen[way].append(found[-1])
        self.reads += 1

    def _file(self) -> tuple[dict[str, int], set[str]]:
        with duckdb.connect(str(self.published / "marts.duckdb"), read_only=True) as con:
            tables = [r[0] for r in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
            return self._counts(con, {t: f'"{t}"' for t in tables})

    def _parquet(self) -> tuple[dict[str, int], set[str]]:
        """All files of one generation: the link is followed once, as docs/operating.md tells readers of many files."""
        folder = (self.published / "current").resolve() / "parquet"
        with duckdb.connect() as con:
            return self._counts(con, {p.stem: f"'{p}'" for p in sorted(folder.glob("*.parquet"))})

    @staticmethod
    def _counts(con: duckdb.DuckDBPyConnection, relations: dict[str, str]) -> tuple[dict[str, int], set[str]]:
        counts: dict[str, int] = {}
        as_ofs: set[str] = set()
        for name, relation in relations.items():
            day = "list(distinct as_of_date::varchar)" if name.startswith("rpt_") else "[]"
            row = con.execute(f"select count(*), {day} from {relation}").fetchone()
            assert row is not None
            counts[name] = row[0]
            as_ofs.update(row[1] or [])
        return counts, as_ofs

    @staticmethod
    def _is_whole(manifest: dict[str, Any], counts: dict[str, int], as_ofs: set[str]) -> bool:
        return counts == {m: v["rows"] for m, v in manifest["marts"].items()} and as_ofs == {manifest["as_of"]}

    def _manifests(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in sorted((self.published / "generations").glob("[0-9]*/manifest.json")):
            if path.parent.name not in self.manifests:
                self.manifests[path.parent.name] = json.loads(path.read_text())
        yield from self.manifests.items()


def main() -> None:
    reader = Reader(Path(sys.argv[1]))
    reader.look()
    print("reading", flush=True)  # noqa: T201
    known, changed, read = glance(reader.published), 0.0, 0.0
    while not select.select([sys.stdin], [], [], POLL)[0]:
        now, found = time.monotonic(), glance(reader.published)
        if found != known:
            known, changed = found, now
        if now - changed < EAGER or now - read > REST:
            reader.look()
            read = time.monotonic()
    reader.look()
    print(json.dumps({"reads": reader.reads, "seen": reader.seen, "wrong": reader.wrong}))  # noqa: T201


if __name__ == "__main__":
    main()
