"""dbt from the outside: its folders, its environment, and the manifest Dagster's graph is read from. No
dagster here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingestion.dbt_profile import write_profile
from ingestion.registry import all_specs
from ingestion.settings import PROJECT_DIR, Settings

DBT_PROJECT_DIR = PROJECT_DIR / "dbt_project"
MAKE_MANIFEST = "python -m orchestration manifest"
_NOT_THE_PROJECT = frozenset({"target", "logs", "dbt_packages"})


class ManifestError(RuntimeError):
    """The dbt project cannot be read; the message says what to run."""


def target_dir(settings: Settings) -> Path:
    return settings.dbt_dir / "target"


def manifest_path(settings: Settings) -> Path:
    """Our own copy: dbt writes its manifest anew with every command, and a killed night leaves half of it."""
    return settings.dbt_dir / "manifest.json"


def fingerprint(settings: Settings) -> str:
    """Changes when a parse could give another manifest: a project file, a source's shape, the profile's
    place, dbt.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in DBT_PROJECT_DIR.rglob("*") if p.is_file()):
        relative = path.relative_to(DBT_PROJECT_DIR)
        if not _NOT_THE_PROJECT.intersection(relative.parts):
            digest.update(f"{relative}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    shapes = {spec.name: spec.fingerprint for spec in all_specs()}
    packages = [version("dbt-core"), version("dbt-duckdb")]
    digest.update(json.dumps([shapes, packages, str(settings.data_dir)], sort_keys=True).encode())
    return digest.hexdigest()


def is_current(settings: Settings) -> bool:
    made_for = settings.dbt_dir / "manifest.fingerprint"
    return manifest_path(settings).exists() and made_for.exists() and made_for.read_text() == fingerprint(settings)


def make_manifest(settings: Settings, *, force: bool = False) -> bool:
    """Write the profile and parse the project unless nothing changed. Returns whether it parsed. Raises
    ManifestError.
    """
    write_profile(settings)
    if not force and is_current(settings):
        return False
    made_for = fingerprint(settings)
    done = run_dbt(settings, ["--quiet", "parse"], capture=True)
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise ManifestError(f"dbt cannot parse {DBT_PROJECT_DIR.name}; mend this, then run again:\n{tail}")
    made_for_file = settings.dbt_dir / "manifest.fingerprint"
    made_for_file.unlink(missing_ok=True)  # last off and last on: never a fingerprint beside another manifest
    new = settings.dbt_dir / ".manifest.json"
    shutil.copyfile(target_dir(settings) / "manifest.json", new)
    new.replace(manifest_path(settings))
    made_for_file.write_text(made_for)
    return True


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The manifest, when it is there and up to date. Raises ManifestError naming the command that makes
    it.
    """
    if not manifest_path(settings).exists():
        raise ManifestError(f"{manifest_path(settings)} is missing; make it: {MAKE_MANIFEST}")
    if not is_current(settings):
        raise ManifestError(f"the dbt project or a source changed since the manifest was made: {MAKE_MANIFEST}")
    return dict(json.loads(manifest_path(settings).read_text()))


def dbt_executable() -> str:
    """dbt of this environment, also when it is not on the PATH."""
    return str(Path(sys.executable).parent / "dbt")


def dbt_environment() -> dict[str, str]:
    """What dbt's process needs beside ours: the project on its path (our plugin), and no telemetry."""
    paths = [str(PROJECT_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def run_dbt(settings: Settings, args: Sequence[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run dbt on the project with the generated profile, in a process of its own."""
    folders = {
        "DBT_PROJECT_DIR": str(DBT_PROJECT_DIR),
        "DBT_PROFILES_DIR": str(write_profile(settings)),
        "DBT_TARGET_PATH": str(target_dir(settings)),
        "DBT_LOG_PATH": str(settings.dbt_dir / "logs"),
    }
    return subprocess.run(
        [dbt_executable(), *args],
        env={**os.environ, **dbt_environment(), **folders},
        cwd=DBT_PROJECT_DIR,
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
    )
