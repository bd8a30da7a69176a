"""Where files lie: local folders and buckets through fsspec. Lists and fetches; knows nothing of their content."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.sources.files.problems import FileProblem

_BUCKETS = ("s3://", "gs://", "gcs://", "az://", "abfs://", "abfss://", "memory://")


@dataclass(frozen=True)
class FoundFile:
    """A file that a dataset's location reaches. `path` is relative to the catalogue for local files."""

    path: str
    size: int
    modified_at: datetime  # UTC
    local: Path | None  # None: fetch() brings it
    url: str = ""


def find(location: str, folder: Path) -> list[FoundFile]:
    """All files of a location, by path. Raises FileProblem for a folder or bucket that is not there."""
    if location.startswith(_BUCKETS):
        return _find_remote(location)
    pattern = Path(location)
    base = pattern if pattern.is_absolute() else folder / pattern
    fixed = Path(base.anchor)
    for part in base.parts[1:]:
        if any(c in part for c in "*?["):
            break
        fixed /= part
    if fixed == base:
        if base.is_dir():
            raise FileProblem(f"{location} is a folder; say which files, such as {location.rstrip('/')}/*.csv")
        if not base.parent.is_dir():
            raise FileProblem(f"the folder {_shown(base.parent, folder)} does not exist; make it, or mend `location`")
        found = [base] if base.is_file() else []
    else:
        if not fixed.is_dir():
            raise FileProblem(f"the folder {_shown(fixed, folder)} does not exist; make it, or mend `location`")
        found = [
            p for p in fixed.glob(str(base.relative_to(fixed))) if p.is_file() and not p.name.startswith((".", "~$"))
        ]
    files = []
    for p in sorted(found):
        stat = p.stat()
        moment = datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, UTC)
        files.append(FoundFile(_shown(p, folder), stat.st_size, moment, p))
    return files


def fetch(file: FoundFile, target: Path) -> Path:
    """The file on this machine: itself, or a copy at `target`."""
    if file.local is not None:
        return file.local
    import fsspec

    with fsspec.open(file.url, "rb") as remote, target.open("wb") as out:
        shutil.copyfileobj(remote, out, 1 << 20)
    return target


def _find_remote(location: str) -> list[FoundFile]:
    import fsspec

    fs, pattern = fsspec.core.url_to_fs(location)
    fs.invalidate_cache()
    bucket = pattern.split("/")[0]
    found: Mapping[str, Any] = fs.glob(pattern, detail=True) or {}
    if not found and not fs.exists(bucket):
        raise FileProblem(f"the bucket {bucket} does not exist, or its credentials do not reach it")
    scheme = location.split("://")[0]
    files = []
    for path, info in sorted(found.items()):
        if info.get("type") != "file":
            continue
        moment = next(
            (info[k] for k in ("LastModified", "last_modified", "mtime", "updated", "created") if info.get(k)),
            None,
        )
        files.append(
            FoundFile(f"{scheme}://{path}", int(info.get("size") or 0), _moment(moment), None, f"{scheme}://{path}")
        )
    return files


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        raise FileProblem("the bucket does not tell when its files were written")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _shown(path: Path, folder: Path) -> str:
    """A path as the catalogue would write it: the same on every machine."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()
