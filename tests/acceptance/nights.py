"""Whole nights in processes of their own, and looking at what they published. No tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ingestion.settings import PROJECT_DIR

KEY = "a key for tests, not for people"
SECONDS = 240  # a night takes 20 to 40 on two cores; what takes longer than this hangs


@dataclass(frozen=True)
class Warehouse:
    """An installation: a data folder, a catalogue, the day its nights stand on."""

    data_dir: Path
    catalogue: Path
    as_of: date
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Ours without settings of this machine, and with those of this installation."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith("WAREHOUSE_")}
        return ours | {
            "WAREHOUSE_DATA_DIR": str(self.data_dir),
            "WAREHOUSE_FILES_CATALOGUE": str(self.catalogue),
            "WAREHOUSE_HASH_KEY": KEY,
            "WAREHOUSE_ALERT_WEBHOOK_URL": "",
            "WAREHOUSE_ALERT_EMAIL_TO": "",
            "PYTHONPATH": str(PROJECT_DIR),
            "COLUMNS": "400",
            **self.settings,
        }

    def command(self, as_of: date | None = None) -> list[str]:
        return [sys.executable, "-m", "orchestration", "nightly", "--as-of", str(as_of or self.as_of)]

    def start(self, command: list[str] | None = None, **kwargs: Any) -> subprocess.Popen[str]:
        """Start a night in a process group of its own, so that it can be killed with all that it started."""
        return subprocess.Popen(
            command or self.command(),
            cwd=PROJECT_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **kwargs,
        )

    def run(self, as_of: date | None = None, command: list[str] | None = None) -> tuple[int, str]:
        """Run a whole night; returns (exit code, what it said)."""
        done = subprocess.run(
            command or self.command(as_of),
            cwd=PROJECT_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def run_patched(self, patch: str) -> tuple[int, str]:
        """Run a night in a process that first runs `patch`, Python that plants a fault."""
        code = f"{patch}\nimport sys\nsys.argv[1:] = {self.command()[3:]!r}\nfrom orchestration.__main__ import main\nmain()\n"
        return self.run(command=[sys.executable, "-c", code])

    def green(self, as_of: date | None = None) -> str:
        """Run a night that must end green; returns what it said."""
        code, said = self.run(as_of)
        assert code == 0, said
        assert ": green; published " in said, said
        return said

    @property
    def published(self) -> Path:
        return self.data_dir / "published"

    @property
    def current(self) -> str:
        """The id of the generation readers see."""
        return (self.published / "current").readlink().name

    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.published / "current" / "manifest.json").read_text()))

    @contextmanager
    def marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """What BI sees, opened as BI opens it."""
        with duckdb.connect(str(self.published / "marts.duckdb"), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            yield con

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.marts() as con:
            return con.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        (row,) = self.rows(query)
        return row


def differences(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """{mart: (rows only in the first file, rows only in the other)} of two published files; {} when all marts are equal.

    Rows are compared as bags, both ways; lineage columns (`_...`) do not count.
    """
    found: dict[str, tuple[int, int]] = {}
    with duckdb.connect() as con:
        con.execute(f"attach '{one}' as a (read_only)")
        con.execute(f"attach '{other}' as b (read_only)")
        columns = {
            name: con.execute(
                "select table_name, list((column_name, data_type) order by column_index) from duckdb_columns() "
                "where database_name = ? and not internal and not starts_with(column_name, '_') group by table_name",
                [name],
            ).fetchall()
            for name in "ab"
        }
        assert sorted(columns["a"]) == sorted(columns["b"]), "the two files do not hold the same tables and columns"
        assert columns["a"], "no mart at all"
        for table, shape in columns["a"]:
            picked = ", ".join(f'"{c}"' for c, _ in shape)
            only = [
                con.execute(
                    f'select count(*) from (select {picked} from {x}."{table}" except all select {picked} from {y}."{table}")'
                ).fetchall()[0][0]
                for x, y in ("ab", "ba")
            ]
            if any(only):
                found[table] = (only[0], only[1])
    return found
